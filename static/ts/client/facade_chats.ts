// What the page asks of conversations and people.

import { WrongUse } from "../lib/errors";
import * as chats from "../store/chats";
import * as timeline from "../store/timeline";
import { Starting } from "./facade_start";
import type { ChatSummary, Found, Line, Person } from "./model";
import { byLatest, lineOf, summaryOf } from "./showing";
import { idOf } from "./tab";
import { WORDS } from "./words";

/** Every call is `async`, also where nothing is waited for: what goes wrong has to reject. */
/* eslint-disable @typescript-eslint/require-await */
export class Conversing extends Starting {
  async chats(): Promise<ChatSummary[]> {
    const { context } = this.inside;
    return context.write((tx) => chats.overviews(tx).map((one) => summaryOf(tx, one))).sort(byLatest);
  }

  async lines(chat: string, before: number | null, limit: number): Promise<Line[]> {
    const id = idOf(chat);
    const { context } = this.inside;
    return context.write((tx) => timeline.lines(tx, id, before, limit).map((entry) => lineOf(tx, entry)));
  }

  async linesAfter(chat: string, after: number, limit: number): Promise<Line[]> {
    const id = idOf(chat);
    const { context } = this.inside;
    return context.write((tx) => timeline.linesAfter(tx, id, after, limit).map((entry) => lineOf(tx, entry)));
  }

  async look(chat: string | null): Promise<void> {
    this.inside.receipts.look(chat === null ? null : idOf(chat));
  }

  async markRead(chat: string, position: number): Promise<void> {
    this.inside.receipts.markRead(idOf(chat), position);
  }

  async send(chat: string, text: string, options: { readonly mentions?: readonly string[] } = {}): Promise<Line> {
    return this.line(this.inside.writer.enqueue(idOf(chat), text, (options.mentions ?? []).map(idOf)));
  }

  async resend(line: string): Promise<Line> {
    return this.line(this.inside.writer.resend(idOf(line)));
  }

  async discard(line: string): Promise<void> {
    this.inside.writer.discard(idOf(line));
  }

  async saveDraft(chat: string, text: string): Promise<void> {
    const { context } = this.inside;
    const id = idOf(chat);
    context.write((tx) => chats.saveDraft(tx, id, text));
    context.telling.chat(id);
    context.telling.flush();
  }

  async typing(chat: string, on: boolean): Promise<void> {
    this.inside.typing.say(idOf(chat), on);
  }

  async editLine(): Promise<void> {
    throw new WrongUse(WORDS.openNotYet);
  }

  async deleteLine(): Promise<void> {
    throw new WrongUse(WORDS.openNotYet);
  }

  async search(): Promise<Found> {
    throw new WrongUse(WORDS.openNotYet);
  }

  async linesAround(): Promise<Line[]> {
    throw new WrongUse(WORDS.openNotYet);
  }

  async find(prefix: string): Promise<Person[]> {
    return this.inside.people.find(prefix);
  }

  async chatWith(person: Person, { open }: { readonly open: boolean }): Promise<ChatSummary> {
    if (open) throw new WrongUse(WORDS.openNotYet);
    const { context, people } = this.inside;
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
