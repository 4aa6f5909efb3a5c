// People, chats and lines of a client without a server, made by tests and scenes.

import type { StartOptions } from "../../client/messenger";
import type { ChatSummary, Connection, GroupInfo, Line, Told } from "../../client/model";

export const OPTIONS: StartOptions = { account: id("a", 1), username: "alice", csrf: "csrf", knownDevice: "" };
const MINUTE = 60_000;

/** An id that says what it is of. */
export function id(kind: string, number: number): string {
  const first = kind.charCodeAt(0).toString(16).padStart(8, "0");
  return `${first}-0000-7000-8000-${number.toString(16).padStart(12, "0")}`;
}

/** Who and what there is, and what happens by itself. */
export class FakeStore {
  readonly summaries = new Map<string, ChatSummary>();
  readonly stored = new Map<string, Line[]>();
  protected readonly hearers = new Set<(told: Told) => void>();
  #position = 0;
  #line = 0;

  tell(told: Told): void {
    for (const hear of this.hearers) hear(told);
  }

  /** Somebody to talk with, known or found only. */
  addChat(number: number, name: string, more: Partial<ChatSummary> = {}): ChatSummary {
    const chat: ChatSummary = {
      id: id("c", number),
      kind: "private",
      open: false,
      account: id("p", number),
      name,
      group: null,
      last: null,
      unread: 0,
      firstUnread: 0,
      mentioned: false,
      draft: "",
      request: false,
      blocked: false,
      verified: false,
      identityChanged: false,
      ...more,
    };
    this.summaries.set(chat.id, chat);
    this.stored.set(chat.id, []);
    return chat;
  }

  /** A group that this account owns. */
  addGroup(title: string, more: Partial<GroupInfo> = {}, chat: Partial<ChatSummary> = {}): ChatSummary {
    const number = 900 + this.summaries.size;
    const group: GroupInfo = {
      title,
      description: "",
      colour: null,
      role: "owner",
      members: [{ account: OPTIONS.account, name: OPTIONS.username, role: "owner", identityChanged: false }],
      pending: [],
      isPending: false,
      links: [],
      membersMayAdd: false,
      muted: false,
      ended: "",
      trouble: "",
      ...more,
    };
    return this.addChat(number, title, { kind: "group", account: id("c", number), group, ...chat });
  }

  addLine(chat: string, text: string, more: Partial<Line> = {}): Line {
    this.#position += 1;
    this.#line += 1;
    const at = more.sentAt ?? Date.now();
    const outgoing = more.outgoing ?? false;
    const summary = this.summaries.get(chat);
    const changeable = outgoing && summary?.open === true;
    const line: Line = {
      id: id("l", this.#line),
      chat,
      position: this.#position,
      kind: "text",
      outgoing,
      sender: outgoing || summary?.kind === "group" ? "" : (summary?.name ?? ""),
      sentAt: at,
      acceptedAt: at,
      text,
      state: outgoing ? "read" : "received",
      devices: [],
      skipped: 0,
      cause: "",
      missing: 0,
      repair: "none",
      mentions: [],
      mentioned: false,
      editedAt: 0,
      deleted: false,
      changeable,
      deletable: changeable,
      ...more,
    };
    this.stored.get(chat)?.push(line);
    this.change(chat, { last: line });
    return line;
  }

  /** Lines of a long conversation, some each hour, the last one `end`. */
  fill(chat: string, count: number, end: number): void {
    const words = ["See you there.", "Did you read what I sent? I think the second part is the better one.", "Yes", "👍"];
    for (let at = 0; at < count; at += 1) {
      const outgoing = Math.floor(at / 3) % 2 === 0;
      const text = `${words[at % words.length] ?? ""} (${at + 1})`;
      this.addLine(chat, text, { outgoing, sentAt: end - (count - at) * 17 * MINUTE });
    }
  }

  change(chat: string, change: Partial<ChatSummary>): void {
    const before = this.summaries.get(chat);
    if (before) this.summaries.set(chat, { ...before, ...change });
  }

  /** Change a chat, and tell it. */
  update(chat: string, change: Partial<ChatSummary>): void {
    this.change(chat, change);
    const now = this.summaries.get(chat);
    if (now) this.tell({ type: "chats", chats: [now] });
  }

  /** A line comes in by itself. */
  receive(chat: string, text: string): Line {
    const line = this.addLine(chat, text);
    const before = this.summaries.get(chat);
    this.tell({ type: "lines", chat, lines: [line] });
    this.update(chat, { unread: (before?.unread ?? 0) + 1, firstUnread: before?.firstUnread || line.position });
    return line;
  }

  connection(connection: Connection): void {
    this.tell({ type: "connection", connection });
  }
}
