// What is written in open chats: stored first, sent in order, and sent again under its id until the server has it.
//
// Nothing here touches what is written in encrypted chats: the outbox of these is a table of its own, and nothing is put
// into it for a chat that is none of these.

import { openAccepted } from "../api/index";
import { equal, hex, random } from "../lib/bytes";
import { type ClientError, Defect, Refused, Unreachable, WrongUse } from "../lib/errors";
import { uuid } from "../lib/uuid";
import * as openChats from "../store/open_chats";
import * as openMessages from "../store/open_messages";
import * as openOutbox from "../store/open_outbox";
import { OpenOutgoing, type OpenChat } from "../store/open_records";
import * as peers from "../store/peers";
import type { Transaction } from "../store/transaction";
import { requireMe, type Context } from "./context";
import type { Line } from "./model";
import { keepOne, type OpenKeeper } from "./open_keeping";
import { openChatOf, OpenShowing, type OpenRef } from "./open_showing";
import { nameOf } from "./showing";
import { isOver, Signal, Turn } from "./signals";
import { WORDS } from "./words";

const MOST_TEXT = 16_000; // characters
const AGAIN = 5; // seconds between tries at what waits
const LEAST = 0.05; // seconds, whatever the server asks for

export class OpenSender {
  readonly #context: Context;
  readonly #keeper: OpenKeeper;
  readonly #wanted = new Signal();
  readonly #turn = new Turn();

  constructor(context: Context, keeper: OpenKeeper) {
    this.#context = context;
    this.#keeper = keeper;
  }

