// What the page asks of conversations and people.

import { WrongUse } from "../lib/errors";
import * as chats from "../store/chats";
import * as openChats from "../store/open_chats";
import * as timeline from "../store/timeline";
import { Starting } from "./facade_start";
import type { ChatSummary, Found, Line, Person } from "./model";
import { openRef, openSummaryOf } from "./open_showing";
import { byLatest, entryAt, lineOf, summaryOf } from "./showing";
import { idOf } from "./tab";
import { WORDS } from "./words";

/** Every call is `async`, also where nothing is waited for: what goes wrong has to reject. */
/* eslint-disable @typescript-eslint/require-await */
export class Conversing extends Starting {
  async chats(): Promise<ChatSummary[]> {
    const { context } = this.inside;
    return context
      .write((tx) => [
        ...chats.overviews(tx).map((one) => summaryOf(tx, one)),
        ...openChats.all(tx).flatMap(({ id }) => openSummaryOf(tx, id) ?? []),
      ])
      .sort(byLatest);
  }

  async lines(chat: string, before: number | null, limit: number): Promise<Line[]> {
    const id = idOf(chat);
    const { context } = this.inside;
    if (this.isOpen(id)) return this.inside.openHistory.lines(id, before, limit);
    return context.write((tx) => timeline.lines(tx, id, before, limit).map((entry) => lineOf(tx, entry)));
  }

  async linesAfter(chat: string, after: number, limit: number): Promise<Line[]> {
    const id = idOf(chat);
    const { context } = this.inside;
    if (this.isOpen(id)) return this.inside.openHistory.linesAfter(id, after, limit);
    return context.write((tx) => timeline.linesAfter(tx, id, after, limit).map((entry) => lineOf(tx, entry)));
  }

  async linesAround(chat: string, line: string, limit: number): Promise<Line[]> {
    const ref = openRef(line);
    if (ref !== null) return this.inside.openHistory.linesAround(ref, limit);
    const position = this.inside.context.write((tx) => entryAt(tx, line)?.position ?? 0);
    if (position === 0) throw new WrongUse(WORDS.noSuchLine);
    const above = await this.lines(chat, position + 1, Math.ceil(limit / 2));
    return [...above, ...(await this.linesAfter(chat, position, limit - above.length))];
  }

  async search(words: string, chat: string | null, cursor: string | null): Promise<Found> {
    const id = chat === null ? null : idOf(chat);
    if (id !== null && !this.isOpen(id)) throw new WrongUse(WORDS.openOnly);
    return this.inside.openHistory.search(words, id, cursor);
  }

  async look(chat: string | null): Promise<void> {
    const id = chat === null ? null : idOf(chat);
    const isOpen = id !== null && this.isOpen(id);
    this.inside.receipts.look(isOpen ? null : id);
    this.inside.openReading.look(isOpen ? id : null);
  }

  async markRead(chat: string, position: number): Promise<void> {
    const id = idOf(chat);
    if (this.isOpen(id)) this.inside.openReading.markRead(id, position);
    else this.inside.receipts.markRead(id, position);
  }

  async send(chat: string, text: string, options: { readonly mentions?: readonly string[] } = {}): Promise<Line> {
    const id = idOf(chat);
    if (this.isOpen(id)) return this.inside.openSender.enqueue(id, text); // the names in it say whom it mentions
    return this.line(this.inside.writer.enqueue(id, text, (options.mentions ?? []).map(idOf)));
  }

  async resend(line: string): Promise<Line> {
    const ref = openRef(line);
    return ref === null ? this.line(this.inside.writer.resend(idOf(line))) : this.inside.openSender.resend(ref);
  }

  async discard(line: string): Promise<void> {
    const ref = openRef(line);
    if (ref === null) this.inside.writer.discard(idOf(line));
    else this.inside.openSender.discard(ref);
  }

  async editLine(line: string, text: string): Promise<void> {
    const ref = openRef(line);
    if (ref === null) throw new WrongUse(WORDS.openOnly);
    await this.inside.openHistory.edit(ref, text);
  }

  async deleteLine(line: string): Promise<void> {
    const ref = openRef(line);
    if (ref === null) throw new WrongUse(WORDS.openOnly);
    await this.inside.openHistory.delete(ref);
  }

  async saveDraft(chat: string, text: string): Promise<void> {
    const { context } = this.inside;
    const id = idOf(chat);
    if (this.isOpen(id)) {
      this.inside.openChats.saveDraft(id, text);
      return;
    }
    context.write((tx) => chats.saveDraft(tx, id, text));
    context.telling.chat(id);
    context.telling.flush();
  }

  async typing(chat: string, on: boolean): Promise<void> {
    this.inside.typing.say(idOf(chat), on);
  }

  async find(prefix: string): Promise<Person[]> {
    return this.inside.people.find(prefix);
  }

  async chatWith(person: Person, { open }: { readonly open: boolean }): Promise<ChatSummary> {
    const { context, openChats, people } = this.inside;
    if (open) return this.summary(await openChats.with(idOf(person.account), person.username));
    const overview = people.chatWith(idOf(person.account), person.username);
    return context.write((tx) => summaryOf(tx, overview));
  }

  async accept(account: string): Promise<void> {
    await this.inside.people.accept(idOf(account));
  }

  async block(account: string): Promise<void> {
    await this.inside.people.block(idOf(account));
  }

  async unblock(account: string): Promise<void> {
    await this.inside.people.unblock(idOf(account));
  }
}
