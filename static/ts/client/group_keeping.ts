// What waits in group chats: sender keys for operations, messages for sender keys. Seen to while connected.
//
// PROTOCOL.md, Groups. A sender key of a member that names an operation which the server does not show is how a
// withheld removal comes to light: nothing is sent to that group chat until the operation is there.

import type { Waiting } from "../api/index";
import { Defect, Refused, Unreachable } from "../lib/errors";
import type { Withheld } from "../store/group_records";
import * as waiting from "../store/group_waiting";
import * as groups from "../store/groups";
import type { Transaction } from "../store/transaction";
import { requireMe, type Context } from "./context";
import type { Controls } from "./controls";
import { Batch } from "./decrypting";
import type { Directory } from "./directory";
import type { Visit } from "./doctor";
import type { Following } from "./group_following";
import { framed, hearAgain } from "./group_reading";
import type { GroupSender } from "./group_sending";
import { isOver, Signal } from "./signals";

const EVERY = 30; // seconds
const PATIENCE = 30_000; // ms that a message waits for its sender key before its device is asked

export class GroupKeeper {
  /** Sender keys wait that nobody has looked at. */
  readonly wanted = new Signal();
  readonly #context: Context;
  readonly #directory: Directory;
  readonly #following: Following;
  readonly #sender: GroupSender;
  readonly #controls: Controls;

  constructor(context: Context, directory: Directory, following: Following, sender: GroupSender, controls: Controls) {
    this.#context = context;
    this.#directory = directory;
    this.#following = following;
    this.#sender = sender;
    this.#controls = controls;
  }

  /** See to it, for as long as the connection lasts. */
  async run(until: AbortSignal): Promise<void> {
    const { clock } = this.#context.environment;
    while (!isOver(until)) {
      try {
        this.wanted.clear();
        this.#context.write((tx) => waiting.tidy(tx, { now: this.#context.now() }));
        for (const chat of this.#context.write((tx) => waiting.chatsOfKeys(tx))) await this.#learnKeys(chat);
        this.#askForOverdue();
      } catch (error) {
        if (!(error instanceof Unreachable || error instanceof Refused || error instanceof Defect)) throw error;
      }
      await this.wanted.waitAtMost(EVERY, clock, until);
    }
  }

  /** Learn what sender keys of a group chat name that came before it, and take them. */
  async #learnKeys(chat: Uint8Array): Promise<void> {
    try {
      await this.#following.follow(chat);
    } catch (error) {
      if (!(error instanceof Refused)) throw error; // said already
      if (error.code === "not_found") this.#context.write((tx) => waiting.forgetKeys(tx, chat)); // none of ours
    }
    await this.#directory.refreshAll(this.#context.write((tx) => waiting.keysOf(tx, chat)).map((one) => one.account));
    const { telling } = this.#context;
    const shown = this.#context.write((tx) => {
      const batch = this.#batch(tx);
      const withheld: Withheld[] = [];
      for (const key of waiting.keysOf(tx, chat)) {
        const heard = hearAgain(tx, key, this.#visit());
        if (heard.withheld !== null) withheld.push(heard.withheld);
        batch.retake(heard.waiting);
      }
      batch.finish();
      this.#following.noteWithheld(tx, chat, withheld);
      return batch.shown;
    });
    telling.lines(shown);
    telling.chat(chat); // perhaps its title is known now
    telling.flush();
    this.#sender.wanted.set();
  }

  /** Say what cannot be read for want of its key, and ask for it. It stays, should the key come after all. */
  #askForOverdue(): void {
    const { telling } = this.#context;
    const shown = this.#context.write((tx) => {
      const isShown = ({ group }: Waiting): boolean => group !== null && (groups.get(tx, group)?.state ?? null) !== null;
      const batch = this.#batch(tx);
      for (const { envelope, frame } of waiting.overdue(tx, this.#context.now() - PATIENCE)) {
        const came = framed(frame);
        if (!came.every(isShown)) continue;
        for (const one of came) batch.giveUp(one);
        waiting.markAsked(tx, envelope);
      }
      batch.finish();
      return batch.shown;
    });
    if (shown.length === 0) return;
    telling.lines(shown);
    telling.flush();
    this.#controls.wanted.set();
  }

  #batch(tx: Transaction): Batch {
    return new Batch(tx, requireMe(tx), { ...this.#visit(), last: true, answered: this.#context.answered });
  }

  #visit(): Visit {
    return { now: this.#context.now(), entropy: this.#context.environment.entropy };
  }
}
