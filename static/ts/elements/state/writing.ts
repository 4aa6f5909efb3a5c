// What a person writes in the open chat: a message, or other words for one that stands there already.

import type { Messenger } from "../../client/messenger";
import type { ChatSummary, GroupPerson, Line } from "../../client/model";
import { Changes } from "./changes";
import type { Clock } from "./clock";
import type { Conversation } from "./conversation";
import { Drafts } from "./drafts";
import { closedWhy } from "./group";
import { mentionsIn } from "./mentions";
import type { Notices } from "./notices";
import { TypingSignal } from "./typing";

/** Where one writes; `chat` as the list has it. */
export interface Place {
  readonly chat: ChatSummary | undefined;
  readonly conversation: Conversation | null;
}

export interface Editing {
  readonly line: Line;
  readonly text: string; // as it is so far
}

export class Writing {
  /** Something else is edited, or nothing any more. */
  readonly changed = new Changes();
  readonly drafts: Drafts;
  editing: Editing | null = null;
  /** Messages that are on the screen and not stored yet: whoever leaves the page now loses them. */
  storing = 0;
  readonly #messenger: Messenger;
  readonly #ready: Promise<void>;
  readonly #own: string; // account
  readonly #notices: Notices;
  readonly #place: () => Place;
  readonly #typing: TypingSignal;
  readonly #unsaved = new Map<string, Editing>(); // by chat: what was being changed there

  constructor(
    messenger: Messenger,
    clock: Clock,
    where: { ready: Promise<void>; own: string; notices: Notices; place: () => Place },
  ) {
    this.#messenger = messenger;
    this.#ready = where.ready;
    this.#own = where.own;
    this.#notices = where.notices;
    this.#place = where.place;
    this.drafts = new Drafts((chat, text) => this.#do(this.#ready.then(() => messenger.saveDraft(chat, text))), clock);
    this.#typing = new TypingSignal((chat, on) => this.#do(messenger.typing(chat, on)), clock);
  }

  /** Whom one can mention here: the other members. */
  get people(): readonly GroupPerson[] {
    return (this.#place().chat?.group?.members ?? []).filter(({ account }) => account !== this.#own);
  }

  typed(text: string): void {
    const { chat, conversation } = this.#place();
    if (this.editing) {
      this.editing = { ...this.editing, text };
      return;
    }
    if (!conversation) return;
    this.drafts.set(conversation.chat, text);
    if (text && chat && !chat.request && closedWhy(chat) === null) this.#typing.typed(conversation.chat);
    else this.#typing.stop();
  }

  /** On the screen at once, stored a moment later, whether connected or not. */
  async send(text: string): Promise<void> {
    const { conversation } = this.#place();
    if (!conversation || text.trim() === "") return;
    if (this.editing) {
      await this.#save(this.editing.line, text);
      return;
    }
    const mentions = this.#mentions(text);
    const pending = conversation.addPending(text, mentions);
    void conversation.newest();
    this.#typing.stop();
    this.drafts.sent(conversation.chat);
    this.storing += 1;
    try {
      await this.#ready;
      const accounts = mentions.map(({ account }) => account);
      conversation.settle(pending, await this.#messenger.send(conversation.chat, text, { mentions: accounts }));
    } catch (error) {
      conversation.settle(pending, null);
      this.drafts.restore(conversation.chat, text);
      this.#notices.complain(error);
    } finally {
      this.storing -= 1;
    }
  }

  edit(line: Line): void {
    if (!line.changeable) return;
    this.#typing.stop();
    this.#become({ line, text: line.text });
  }

  /** The newest of one's own; false: it cannot be changed, or it is not in the page. */
  editLast(): boolean {
    const { conversation } = this.#place();
    if (!conversation?.atEnd || conversation.pending.length > 0) return false;
    const line = conversation.lines.findLast((one) => one.outgoing && one.kind === "text" && !one.deleted);
    if (!line?.changeable) return false;
    this.edit(line);
    return true;
  }

  stopEditing(): void {
    if (this.editing) this.#become(null);
  }

  delete(line: Line): void {
    if (this.editing?.line.id === line.id) this.stopEditing();
    if (this.#unsaved.get(line.chat)?.line.id === line.id) this.#unsaved.delete(line.chat);
    this.#do(this.#messenger.deleteLine(line.id));
  }

  resend(line: Line): void {
    this.#do(this.#messenger.resend(line.id).then((sent) => this.#place().conversation?.take([sent])));
  }

  discard(line: Line): void {
    this.#do(this.#messenger.discard(line.id).then(() => this.#place().conversation?.remove(line.id)));
  }

  /** Have the sender of a message that cannot be read asked for it. */
  askAgain(line: Line): void {
    this.#do(this.#messenger.askAgain(line.id));
  }

  /** Go on with what was being changed in this chat when it was left. */
  enter(chat: string): void {
    const editing = this.#unsaved.get(chat);
    this.#unsaved.delete(chat);
    if (editing) this.#become(editing);
  }

  leave(): void {
    if (this.editing && this.editing.text !== this.editing.line.text) this.#unsaved.set(this.editing.line.chat, this.editing);
    this.stopEditing();
    this.#typing.stop();
    this.drafts.flushAll();
  }

  /** What could not be saved can be tried once more, unless something else is edited by then. */
  async #save(line: Line, text: string): Promise<void> {
    this.#become(null);
    if (text === line.text) return;
    try {
      await this.#messenger.editLine(line.id, text);
    } catch (error) {
      const isHere = this.#place().conversation?.chat === line.chat;
      if (!isHere) this.#unsaved.set(line.chat, { line, text });
      else if (!this.editing) this.#become({ line, text });
      this.#notices.complain(error);
    }
  }

  #mentions(text: string): GroupPerson[] {
    const { people } = this;
    const accounts = new Set(mentionsIn(text, people).map(({ account }) => account));
    return people.filter(({ account }) => accounts.has(account));
  }

  #become(editing: Editing | null): void {
    this.editing = editing;
    this.changed.emit();
  }

  #do(work: Promise<unknown>): void {
    work.catch((error: unknown) => this.#notices.complain(error));
  }
}