  /** Store a message for sending in an open chat, in place of its draft. Touches no network. Throws WrongUse. */
  enqueue(id: Uint8Array, text: string): Line {
    checkOpenText(text);
    return this.#enqueue(id, (tx) => {
      openChats.change(tx, id, { draft: "" });
      return { id: random(16), text };
    });
  }

  /** Write a failed message once more, under its own id: the server may have it after all. */
  resend(ref: OpenRef): Line {
    return this.#enqueue(ref.chat, (tx) => ({ id: ref.message, text: this.#failed(tx, ref).text }));
  }

  /** Take a failed message away. */
  discard(ref: OpenRef): void {
    const { telling } = this.#context;
    this.#context.write((tx) => openOutbox.remove(tx, this.#failed(tx, ref).id));
    telling.open.chat(ref.chat);
    telling.flush();
  }

  /** Send what waits, for as long as the connection lasts. */
  async run(until: AbortSignal): Promise<void> {
    const { clock } = this.#context.environment;
    this.#wanted.set(); // what could not be sent before
    while (!isOver(until)) {
      await this.#wanted.wait(until);
      if (isOver(until)) return;
      try {
        await this.flush();
      } catch (error) {
        // Of a connection that broke, whoever reads it knows more.
        if (!(error instanceof Unreachable)) throw error;
        await clock.sleep(Math.max(error.retryAfter ?? AGAIN, LEAST), until);
        this.#wanted.set();
      }
    }
  }

  flush(): Promise<void> {
    return this.#turn.take(async () => {
      this.#wanted.clear();
      for (;;) {
        const outgoing = this.#context.write((tx) => openOutbox.first(tx));
        if (outgoing === null) return;
        try {
          await this.#send(outgoing);
        } catch (error) {
          if (!(error instanceof Refused || error instanceof Defect || error instanceof WrongUse)) throw error;
          this.#fail(outgoing, this.#reasonOf(outgoing, error));
          if (error.code === "not_found") this.#keeper.lookAt(outgoing.chat);
        }
      }
    });
  }

  /** How many messages wait to be sent. */
  get waiting(): number {
    return this.#context.write((tx) => openOutbox.count(tx));
  }

  #enqueue(chat: Uint8Array, work: (tx: Transaction) => Pick<OpenOutgoing, "id" | "text">): Line {
    const { telling, account: sender } = this.#context;
    const { id, line } = this.#context.write((tx) => {
      requireMe(tx);
      const known = writable(tx, chat);
      const { id, text } = work(tx);
      const [, after] = openMessages.bounds(tx, chat) ?? [0, 0];
      openOutbox.remove(tx, id);
      openOutbox.add(tx, OpenOutgoing.of({ id, chat, sent: this.#context.now(), text, after }));
      const queued = openOutbox.get(tx, id);
      if (queued === null) throw new Defect(WORDS.cannotBeSent);
      return { id, line: new OpenShowing(tx, known).queued(queued) };
    });
    telling.open.line({ chat, sender, message: id });
    telling.flush();
    this.#wanted.set();
    return line;
  }

  async #send({ id, chat, text }: OpenOutgoing): Promise<void> {
    const { stream } = this.#context;
    this.#context.write((tx) => writable(tx, chat));
    if (stream === null) throw new Unreachable(WORDS.noConnection);
    const answer = await stream.request({ type: "open.send", open_chat: uuid(chat), message_id: uuid(id), body: text });
    const { position, acceptedAt, ...about } = openAccepted(answer);
    if (!equal(about.chat, chat) || !equal(about.message, id)) throw new Defect(WORDS.cannotBeSent);
    const { telling, account: sender, answered } = this.#context;
    const message = { position, message: id, sender, acceptedAt, editedAt: 0, deleted: false, body: text };
    this.#context.write((tx) => {
      openOutbox.remove(tx, id);
      keepOne(tx, chat, message);
      // Writing accepts, at the server as here.
      const known = openChats.change(tx, chat, { request: false });
      const other = known?.account ?? null;
      if (other === null) return;
      answered.add(hex(other));
      if (peers.byAccount(tx, other)?.request === true) peers.change(tx, other, { request: false });
    });
    telling.open.message(chat, message);
    telling.flush();
  }

  #fail({ id, chat }: OpenOutgoing, cause: string): void {
    const { telling, account: sender } = this.#context;
    this.#context.write((tx) => openOutbox.fail(tx, id, cause));
    telling.open.line({ chat, sender, message: id });
    telling.flush();
  }

  #failed(tx: Transaction, { chat, sender, message }: OpenRef): OpenOutgoing {
    const queued = openOutbox.get(tx, message);
    const isHere = queued !== null && equal(queued.outgoing.chat, chat) && equal(sender, this.#context.account);
    if (!isHere) {
      const isSent = openMessages.byId(tx, chat, sender, message) !== null;
      throw new WrongUse(isSent ? WORDS.notFailed : WORDS.noSuchLine);
    }
    if (!queued.outgoing.failed) throw new WrongUse(WORDS.notFailed);
    return queued.outgoing;
  }

  #reasonOf({ chat }: OpenOutgoing, error: ClientError): string {
    const name = this.#context.write((tx) => {
      const other = openChats.get(tx, chat)?.account ?? null;
      return other === null ? null : nameOf(tx, other);
    });
    switch (error.code) {
      case "not_found":
        return name === null ? WORDS.groupOver : WORDS.cannotBeWritten(name);
      case "contact_blocked":
        return name === null ? error.message : WORDS.blockedByYou(name);
      case "not_listed":
        return WORDS.notListed;
      case "malformed":
      case "defect":
        return WORDS.cannotBeSent;
      default:
        return error.message;
    }
  }
}

/** What a message of an open chat may be. Throws WrongUse. */
export function checkOpenText(text: string): void {
  if (text.trim() === "" || text.includes("\0") || lengthOf(text) > MOST_TEXT) throw new WrongUse(WORDS.openTextSize(MOST_TEXT));
  if (/\p{Surrogate}/u.test(text)) throw new WrongUse(WORDS.notUnicode);
}

/** In characters, as the server counts them: those that are two units here are one. */
function lengthOf(text: string): number {
  return text.length - (text.match(/[\u{10000}-\u{10ffff}]/gu)?.length ?? 0);
}

/** An open chat that one is in. Throws WrongUse: an encrypted one, too, is none. */
function writable(tx: Transaction, id: Uint8Array): OpenChat {
  const chat = openChatOf(tx, id);
  if (chat === null) throw new WrongUse(WORDS.unknownChat);
  if (chat.ended !== "") throw new WrongUse(WORDS.groupOver);
  return chat;
}
