// What of open chats is new or changed, until the page is told. Filled and read by `telling.ts`.

import { hex } from "../lib/bytes";
import { uuid } from "../lib/uuid";
import * as openChats from "../store/open_chats";
import * as openMessages from "../store/open_messages";
import * as openOutbox from "../store/open_outbox";
import type { OpenMessage } from "../store/open_records";
import type { Transaction } from "../store/transaction";
import type { Line, Told } from "./model";
import { OpenShowing, openChatOf, refKey, type OpenRef } from "./open_showing";

export class OpenTelling {
  /** Where the person looks now: what comes in there is read at once. */
  looking: Uint8Array | null = null;
  /** Called when reading at once has left something for the server to know. */
  onRead: () => void = () => undefined;
  #lines = new Map<string, { readonly ref: OpenRef; readonly given: OpenMessage | null }>();
  #chats = new Map<string, Uint8Array>();
  #accounts = new Map<string, Uint8Array>();

  /** Mark a line as new or changed. `given`: the message, for one that is perhaps not kept here. */
  line(ref: OpenRef, given: OpenMessage | null = null): void {
    this.#lines.set(refKey(ref), { ref, given });
    this.chat(ref.chat);
  }

  message(chat: Uint8Array, one: OpenMessage): void {
    this.line({ chat, sender: one.sender, message: one.message }, one);
  }

  chat(id: Uint8Array): void {
    this.#chats.set(hex(id), id);
  }

  /** Mark the chats that an account is in. */
  account(account: Uint8Array): void {
    this.#accounts.set(hex(account), account);
  }

  read(tx: Transaction): Told[] {
    for (const account of this.#accounts.values()) for (const chat of openChats.chatsOf(tx, account)) this.chat(chat);
    const [lines, marked] = [[...this.#lines.values()], this.#chats];
    this.#lines = new Map();
    this.#chats = new Map();
    this.#accounts = new Map();
    this.#readAtOnce(tx, marked);
    const told: Told[] = [];
    const summaries = [];
    for (const id of marked.values()) {
      const chat = openChatOf(tx, id);
      if (chat === null) continue;
      const showing = new OpenShowing(tx, chat);
      const changed = lines
        .filter(({ ref }) => hex(ref.chat) === hex(id))
        .flatMap(({ ref, given }) => lineOf(tx, showing, ref, given) ?? [])
        .sort((one, other) => one.position - other.position);
      if (changed.length > 0) told.push({ type: "lines", chat: uuid(id), lines: changed });
      summaries.push(showing.summary());
    }
    if (summaries.length > 0) told.push({ type: "chats", chats: summaries });
    return told;
  }

  #readAtOnce(tx: Transaction, marked: ReadonlyMap<string, Uint8Array>): void {
    if (this.looking === null || !marked.has(hex(this.looking))) return;
    if (markRead(tx, this.looking, Number.MAX_SAFE_INTEGER)) this.onRead();
  }
}

/** The person has seen the chat up to here: to the newest message that is not above. False: that was known already. */
export function markRead(tx: Transaction, id: Uint8Array, position: number): boolean {
  const chat = openChatOf(tx, id);
  const readTo = openMessages.upTo(tx, id, position);
  if (chat === null || readTo <= chat.readTo) return false;
  openChats.save(tx, { ...chat, readTo });
  return true;
}

function lineOf(tx: Transaction, showing: OpenShowing, ref: OpenRef, given: OpenMessage | null): Line | null {
  const kept = openMessages.byId(tx, ref.chat, ref.sender, ref.message) ?? given;
  if (kept !== null) return showing.line(kept);
  const queued = openOutbox.get(tx, ref.message);
  return queued === null ? null : showing.queued(queued);
}
