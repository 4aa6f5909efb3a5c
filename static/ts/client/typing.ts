// Who is writing at this moment. Goes over the socket, unencrypted, and is never kept.

import * as forms from "../api/forms";
import { equal, hex } from "../lib/bytes";
import { Unreachable } from "../lib/errors";
import { uuid } from "../lib/uuid";
import * as chats from "../store/chats";
import * as groups from "../store/groups";
import * as openChats from "../store/open_chats";
import * as peers from "../store/peers";
import type { Transaction } from "../store/transaction";
import type { Context } from "./context";
import { stateOf } from "./group_lookup";
import { openChatOf } from "./open_showing";
import { nameOf } from "./showing";

const LASTS = 6; // seconds after which nobody is writing any more, should the word get lost
const EVERY = 3_000; // ms between saying it again

type Kind = "chat" | "group" | "open_chat"; // of conversation, and the member of the frame that names it

const KINDS: readonly Kind[] = ["chat", "group", "open_chat"];

interface Writer {
  readonly chat: Uint8Array;
  readonly account: Uint8Array;
}

export class Typing {
  readonly #context: Context;
  readonly #ends = new Map<string, AbortController>();
  #said: { readonly chat: string; readonly at: number } | null = null;

  constructor(context: Context) {
    this.#context = context;
  }

  /** A frame of the server: somebody has begun or stopped to write. */
  heard(frame: forms.Json): void {
    const kind = KINDS.find((one) => frame[one] !== undefined) ?? "chat";
    const writer = { chat: forms.identifier(frame[kind]), account: forms.identifier(frame["account"]) };
    const own = this.#context.account;
    if (this.#context.write((tx) => isHeard(tx, own, kind, writer))) this.#show(writer, frame["on"] === true);
  }

  /** What they wrote is here: they are not writing it any more. */
  arrived(writer: Writer): void {
    if (this.#ends.has(keyOf(writer))) this.#show(writer, false);
  }

  /** The person is writing, or has stopped. Said only to whom they have accepted. */
  say(chat: Uint8Array, on: boolean): void {
    const { account, stream } = this.#context;
    const name = uuid(chat);
    const now = this.#context.now();
    const isSaid = this.#said?.chat === name && now - this.#said.at < EVERY;
    if (stream === null || (on ? isSaid : this.#said?.chat !== name)) return;
    const kind = this.#context.write((tx) => kindIfTold(tx, account, chat));
    if (kind === null) return;
    this.#said = on ? { chat: name, at: now } : null;
    try {
      stream.send({ type: "typing", [kind]: name, on });
    } catch (error) {
      if (!(error instanceof Unreachable)) throw error;
    }
  }

  close(): void {
    for (const end of this.#ends.values()) end.abort();
  }

  #show(writer: Writer, on: boolean): void {
    const { environment, telling } = this.#context;
    const { chat, account } = writer;
    const key = keyOf(writer);
    this.#ends.get(key)?.abort();
    this.#ends.delete(key);
    const name = this.#context.write((tx) => nameOf(tx, account));
    telling.say({ type: "typing", chat: uuid(chat), account: uuid(account), name, on });
    if (!on) return;
    const end = new AbortController();
    this.#ends.set(key, end);
    void environment.clock.sleep(LASTS, end.signal).then(() => {
      if (!end.signal.aborted) this.#show(writer, false);
    });
  }
}

function keyOf({ chat, account }: Writer): string {
  return `${hex(chat)} ${hex(account)}`;
}

/** Whether somebody can be writing there, and the person wants to know. */
function isHeard(tx: Transaction, own: Uint8Array, kind: Kind, { chat, account }: Writer): boolean {
  if (equal(account, own) || isBlocked(tx, account)) return false;
  if (kind === "group") return (stateOf(groups.get(tx, chat))?.role(account) ?? null) !== null;
  if (kind === "open_chat") return openChats.member(tx, chat, account) !== null;
  const known = chats.chat(tx, chat);
  return known !== null && equal(known.account, account);
}

/** What a conversation is, if those in it may know that the person writes. */
function kindIfTold(tx: Transaction, own: Uint8Array, chat: Uint8Array): Kind | null {
  const open = openChatOf(tx, chat);
  if (open !== null) return open.ended === "" && !open.request && !isBlocked(tx, open.account) ? "open_chat" : null;
  const group = groups.get(tx, chat);
  if (group !== null) {
    const isIn = group.ended === "" && !group.request && (stateOf(group)?.role(own) ?? null) !== null;
    return isIn ? "group" : null;
  }
  const known = chats.chat(tx, chat);
  const peer = known === null ? null : peers.byAccount(tx, known.account);
  return peer !== null && !peer.request && !peer.blocked ? "chat" : null;
}

function isBlocked(tx: Transaction, account: Uint8Array | null): boolean {
  return account !== null && peers.byAccount(tx, account)?.blocked === true;
}
