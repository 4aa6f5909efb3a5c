// What the socket says of open chats. Frames of one chat may overtake each other: positions and times say what stands.

import { openMessage, type Json, type OpenMessage } from "../api/index";
import * as forms from "../api/forms";
import { equal, hex } from "../lib/bytes";
import { Defect, Refused, Unreachable } from "../lib/errors";
import * as openChats from "../store/open_chats";
import * as openMessages from "../store/open_messages";
import type { Transaction } from "../store/transaction";
import type { Context } from "./context";
import { keepOne, type OpenKeeper } from "./open_keeping";
import type { Typing } from "./typing";

interface Heard {
  readonly chat: Uint8Array;
  readonly message: OpenMessage | null;
  readonly read: { readonly account: Uint8Array; readonly position: number } | null;
  readonly isChat: boolean;
  readonly isOut: boolean;
}

export class OpenHearing {
  readonly #context: Context;
  readonly #keeper: OpenKeeper;
  readonly #typing: Typing;

  constructor(context: Context, keeper: OpenKeeper, typing: Typing) {
    this.#context = context;
    this.#keeper = keeper;
    this.#typing = typing;
  }

  /** Frames of the server, as many as have come. What makes no sense is passed over. Throws Unreachable. */
  async hear(frames: readonly Json[]): Promise<void> {
    const heard = frames.flatMap(heardOf);
    if (heard.length === 0) return;
    const { telling } = this.#context;
    const learn = this.#context.write((tx) => this.#take(tx, heard));
    for (const { chat, message } of heard) if (message !== null) this.#typing.arrived({ chat, account: message.sender });
    telling.flush();
    for (const { chat } of heard.filter((one) => one.isOut)) this.#keeper.noteOut(chat, "removed");
    for (const chat of learn) {
      try {
        await this.#keeper.learn(chat);
      } catch (error) {
        if (error instanceof Unreachable) this.#keeper.learnLater(chat);
        // Not in it any more, or nonsense: the next connection's list says what there is.
        else if (!(error instanceof Refused || error instanceof Defect)) throw error;
      }
    }
    await this.#keeper.name(heard.flatMap(({ message }) => message ?? []));
  }

  /** Returns the chats that something has to be learned of. */
  #take(tx: Transaction, heard: readonly Heard[]): Uint8Array[] {
    const learn = new Map<string, Uint8Array>();
    for (const { chat, message, read, isChat, isOut } of heard) {
      const isUnknown = openChats.get(tx, chat)?.ended !== "";
      if (isOut) learn.delete(hex(chat));
      else if (isChat || isUnknown) learn.set(hex(chat), chat);
      if (isUnknown) continue;
      if (message !== null && this.#isNews(tx, chat, message)) this.#context.telling.open.message(chat, message);
      if (read !== null) this.#takeRead(tx, chat, read);
    }
    return [...learn.values()];
  }

  /** Also of a message that is not kept here any more: it may be in view. */
  #isNews(tx: Transaction, chat: Uint8Array, message: OpenMessage): boolean {
    return keepOne(tx, chat, message) || openMessages.at(tx, chat, message.position) === null;
  }

  #takeRead(tx: Transaction, id: Uint8Array, { account, position }: { account: Uint8Array; position: number }): void {
    const { account: own, telling } = this.#context;
    const before = openChats.furthestRead(tx, id, own);
    const isFurther = openChats.markMemberRead(tx, id, account, position);
    if (equal(account, own)) {
      const chat = openChats.get(tx, id);
      if (chat === null || chat.readTo >= position) return;
      openChats.save(tx, { ...chat, readTo: position, toldTo: Math.max(chat.toldTo, position) });
      telling.open.chat(id);
    } else if (isFurther && position > before) {
      for (const one of openMessages.between(tx, id, own, before, position)) telling.open.message(id, one);
    }
  }
}

function heardOf(frame: Json): Heard[] {
  try {
    const { type } = frame;
    const chat = forms.identifier(frame["open_chat"]);
    const isMessage = type === "open.message" || type === "open.changed";
    const read = { account: frame["account"], position: frame["position"] };
    return [
      {
        chat,
        message: isMessage ? openMessage(frame) : null,
        read:
          type === "open.read"
            ? { account: forms.identifier(read.account), position: forms.unsigned(read.position) }
            : null,
        isChat: type === "open.chat",
        isOut: type === "open.chat" && frame["removed"] === true,
      },
    ];
  } catch (error) {
    if (error instanceof Defect) return [];
    throw error;
  }
}
