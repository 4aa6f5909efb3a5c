// Lines of open chats: from what is kept here, and beyond it from the server, which has all of them.

import { OPEN_PAGE, type OpenMessage } from "../api/index";
import { equal } from "../lib/bytes";
import { Unreachable, WrongUse } from "../lib/errors";
import { uuid } from "../lib/uuid";
import * as openMessages from "../store/open_messages";
import * as openOutbox from "../store/open_outbox";
import type { OpenChat } from "../store/open_records";
import type { Transaction } from "../store/transaction";
import type { Context } from "./context";
import type { Found, Line } from "./model";
import { worded } from "./open_chats";
import { keepOne, type OpenKeeper } from "./open_keeping";
import { checkOpenText } from "./open_sending";
import { openChatOf, openLineId, OpenShowing, type OpenRef } from "./open_showing";
import { nameOf } from "./showing";
import { WORDS } from "./words";

const REMEMBERED = 5_000; // positions of lines that are not kept

export class OpenHistory {
  readonly #context: Context;
  readonly #keeper: OpenKeeper;
  readonly #positions = new Map<string, number>(); // by line: where it is at the server

  constructor(context: Context, keeper: OpenKeeper) {
    this.#context = context;
    this.#keeper = keeper;
  }

  /**
   * At most `limit` lines before a position (null: the newest), oldest first.
   *
   * Fewer: there are no older ones, or the server cannot be reached now. Throws Unreachable where that leaves none
   * before a position: none at all means that there are no older ones.
   */
  async lines(id: Uint8Array, before: number | null, limit: number): Promise<Line[]> {
    if (before === null) await this.#newest(id);
    const { messages, chat } = this.#kept(id, (tx) => openMessages.before(tx, id, before, limit));
    let all = messages;
    if (messages.length < limit && !chat.whole && chat.ended === "") {
      const from = messages[0]?.position ?? (before === null ? null : Math.ceil(before));
      const isEnough = messages.length > 0 || before === null;
      const older = await this.#orNone(isEnough, () => this.#older(id, from, limit - messages.length));
      all = [...older, ...messages];
      await this.#keeper.name(older);
    }
    const isAll = all.length < limit;
    return this.#shown(id, all, { after: isAll ? 0 : (all[0]?.position ?? 0), before: before ?? Infinity }).slice(-limit);
  }

  /** At most `limit` lines after a position, oldest first; fewer: there are no newer ones. Throws Unreachable. */
  async linesAfter(id: Uint8Array, after: number, limit: number): Promise<Line[]> {
    const { messages, chat } = this.#kept(id, (tx) => openMessages.after(tx, id, after, limit));
    const [oldest] = this.#context.write((tx) => openMessages.bounds(tx, id)) ?? [Infinity];
    let all = messages;
    // Between the position and what is kept there are others: with those missing it would show a gap.
    if (!chat.whole && Math.floor(after) + 1 < oldest && chat.ended === "") {
      const read = await this.#newer(id, Math.max(0, Math.floor(after)), limit);
      await this.#keeper.name(read);
      if (read.length > 0) all = read;
      // What was written since stands behind all others.
      if (read.length === limit) return this.#shown(id, read, { after, before: (read.at(-1)?.position ?? 0) + 1 }).slice(0, limit);
    }
    return this.#shown(id, all, { after }).slice(0, limit);
  }

  /** Lines around one of them. Throws WrongUse where it is not known where that is. */
  async linesAround(ref: OpenRef, limit: number): Promise<Line[]> {
    const position = this.#positionOf(ref);
    const above = await this.lines(ref.chat, position + 1, Math.ceil(limit / 2));
    const known = new Set(above.map((line) => line.id));
    const below = await this.linesAfter(ref.chat, position, Math.max(1, limit - above.length));
    return [...above, ...below.filter((line) => !known.has(line.id))];
  }

