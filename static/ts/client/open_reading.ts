// How far the person has read in open chats, and the server's being told of it: kept until it knows.

import { Defect, Refused, Unreachable } from "../lib/errors";
import { uuid } from "../lib/uuid";
import * as openChats from "../store/open_chats";
import type { OpenChat } from "../store/open_records";
import type { Context } from "./context";
import { markRead } from "./open_telling";
import { isOver, Signal } from "./signals";
import { WORDS } from "./words";

const TOGETHER = 0.3; // seconds for which more may come, to be told together
const AGAIN = 5; // seconds before what was too much is tried again

export class OpenReading {
  readonly #context: Context;
  readonly #wanted = new Signal();

  constructor(context: Context) {
    this.#context = context;
    context.telling.open.onRead = () => this.#wanted.set();
  }

  /** The person has seen the chat up to here. */
  markRead(id: Uint8Array, position: number): void {
    const { telling } = this.#context;
    if (!this.#context.write((tx) => markRead(tx, id, position))) return;
    telling.open.chat(id);
    telling.flush();
    this.#wanted.set();
  }

  /** The person looks at this chat now, or at none: what comes in there is read at once. */
  look(id: Uint8Array | null): void {
    this.#context.telling.open.looking = id;
    if (id !== null) this.markRead(id, Number.MAX_SAFE_INTEGER);
  }

  /** Tell what is to be told, for as long as the connection lasts. */
  async run(until: AbortSignal): Promise<void> {
    const { clock } = this.#context.environment;
    this.#wanted.set(); // what could not be told before
    while (!isOver(until)) {
      await this.#wanted.wait(until);
      await clock.sleep(TOGETHER, until);
      if (isOver(until)) return;
      this.#wanted.clear();
      try {
        const untold = this.#context.write((tx) => openChats.all(tx)).filter((one) => one.readTo > one.toldTo);
        for (const chat of untold) await this.#tell(chat);
      } catch (error) {
        // Of a connection that broke, whoever reads it knows more.
        if (!(error instanceof Unreachable)) throw error;
        await clock.sleep(error.retryAfter ?? AGAIN, until);
        this.#wanted.set();
      }
    }
  }

  async #tell({ id, readTo, ended }: OpenChat): Promise<void> {
    const { stream } = this.#context;
    if (stream === null) throw new Unreachable(WORDS.noConnection);
    try {
      if (ended === "") await stream.request({ type: "open.read", open_chat: uuid(id), position: readTo });
    } catch (error) {
      // The server will not hear of it, now or later.
      if (!(error instanceof Refused || error instanceof Defect)) throw error;
    }
    this.#context.write((tx) => {
      const toldTo = Math.max(openChats.get(tx, id)?.toldTo ?? 0, readTo);
      openChats.change(tx, id, { toldTo });
    });
  }
}
