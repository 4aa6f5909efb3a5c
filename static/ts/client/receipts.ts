// What the person has read, and the senders' being told of it: of accepted people only, and kept until told.

import { Refused, Unreachable } from "../lib/errors";
import { uuid } from "../lib/uuid";
import * as chats from "../store/chats";
import * as groups from "../store/groups";
import * as peers from "../store/peers";
import type { Transaction } from "../store/transaction";
import type { Context } from "./context";
import { isOver, Signal } from "./signals";
import { WORDS } from "./words";

const MOST = 500; // messages in one frame
const TOGETHER = 0.3; // seconds for which more may come, to be told together
const AGAIN = 5; // seconds before what was too much is tried again

interface Untold {
  readonly chat: Uint8Array;
  readonly messages: readonly Uint8Array[];
  readonly upTo: number;
}

export class Receipts {
  /** Somebody may have to be told of something. */
  readonly wanted = new Signal();
  readonly #context: Context;

  constructor(context: Context) {
    this.#context = context;
    context.telling.onRead = () => this.wanted.set();
  }

  /** The person has seen the chat up to here. */
  markRead(chat: Uint8Array, position: number): void {
    const { telling } = this.#context;
    if (!this.#context.write((tx) => chats.markRead(tx, chat, position))) return;
    telling.chat(chat);
    telling.flush();
    this.wanted.set();
  }

  /** The person looks at this chat now, or at none: what comes in there is read at once. */
  look(chat: Uint8Array | null): void {
    this.#context.telling.looking = chat;
    if (chat !== null) this.markRead(chat, Number.MAX_SAFE_INTEGER);
  }

  /** Tell what is to be told, for as long as the connection lasts. */
  async run(until: AbortSignal): Promise<void> {
    const { clock } = this.#context.environment;
    this.wanted.set(); // what could not be told before
    while (!isOver(until)) {
      await this.wanted.wait(until);
      await clock.sleep(TOGETHER, until);
      if (isOver(until)) return;
      this.wanted.clear();
      try {
        await this.#tell();
      } catch (error) {
        // Of a connection that broke, whoever reads it knows more; what is not told waits in the store.
        if (!(error instanceof Unreachable)) throw error;
        await clock.sleep(error.retryAfter ?? AGAIN, until);
        this.wanted.set();
      }
    }
  }

  async #tell(): Promise<void> {
    for (;;) {
      const untold = this.#context.write((tx) => firstUntold(tx));
      if (untold === null) return;
      if (untold.messages.length > 0) await this.#send(untold);
      this.#context.write((tx) => chats.markTold(tx, untold.chat, untold.upTo));
    }
  }

  async #send({ chat, messages }: Untold): Promise<void> {
    const { stream } = this.#context;
    const kind = this.#context.write((tx) => groups.get(tx, chat)) === null ? "chat" : "group";
    if (stream === null) throw new Unreachable(WORDS.noConnection);
    try {
      await stream.request({ type: "message.read", [kind]: uuid(chat), messages: messages.map(uuid) });
    } catch (error) {
      // The server will not hear of it, now or later.
      if (!(error instanceof Refused)) throw error;
    }
  }
}

/** Something to tell, of a chat whose other person may know. Requests and blocked people are told nothing. */
function firstUntold(tx: Transaction): Untold | null {
  for (const conversation of chats.withUntold(tx)) {
    const chat = chats.chat(tx, conversation);
    const peer = chat === null ? null : peers.byAccount(tx, chat.account);
    const group = groups.get(tx, conversation);
    if (group !== null && (group.request || group.ended !== "")) continue;
    if (chat === null || peer?.request === true || peer?.blocked === true) continue;
    const read = chats.readAndUntold(tx, conversation, MOST);
    const upTo = read.length < MOST ? chat.readTo : (read.at(-1)?.position ?? chat.readTo);
    // Of what could not be shown, nobody has read anything.
    const messages = read.filter((entry) => entry.kind === "text").map((entry) => entry.id);
    return { chat: conversation, messages, upTo };
  }
  return null;
}
