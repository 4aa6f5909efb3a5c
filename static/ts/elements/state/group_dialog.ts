// What a chat is made with: whom it is with, and whether it is encrypted; a group has a title and more. Also adding
// people to a group, and joining one by a link.

import type { Messenger } from "../../client/messenger";
import type { Person } from "../../client/model";
import { Changes } from "./changes";
import type { Clock } from "./clock";
import { reasonOf } from "./notices";
import { PeopleSearch } from "./people";

export type GroupView =
  | { readonly name: "chat" } // with one other person
  | { readonly name: "new" }
  | { readonly name: "add"; readonly chat: string; readonly title: string; readonly known: readonly string[] }
  | { readonly name: "join"; readonly code: string };

/** What was filled in about a group. */
export interface GroupForm {
  readonly title: string;
  readonly description: string;
  readonly colour: number | null;
}

export class GroupDialog {
  readonly changed = new Changes();
  readonly people: PeopleSearch;
  view: GroupView | null = null;
  chosen: readonly Person[] = [];
  query = "";
  /** Not end-to-end encrypted. */
  isOpen = false;
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
    this.isOpen = false;
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
    const others = this.view?.name === "chat" ? [] : this.chosen.filter((one) => one.account !== person.account);
    this.chosen = [...others, person];
    this.search("");
  }

  drop(person: Person): void {
    this.chosen = this.chosen.filter((one) => one.account !== person.account);
    this.changed.emit();
  }

  setOpen(open: boolean): void {
    this.isOpen = open;
    this.changed.emit();
  }

  /** The id of the chat with whom is chosen; null: it did not work, and `why` says why. */
  async write(): Promise<string | null> {
    const [person] = this.chosen;
    if (!person) return null;
    return this.#do(async () => (await this.#messenger.chatWith(person, { open: this.isOpen })).id);
  }

  /** The id of the group that was made. An open one has a title alone. */
  create({ title, ...more }: GroupForm): Promise<string | null> {
    const accounts = this.chosen.map((person) => person.account);
    const options = this.isOpen ? { open: true } : { open: false, ...more };
    return this.#do(async () => (await this.#messenger.createGroup(title, accounts, options)).id);
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
