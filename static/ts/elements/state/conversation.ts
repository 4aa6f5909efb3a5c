// A window of lines over one conversation that moves up and down its history, and what is being sent.

import type { Messenger } from "../../client/messenger";
import type { ChatSummary, GroupPerson, Line } from "../../client/model";
import { Announcements } from "./announcements";
import { Changes } from "./changes";
import type { Clock } from "./clock";
import { pendingLine } from "./pending";

export const PAGE = 60; // lines fetched at once: about three screens
export const WINDOW = 300; // lines in the page: more make it slow, fewer make it fetch while one scrolls
const CONTEXT = 20; // lines above the first unread one
export const NOWHERE = Number.MIN_SAFE_INTEGER; // before every line: those of before this device's time stand below 0

/** `words`: what was searched for. */
export interface Target {
  readonly line: string;
  readonly words: readonly string[];
}

export type Loading = "opening" | "older" | "newer" | null;

export class Conversation {
  readonly changed = new Changes();
  lines: readonly Line[] = [];
  /** Shown, but not stored yet. */
  pending: readonly Line[] = [];
  loading: Loading = null;
  opened = false;
  failed = "";
  failedBelow = false; // it was what comes after these lines that could not be loaded
  atStart = false;
  atEnd = false;
  /** Position of the first line that was unread when the chat was opened, or that came in unseen; 0: none. */
  unreadFrom = 0;
  /** Lines that came in below what is seen. */
  unseen = 0;
  /** The line that was searched for, in the page. */
  target: Target | null = null;
  /** Whether the person sees the newest line: new ones move the window along. The log says so. */
  following = true;
  readonly chat: string;
  readonly news: Announcements;
  readonly #messenger: Messenger;
  readonly #clock: Clock;
  #early: Line[] = [];
  #meanwhile: Line[] = []; // came in while lines were fetched: those may be without them
  #pendingCount = 0;
  #heard = 0; // position of the newest line that was announced
  #loaded: Promise<void> = Promise.resolve();

  constructor(messenger: Messenger, clock: Clock, chat: string) {
    this.#messenger = messenger;
    this.#clock = clock;
    this.chat = chat;
    this.news = new Announcements(clock);
  }

