// What became of messages: of own ones, whether they were accepted, delivered, read or expired; of received ones, what
// one's own other devices have read. The server's word; no secret depends on it.

import * as forms from "../api/forms";
import type { Json, Status } from "../api/index";
import { equal } from "../lib/bytes";
import { DAY } from "../protocol/limits";
import * as chats from "../store/chats";
import * as groups from "../store/groups";
import type { Entry, EntryStatus } from "../store/records";
import * as timeline from "../store/timeline";
import type { Transaction } from "../store/transaction";
import type { Context } from "./context";
import { stateOf } from "./group_lookup";
import type { MessageState } from "./model";
import { newestList } from "./opening";
import { conversationWith } from "./places";

const MOST = 500;
const OPEN_FOR = 31 * DAY; // after that nobody comes for a message any more

const RANKS: ReadonlyMap<string, number> = new Map([
  ["expired", 1],
  ["delivered", 2],
  ["read", 3],
]);

export class Statuses {
  readonly #context: Context;

  constructor(context: Context) {
    this.#context = context;
  }

  /** Ask for the fate of own messages where it is open. */
  async ask(): Promise<void> {
    const asked = this.#context.write((tx) => open(tx, this.#context.now()));
    if (asked.length > 0) this.apply(await this.#context.api.statuses(asked));
  }

  /** A frame of the server: another device of one's own has read something. */
  heard(frame: Json): void {
    const messages = forms.items(frame["messages"]).map(forms.identifier);
    this.#readElsewhere(forms.identifier(frame["chat"] ?? frame["group"]), messages);
  }

  /** Learn what was read on one's own other devices while this one was away. */
  async askReadElsewhere(): Promise<void> {
    const { account, api } = this.#context;
    const open = this.#context.write((tx) => {
      if ((newestList(tx, account)?.devices.length ?? 0) < 2) return [];
      const unread = chats.chats(tx).map(({ conversation }) => ({ conversation, ids: chats.unread(tx, conversation, MOST) }));
      return unread
        .filter(({ ids }) => ids.length > 0)
        .map((one) => ({ ...one, kind: groups.get(tx, one.conversation) === null ? ("chat" as const) : ("group" as const) }));
    });
    for (const { conversation, ids, kind } of open) {
      const known = await api.statuses(ids, { [kind]: conversation });
      const read = known.filter((one) => one.status === "read" && equal(one.account, account));
      this.#readElsewhere(conversation, read.map((one) => one.message));
    }
  }

  #readElsewhere(chat: Uint8Array, messages: readonly Uint8Array[]): void {
    const { telling } = this.#context;
    if (messages.length === 0 || !this.#context.write((tx) => chats.markReadElsewhere(tx, chat, messages))) return;
    telling.chat(chat);
    telling.flush();
  }

  apply(statuses: readonly Status[]): void {
    this.#context.write((tx) => {
      for (const status of statuses) this.#apply(tx, status);
    });
    this.#context.telling.flush();
  }

  #apply(tx: Transaction, status: Status): void {
    const own = this.#context.account;
    const name = known(status.status);
    if (name === null || equal(status.account, own)) return; // one's own other devices are no news
    const entry = timeline.get(tx, own, status.message);
    if (entry === null || !entry.outgoing || !isOf(tx, own, entry, status.account)) return;
    const isSame = (one: EntryStatus): boolean =>
      equal(one.account, status.account) && equal(one.device, status.device);
    const before = entry.statuses.find(isSame);
    if (before !== undefined && rank(before.status) >= rank(name)) return;
    const others = entry.statuses.filter((one) => !isSame(one));
    const { account, device, at } = status;
    const changed: Entry = { ...entry, statuses: [...others, { account, device, status: name, at }] };
    timeline.update(tx, changed, { unsettled: !isReadBySome(changed) });
    this.#context.telling.lines([changed]);
  }
}

/** Whether somebody may have anything to say of a message: its recipient, or a member of its group chat. */
function isOf(tx: Transaction, own: Uint8Array, entry: Entry, account: Uint8Array): boolean {
  if (equal(conversationWith(own, account), entry.chat)) return true;
  return (stateOf(groups.get(tx, entry.chat))?.role(account) ?? null) !== null;
}

/** The state of an own message: the furthest that any device of the recipient has come. */
export function outgoingState(entry: Entry): MessageState {
  if (entry.state !== "accepted") return entry.state === "failed" ? "failed" : "queued";
  return entry.statuses.reduce<MessageState>(
    (furthest, one) => (rank(one.status) > rank(furthest) ? one.status : furthest),
    "accepted",
  );
}

/** Whether it is known who has read it: under one's own account stands what a group chat's history says of the sum. */
function isReadBySome(entry: Entry): boolean {
  const statuses = entry.statuses.filter((one) => !equal(one.account, entry.account));
  return outgoingState({ ...entry, statuses }) === "read";
}

function rank(name: string): number {
  return RANKS.get(name) ?? 0;
}

function known(name: string): EntryStatus["status"] | null {
  return name === "expired" || name === "delivered" || name === "read" ? name : null;
}

function open(tx: Transaction, now: number): Uint8Array[] {
  const found: Uint8Array[] = [];
  for (const entry of timeline.unsettled(tx, MOST)) {
    if (now - entry.accepted > OPEN_FOR) timeline.update(tx, entry, { unsettled: false });
    else found.push(entry.id);
  }
  return found;
}