  /** Put another text in place of a message of one's own. */
  async edit(ref: OpenRef, text: string): Promise<void> {
    checkOpenText(text);
    if (!equal(ref.sender, this.#context.account)) throw new WrongUse(WORDS.notYours);
    const position = this.#positionOf(ref);
    const { edit } = NO_SUCH;
    this.#note(ref.chat, await worded(() => this.#context.api.open.edit(ref.chat, position, text), edit));
  }

  /** Empty a message for everybody. */
  async delete(ref: OpenRef): Promise<void> {
    const position = this.#positionOf(ref);
    await worded(() => this.#context.api.open.delete(ref.chat, position), NO_SUCH.delete);
    const known = this.#context.write((tx) => openMessages.at(tx, ref.chat, position));
    const read = known === null ? await this.#context.api.open.before(ref.chat, position + 1, 1) : null;
    const message = known ?? read?.messages.at(0);
    if (message !== undefined) this.#note(ref.chat, { ...message, deleted: true, body: "" });
  }

  /** Look for words at the server, in one chat or (null) in all of these. */
  async search(words: string, chat: Uint8Array | null, cursor: string | null): Promise<Found> {
    if (!/[\p{L}\p{N}]/u.test(words)) throw new WrongUse(WORDS.emptySearch);
    const { matches, next } = await this.#context.api.open.search(words, { chat, cursor });
    await this.#keeper.name(matches);
    return this.#context.write((tx) => ({
      matches: matches.map((one) => {
        const line = openLineId(one);
        this.#remember(line, one.position);
        const isOwn = equal(one.sender, this.#context.account);
        const sender = isOwn ? "" : nameOf(tx, one.sender);
        return { chat: uuid(one.chat), line, sender, at: one.acceptedAt, snippet: one.snippet };
      }),
      next,
    }));
  }

  /** What is kept of the newest lines is shown at once; where nothing is, it is waited for. */
  async #newest(id: Uint8Array): Promise<void> {
    const isEmpty = this.#context.write((tx) => openMessages.bounds(tx, id)) === null;
    if (isEmpty && this.#context.stream !== null) await this.#orNone(true, () => this.#keeper.refresh(id).then(() => []));
    else this.#keeper.lookAt(id);
  }

  /** So many messages below a position (null: the newest), or all there are, oldest first. */
  async #older(id: Uint8Array, from: number | null, count: number): Promise<OpenMessage[]> {
    const read: OpenMessage[] = []; // newest first
    for (let more = true; more && read.length < count; ) {
      const page = await this.#context.api.open.before(id, read.at(-1)?.position ?? from, Math.min(count - read.length, OPEN_PAGE));
      read.push(...page.messages);
      more = page.more;
    }
    return read.reverse();
  }

  /** So many messages above a position, or all there are, oldest first. */
  async #newer(id: Uint8Array, from: number, count: number): Promise<OpenMessage[]> {
    const read: OpenMessage[] = [];
    for (let isFull = true; isFull && read.length < count; ) {
      const most = Math.min(count - read.length, OPEN_PAGE);
      const page = await this.#context.api.open.after(id, read.at(-1)?.position ?? from, most);
      read.push(...page);
      isFull = page.length === most;
    }
    return read;
  }

  /** What the server gives; nothing, where it cannot be reached and that is not all there is. */
  async #orNone(isEnough: boolean, read: () => Promise<OpenMessage[]>): Promise<OpenMessage[]> {
    try {
      return await read();
    } catch (error) {
      if (!(error instanceof Unreachable && isEnough)) throw error;
      return [];
    }
  }

  #kept(id: Uint8Array, read: (tx: Transaction) => OpenMessage[]): { messages: OpenMessage[]; chat: OpenChat } {
    return this.#context.write((tx) => ({ messages: read(tx), chat: required(tx, id) }));
  }

  /** Messages, as they are kept where they are, and what waits to be sent between two positions. */
  #shown(id: Uint8Array, messages: readonly OpenMessage[], { after = 0, before = Infinity }): Line[] {
    return this.#context.write((tx) => {
      const showing = new OpenShowing(tx, required(tx, id));
      // What came while the server was asked stands behind the others.
      const came = before === Infinity ? openMessages.after(tx, id, messages.at(-1)?.position ?? after, openMessages.KEPT) : [];
      const lines = [...messages, ...came].map((one) => showing.line(openMessages.at(tx, id, one.position) ?? one));
      for (const line of lines) this.#remember(line.id, line.position);
      const queued = openOutbox.ofChat(tx, id).filter(({ position }) => position > after && position < before);
      return [...lines, ...queued.map((one) => showing.queued(one))].sort((one, other) => one.position - other.position);
    });
  }

  #note(id: Uint8Array, message: OpenMessage): void {
    const { telling } = this.#context;
    this.#context.write((tx) => keepOne(tx, id, message));
    telling.open.message(id, message);
    telling.flush();
  }

  #positionOf(ref: OpenRef): number {
    const kept = this.#context.write((tx) => {
      required(tx, ref.chat);
      return openMessages.byId(tx, ref.chat, ref.sender, ref.message);
    });
    const position = kept?.position ?? this.#positions.get(openLineId(ref));
    if (position === undefined) throw new WrongUse(WORDS.noSuchLine);
    return position;
  }

  #remember(line: string, position: number): void {
    this.#positions.delete(line);
    this.#positions.set(line, position);
    const oldest = this.#positions.size > REMEMBERED ? this.#positions.keys().next().value : undefined;
    if (oldest !== undefined) this.#positions.delete(oldest);
  }
}

const NO_SUCH = {
  edit: { not_found: WORDS.noSuchLine, not_allowed: WORDS.notYours },
  delete: { not_found: WORDS.noSuchLine, not_allowed: WORDS.notDeletable },
};

function required(tx: Transaction, id: Uint8Array): OpenChat {
  const chat = openChatOf(tx, id);
  if (chat === null) throw new WrongUse(WORDS.unknownChat);
  return chat;
}
