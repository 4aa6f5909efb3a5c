// What of the open chat is being read: told to the client, so that it counts as read.

import type { Messenger } from "../../client/messenger";
import type { ChatSummary } from "../../client/model";
import { NOWHERE, type Conversation } from "./conversation";

/** What is open; `chat` undefined and `conversation` null: nothing. `ready`: the client can be asked. */
export interface Open {
  readonly chat: ChatSummary | undefined;
  readonly conversation: Conversation | null;
  readonly ready: boolean;
}

export class Reading {
  attended = false; // somebody looks at the page
  readonly #messenger: Messenger;
  readonly #open: () => Open;
  readonly #do: (work: Promise<unknown>) => void;
  #looking: string | null = null;
  #marked = NOWHERE;
  #lowest = NOWHERE; // position of the lowest line in view

  constructor(messenger: Messenger, open: () => Open, run: (work: Promise<unknown>) => void) {
    this.#messenger = messenger;
    this.#open = open;
    this.#do = run;
  }

  attend(attended: boolean): void {
    this.attended = attended;
    this.look();
    this.#mark();
  }

  /** The log: its newest line is in view or not, and the position of the lowest line in view; NOWHERE: none is. */
  see(following: boolean, position: number): void {
    this.#lowest = position;
    this.#open().conversation?.follow(following);
    this.look();
    this.#mark();
  }

  /** Another chat is opened, or none. */
  leave(): void {
    this.#marked = NOWHERE;
    this.#lowest = NOWHERE;
    this.look();
  }

  /** Tell the client which chat is being read, so that what comes in there counts as read. */
  look(): void {
    const { chat, conversation, ready } = this.#open();
    const reading = this.attended && conversation?.opened && conversation.following && conversation.atEnd;
    const looking = reading && chat && !chat.request && !chat.blocked ? chat.id : null;
    if (looking === this.#looking) return;
    this.#looking = looking;
    if (ready) this.#do(this.#messenger.look(looking));
  }

  /** What is in view counts as read, unless nobody looks, or the person has not decided about the request. */
  #mark(): void {
    const { chat } = this.#open();
    if (!chat || !this.attended || chat.request || chat.blocked || chat.unread === 0) return;
    if (this.#lowest < chat.firstUnread || this.#lowest <= this.#marked) return;
    this.#marked = this.#lowest;
    this.#do(this.#messenger.markRead(chat.id, this.#lowest));
  }
}
