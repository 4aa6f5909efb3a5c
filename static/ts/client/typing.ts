// Who is writing at this moment. Goes over the socket, unencrypted, and is never kept.

import * as forms from "../api/forms";
import { equal, hex } from "../lib/bytes";
import { Unreachable } from "../lib/errors";
import { uuid } from "../lib/uuid";
import * as chats from "../store/chats";
import * as peers from "../store/peers";
import type { Context } from "./context";

const LASTS = 6; // seconds after which nobody is writing any more, should the word get lost
const EVERY = 3_000; // ms between saying it again

export class Typing {
  readonly #context: Context;
  readonly #ends = new Map<string, AbortController>();
  #said: { readonly chat: string; readonly at: number } | null = null;

  constructor(context: Context) {
    this.#context = context;
  }

  /** A frame of the server: somebody has begun or stopped to write. */
  heard(frame: forms.Json): void {
    const chat = forms.identifier(frame["chat"]);
    const account = forms.identifier(frame["account"]);
    const isTheirs = this.#context.write((tx) => {
      const known = chats.chat(tx, chat);
      return known !== null && equal(known.account, account) && peers.byAccount(tx, account)?.blocked !== true;
    });
    if (isTheirs) this.#show(chat, frame["on"] === true);
  }

  /** What they wrote is here: they are not writing it any more. */
  arrived(chat: Uint8Array): void {
    if (this.#ends.has(hex(chat))) this.#show(chat, false);
  }

  /** The person is writing, or has stopped. Said only to whom they have accepted. */
  say(chat: Uint8Array, on: boolean): void {
    const { stream } = this.#context;
    const name = uuid(chat);
    const now = this.#context.now();
    const isSaid = this.#said?.chat === name && now - this.#said.at < EVERY;
    if (stream === null || (on ? isSaid : this.#said?.chat !== name) || !this.#mayKnow(chat)) return;
    this.#said = on ? { chat: name, at: now } : null;
    try {
      stream.send({ type: "typing", chat: name, on });
    } catch (error) {
      if (!(error instanceof Unreachable)) throw error;
    }
  }

  close(): void {
    for (const end of this.#ends.values()) end.abort();
  }

  #mayKnow(chat: Uint8Array): boolean {
    return this.#context.write((tx) => {
      const known = chats.chat(tx, chat);
      const peer = known === null ? null : peers.byAccount(tx, known.account);
      return peer !== null && !peer.request && !peer.blocked;
    });
  }

  #show(chat: Uint8Array, on: boolean): void {
    const { environment, telling } = this.#context;
    const key = hex(chat);
    this.#ends.get(key)?.abort();
    this.#ends.delete(key);
    telling.say({ type: "typing", chat: uuid(chat), on });
    if (!on) return;
    const end = new AbortController();
    this.#ends.set(key, end);
    void environment.clock.sleep(LASTS, end.signal).then(() => {
      if (!end.signal.aborted) this.#show(chat, false);
    });
  }
}
