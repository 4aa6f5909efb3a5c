// Finding people by the beginning of their username: after a pause in typing, and only the last question counts.

import type { Person } from "../../client/model";
import { Changes } from "./changes";
import type { Clock } from "./clock";

export const SHORTEST = 2; // characters: the server answers no less
export const PAUSE = 250; // ms
const USERNAME = /^[\p{L}\p{N}._-]+$/u; // what one can begin with; anything else, such as a group's title, is not asked

export type SearchState = "idle" | "searching" | "found" | "failed";

export class PeopleSearch {
  readonly changed = new Changes();
  state: SearchState = "idle";
  people: readonly Person[] = [];
  why = "";
  readonly #find: (prefix: string) => Promise<Person[]>;
  readonly #clock: Clock;
  #asked = 0;
  #cancel: () => void = () => undefined;

  constructor(find: (prefix: string) => Promise<Person[]>, clock: Clock) {
    this.#find = find;
    this.#clock = clock;
  }

  search(text: string): void {
    this.#cancel();
    this.#asked += 1;
    const prefix = text.trim().replace(/^@/, "");
    if (prefix.length < SHORTEST) {
      this.#become("idle", []);
      return;
    }
    if (!USERNAME.test(prefix)) {
      this.#become("found", []);
      return;
    }
    // Those of before who do not fit any more must not be chosen by a quick Enter.
    const fits = (person: Person): boolean => person.username.toLowerCase().startsWith(prefix.toLowerCase());
    this.#become("searching", this.people.filter(fits));
    const asked = this.#asked;
    this.#cancel = this.#clock.after(PAUSE, () => void this.#ask(prefix, asked));
  }

  async #ask(prefix: string, asked: number): Promise<void> {
    try {
      const people = await this.#find(prefix);
      if (asked === this.#asked) this.#become("found", people);
    } catch (error) {
      if (asked !== this.#asked) return;
      this.why = error instanceof Error ? error.message : "";
      this.#become("failed", []);
    }
  }

  #become(state: SearchState, people: readonly Person[]): void {
    this.state = state;
    this.people = people;
    this.changed.emit();
  }
}
