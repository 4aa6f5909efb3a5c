// The conversations as the list shows them: in order, filtered, searched.

import type { ChatSummary } from "../../client/model";
import { Changes } from "./changes";
import { timeOf } from "./rows";

export type Filter = "all" | "unread" | "requests";

export class ChatList {
  readonly changed = new Changes();
  loaded = false;
  filter: Filter = "all";
  query = "";
  /** The chat that is open: a filter does not take it away while the person reads it. */
  current: string | null = null;
  readonly #chats = new Map<string, ChatSummary>();
  #ordered: readonly ChatSummary[] | null = null;

  take(chats: readonly ChatSummary[], { complete = false } = {}): void {
    for (const chat of chats) this.#chats.set(chat.id, chat);
    this.loaded ||= complete;
    this.#ordered = null;
    this.changed.emit();
  }

  get(id: string): ChatSummary | undefined {
    return this.#chats.get(id);
  }

  /** All of them, the latest first; those that nobody has written in yet stand above. */
  get all(): readonly ChatSummary[] {
    this.#ordered ??= [...this.#chats.values()].sort(byLatest);
    return this.#ordered;
  }

  /** What the filter and the search leave. A search looks through all chats. */
  get shown(): readonly ChatSummary[] {
    const query = normal(this.query);
    if (query) return this.matching(query);
    return this.all.filter((chat) => chat.id === this.current || passes(chat, this.filter));
  }

  /** Chats whose name contains the query; those that begin with it first. */
  matching(query: string): readonly ChatSummary[] {
    const wanted = normal(query);
    const found = this.all.filter((chat) => normal(chat.name).includes(wanted));
    const begins = found.filter((chat) => normal(chat.name).startsWith(wanted));
    return [...begins, ...found.filter((chat) => !begins.includes(chat))];
  }

  /** Messages that wait to be read, of people who may write. A muted group calls once, when somebody has mentioned one. */
  get unread(): number {
    return this.all.reduce((sum, chat) => sum + calls(chat), 0);
  }

  get requests(): number {
    return this.all.filter((chat) => passes(chat, "requests")).length;
  }

  /** The chat `step` places below the open one (above: negative), as the list shows them. */
  neighbour(step: number): ChatSummary | undefined {
    const shown = this.shown;
    const at = shown.findIndex((chat) => chat.id === this.current);
    if (at < 0) return step > 0 ? shown[0] : shown[shown.length - 1];
    return shown[at + step];
  }

  setFilter(filter: Filter): void {
    this.filter = filter;
    this.changed.emit();
  }

  setQuery(query: string): void {
    this.query = query;
    this.changed.emit();
  }

  setCurrent(chat: string | null): void {
    this.current = chat;
    this.changed.emit();
  }
}

function calls(chat: ChatSummary): number {
  if (chat.blocked || chat.request) return 0;
  return chat.group?.muted ? Number(chat.mentioned) : chat.unread;
}

function passes(chat: ChatSummary, filter: Filter): boolean {
  if (filter === "unread") return chat.unread > 0 && !chat.blocked;
  if (filter === "requests") return chat.request && !chat.blocked;
  return true;
}

/** By time: positions of open chats and of others do not compare. */
function byLatest(one: ChatSummary, other: ChatSummary): number {
  if (one.last === null || other.last === null) {
    return Number(other.last === null) - Number(one.last === null) || one.name.localeCompare(other.name);
  }
  const difference = timeOf(other.last) - timeOf(one.last) || other.last.position - one.last.position;
  return difference || one.name.localeCompare(other.name);
}

function normal(text: string): string {
  return text.trim().normalize("NFKC").toLowerCase();
}