  /** Load the lines around the first unread one, or the newest. */
  async open(summary: Pick<ChatSummary, "firstUnread" | "unread">): Promise<void> {
    await this.#load("opening", async () => {
      const from = summary.unread > 0 ? summary.firstUnread : 0;
      let isShort: boolean;
      this.unreadFrom = from;
      this.following = from === 0;
      if (from !== 0) {
        const [above, below] = await Promise.all([
          // What is above can be asked for again: what is unread is shown without it.
          this.#messenger.lines(this.chat, from, CONTEXT).catch(() => []),
          this.#messenger.linesAfter(this.chat, from - 1, PAGE),
        ]);
        this.lines = [...above, ...below];
        this.atStart = false;
        this.atEnd = below.length < PAGE;
        isShort = above.length < CONTEXT;
      } else {
        isShort = await this.#loadNewest();
      }
      this.opened = true;
      const early = this.#early;
      this.#early = [];
      this.#merge(early);
      if (isShort) await this.#seekStart().catch(() => undefined); // else once somebody looks for it
    });
  }

  async older(): Promise<void> {
    const first = this.lines[0];
    if (!first || this.atStart) return;
    await this.#load("older", async () => {
      const more = await this.#messenger.lines(this.chat, first.position, PAGE);
      const all = joined(more, this.lines);
      if (all.length > WINDOW) this.atEnd = false;
      this.lines = all.slice(0, WINDOW);
      if (more.length < PAGE) await this.#seekStart();
    });
  }

  /** Try once more what could not be loaded. */
  async again(): Promise<void> {
    await (this.failedBelow ? this.newer() : this.older());
  }

  async newer(): Promise<void> {
    const last = this.lines[this.lines.length - 1];
    if (!last || this.atEnd) return;
    await this.#load("newer", async () => {
      const more = await this.#messenger.linesAfter(this.chat, last.position, PAGE);
      this.atEnd = more.length < PAGE;
      const all = joined(this.lines, more);
      if (all.length > WINDOW) this.atStart = false;
      this.lines = all.slice(-WINDOW);
    });
  }

  /** Show the newest lines, wherever the window was. */
  async newest(): Promise<void> {
    this.following = true;
    this.unseen = 0;
    this.target = null;
    if (this.atEnd || !this.opened) {
      this.changed.emit();
      return;
    }
    await this.#load("opening", async () => {
      if (await this.#loadNewest()) await this.#seekStart().catch(() => undefined);
    });
  }

  /** Show a line in its place, wherever the window was. */
  async find(id: string, words: readonly string[]): Promise<void> {
    await this.#loaded;
    if (!this.line(id)) {
      await this.#load("opening", async () => {
        const around = await this.#messenger.linesAround(this.chat, id, PAGE);
        if (!around.some((line) => line.id === id)) return;
        this.lines = around;
        this.atStart = this.atEnd = false;
      });
    }
    if (!this.line(id)) return;
    this.following = false;
    this.target = { line: id, words };
    this.changed.emit();
  }

  /** What was searched for does not stand out any more. */
  forget(): void {
    this.target = null;
    this.changed.emit();
  }

  /** The log says whether its end is in view, and whether somebody is looking at it. */
  follow(following: boolean): void {
    if (following && !this.atEnd) following = false;
    if (following === this.following && (!following || this.unseen === 0)) return;
    this.following = following;
    if (following) this.unseen = 0;
    this.changed.emit();
  }

  /** Lines that are new or changed. `seen`: the person is looking at the page. */
  take(lines: readonly Line[], { seen = true } = {}): void {
    if (!this.opened) {
      this.#early.push(...lines);
      return;
    }
    if (this.loading) this.#meanwhile.push(...lines);
    this.news.add(this.#newsOf(lines));
    this.#merge(lines, seen);
    this.changed.emit();
  }

  /** Show a message before it is stored; it gives way to its line. */
  addPending(text: string, mentions: readonly GroupPerson[] = []): Line {
    this.#pendingCount += 1;
    const id = `pending-${this.#pendingCount}`;
    const line = pendingLine({ id, chat: this.chat, sentAt: this.#clock.now(), text, mentions });
    this.pending = [...this.pending, line];
    this.unreadFrom = 0;
    this.changed.emit();
    return line;
  }

  /** The message is stored as `line`, or was refused (null). */
  settle(pending: Line, line: Line | null): void {
    this.pending = this.pending.filter((one) => one.id !== pending.id);
    if (line) this.take([line]);
    else this.changed.emit();
  }

  remove(id: string): void {
    this.lines = this.lines.filter((line) => line.id !== id);
    this.#meanwhile = this.#meanwhile.filter((line) => line.id !== id);
    this.changed.emit();
  }

  /** Position of the newest line in the window; NOWHERE: there is none. */
  get last(): number {
    return this.lines[this.lines.length - 1]?.position ?? NOWHERE;
  }

  /** A line that is in the page. */
  line(id: string): Line | undefined {
    return [...this.lines, ...this.pending].find((line) => line.id === id);
  }

  /** One at a time: whoever asks meanwhile asks for nothing. */
  async #load(what: Exclude<Loading, null>, load: () => Promise<void>): Promise<void> {
    if (this.loading) return;
    this.loading = what;
    this.#loaded = this.#run(load);
    await this.#loaded;
  }

  async #run(load: () => Promise<void>): Promise<void> {
    this.failed = "";
    this.failedBelow = false;
    this.#meanwhile = [];
    this.changed.emit();
    try {
      await load();
      this.#addMeanwhile();
    } catch (error) {
      this.failed = error instanceof Error ? error.message : "";
      this.failedBelow = this.loading === "newer";
    } finally {
      this.loading = null;
      this.changed.emit();
    }
  }

  /** True: those are fewer than a page. */
  async #loadNewest(): Promise<boolean> {
    this.lines = await this.#messenger.lines(this.chat, null, PAGE);
    this.atStart = false;
    this.atEnd = true;
    return this.lines.length < PAGE;
  }

  /** Fewer lines than were asked for may be all there are, or all that can be had now. */
  async #seekStart(): Promise<void> {
    const first = this.lines[0]?.position ?? Number.MAX_SAFE_INTEGER;
    this.atStart = (await this.#messenger.lines(this.chat, first, 1)).length === 0;
  }

  /** Counted they are already. */
  #addMeanwhile(): void {
    const newest = this.last;
    const byId = new Map(this.lines.map((line) => [line.id, line]));
    for (const line of this.#meanwhile) {
      if (byId.has(line.id) || (this.atEnd && line.position > newest)) byId.set(line.id, line);
    }
    const all = [...byId.values()].sort((one, other) => one.position - other.position);
    if (all.length > WINDOW) this.atStart = false;
    this.lines = all.slice(-WINDOW);
    if (this.following && this.atEnd) this.unseen = 0;
  }

  /** What nobody has heard yet: lines from the other side, and own ones that have just failed. */
  #newsOf(lines: readonly Line[]): Line[] {
    const failed = new Set(this.lines.filter((line) => line.state === "failed").map((line) => line.id));
    const heard = Math.max(this.#heard, this.last);
    const news = lines.filter((line) =>
      line.outgoing ? line.state === "failed" && !failed.has(line.id) : line.position > heard,
    );
    for (const line of news) this.#heard = Math.max(this.#heard, line.outgoing ? 0 : line.position);
    return news;
  }

  #merge(lines: readonly Line[], seen = true): void {
    const byId = new Map(this.lines.map((line) => [line.id, line]));
    const first = this.lines[0]?.position ?? NOWHERE;
    const newest = this.last;
    for (const line of lines) {
      const known = byId.has(line.id);
      if (!known && line.position < first && !this.atStart) continue;
      if (!known && line.position > newest && !this.#hasRoom(line, byId.size)) continue;
      byId.set(line.id, line);
      if (!known) this.#arrived(line, newest, seen);
    }
    const merged = [...byId.values()].sort((one, other) => one.position - other.position);
    if (merged.length > WINDOW && this.following) {
      this.atStart = false;
      this.lines = merged.slice(-WINDOW);
    } else {
      this.lines = merged;
    }
  }

  /** A line below the window enters it only at its end, and while reading above only as long as it stays small. */
  #hasRoom(line: Line, size: number): boolean {
    if (this.atEnd && (this.following || size < WINDOW)) return true;
    this.atEnd = false;
    if (!line.outgoing) {
      this.unseen += 1;
      this.unreadFrom ||= line.position;
    }
    return false;
  }

  #arrived(line: Line, newest: number, seen: boolean): void {
    if (line.outgoing) {
      const match = this.pending.find((one) => one.text === line.text);
      if (match) this.pending = this.pending.filter((one) => one !== match);
      return;
    }
    if (line.position <= Math.max(newest, 0)) return; // below 0: from before this device's time, and no news
    if (!this.following || !seen) {
      this.unseen += this.following ? 0 : 1;
      this.unreadFrom ||= line.position;
    }
  }
}

function joined(older: readonly Line[], newer: readonly Line[]): Line[] {
  const known = new Set(newer.map((line) => line.id));
  return [...older.filter((line) => !known.has(line.id)), ...newer];
}
