// Completing the name of a member behind an @: who fits, and who is chosen.

import type { GroupPerson } from "../../client/model";
import { fitting, startedAt, type Started } from "./mentions";

export class Completion {
  people: readonly GroupPerson[] = [];
  at = 0; // of `people`: who is chosen
  started: Started | null = null;
  #refused = -1; // where an @ stands that the person wants no name for

  get chosen(): GroupPerson | null {
    return this.people[this.at] ?? null;
  }

  /** What is written, and where one writes on. */
  take(text: string, caret: number, people: readonly GroupPerson[]): void {
    const started = people.length > 0 ? startedAt(text, caret) : null;
    if (started?.from !== this.#refused) this.#refused = -1;
    const isWanted = started !== null && started.from !== this.#refused;
    const before = this.started;
    this.started = isWanted ? started : null;
    this.people = this.started ? fitting(people, this.started.prefix) : [];
    if (before?.from !== started?.from || before?.prefix !== started?.prefix) this.at = 0;
    if (this.people.length === 0) this.started = null;
  }

  move(step: number): void {
    const { length } = this.people;
    this.at = (this.at + step + length) % length;
  }

  choose(at: number): void {
    this.at = at;
  }

  /** No name for this @; false: none was shown. */
  refuse(): boolean {
    if (!this.started) return false;
    this.#refused = this.started.from;
    this.close();
    return true;
  }

  close(): void {
    this.started = null;
    this.people = [];
  }
}
