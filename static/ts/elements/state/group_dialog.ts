// What a group is made with: a title and people found by name. Also adding people to one, and joining one by a link.

import type { Messenger } from "../../client/messenger";
import type { Person } from "../../client/model";
import { Changes } from "./changes";
import type { Clock } from "./clock";
import { reasonOf } from "./notices";
import { PeopleSearch } from "./people";

export type GroupView =
  | { readonly name: "new" }
  | { readonly name: "add"; readonly chat: string; readonly title: string; readonly known: readonly string[] }
  | { readonly name: "join"; readonly code: string };

export class GroupDialog {
  readonly changed = new Changes();
  readonly people: PeopleSearch;
  view: GroupView | null = null;
  chosen: readonly Person[] = [];
  query = "";
  busy = false;
  /** Why what was asked for last did not work. */
  why = "";
  readonly #messenger: Messenger;
  readonly #ready: Promise<void>;

  /** `ready`: the client can be asked. An address may open the dialog before that. */
  constructor(messenger: Messenger, ready: Promise<void>, clock: Clock) {
    this.#messenger = messenger;
    this.#ready = ready;
    this.people = new PeopleSearch((prefix) => messenger.find(prefix), clock);
  }

  open(view: GroupView): void {
    if (this.busy) return;
    this.view = view;
    this.chosen = [];
    this.why = "";
    this.search("");
  }

  close(): void {
    this.view = null;
    this.changed.emit();
  }

  search(query: string): void {
    this.query = query;
    this.people.search(query);
    this.changed.emit();
  }

  /** Who was found and can still be chosen. */
  get found(): readonly Person[] {
    const known = this.view?.name === "add" ? this.view.known : [];
    const taken = new Set([...known, ...this.chosen.map((person) => person.account)]);
    return this.people.people.filter((person) => !taken.has(person.account));
  }

  choose(person: Person): void {
    if (!this.chosen.some((one) => one.account === person.account)) this.chosen = [...this.chosen, person];
    this.search("");
  }

  drop(person: Person): void {
    this.chosen = this.chosen.filter((one) => one.account !== person.account);
    this.changed.emit();
  }

  /** The id of the group that was made; null: it did not work, and `why` says why. */
  create(title: string): Promise<string | null> {
    const accounts = this.chosen.map((person) => person.account);
    return this.#do(async () => (await this.#messenger.createGroup(title.trim(), accounts, { open: false })).id);
  }

  /** Add those who are chosen, one after the other: whom it worked for is not chosen any more. */
  async add(): Promise<boolean> {
    const { view } = this;
    if (view?.name !== "add") return false;
    const done = await this.#do(async () => {
      for (const person of this.chosen) {
        await this.#messenger.addMember(view.chat, person.account);
        this.drop(person);
      }
      return view.chat;
    });
    return done !== null;
  }

  /** The id of the group that a link leads to. */
  async join(): Promise<string | null> {
    const { view } = this;
    if (view?.name !== "join") return null;
    return this.#do(async () => (await this.#messenger.join(view.code)).id);
  }

  async #do(work: () => Promise<string>): Promise<string | null> {
    if (this.busy) return null;
    this.why = "";
    this.#become(true);
    try {
      await this.#ready;
      const done = await work();
      this.view = null;
      return done;
    } catch (error) {
      this.why = reasonOf(error);
      return null;
    } finally {
      this.#become(false);
    }
  }

  #become(busy: boolean): void {
    this.busy = busy;
    this.changed.emit();
  }
}
