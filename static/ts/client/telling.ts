// What the page is told of the store: each line and chat that is new or changed, once a batch.
//
// Whoever writes marks what it has changed; `flush`, after the commit, reads it anew, so that the page is never told
// what was rolled back. Gaps that have waited long enough are shown here, too: time alone does that.

import { hex } from "../lib/bytes";
import { StoreError } from "../lib/errors";
import { uuid } from "../lib/uuid";
import * as chats from "../store/chats";
import * as groups from "../store/groups";
import type { Entry } from "../store/records";
import * as timeline from "../store/timeline";
import type { Transaction } from "../store/transaction";
import type { Context } from "./context";
import { stateOf } from "./group_lookup";
import type { Line, Told } from "./model";
import { OpenTelling } from "./open_telling";
import { conversationWith } from "./places";
import { lineOf, summaryOf } from "./showing";

type Ref = Pick<Entry, "account" | "id">;

export class Telling {
  /** The same for open chats. */
  readonly open = new OpenTelling();
  /** Where the person looks now: lines of this chat that come in are read at once. */
  looking: Uint8Array | null = null;
  /** Called when reading at once has left something for the senders to know. */
  onRead: () => void = () => undefined;
  readonly #context: Context;
  readonly #say: (told: Told) => void;
  #lines = new Map<string, Ref>();
  #chats = new Map<string, Uint8Array>();
  #accounts = new Map<string, Uint8Array>();
  #waiting: AbortController | null = null;

  constructor(context: Context, say: (told: Told) => void) {
    this.#context = context;
    this.#say = say;
  }

  say(told: Told): void {
    this.#say(told);
  }

  /** Say something to the person that belongs to no conversation. */
  notice(text: string): void {
    this.#say({ type: "notice", text });
  }

  /** Mark lines as new or changed. */
  lines(entries: readonly Entry[]): void {
    for (const entry of entries) {
      this.#lines.set(`${hex(entry.account)} ${hex(entry.id)}`, { account: entry.account, id: entry.id });
      this.chat(entry.chat);
    }
  }

  /** Mark a chat as changed. */
  chat(conversation: Uint8Array): void {
    this.#chats.set(hex(conversation), conversation);
  }

  /** Mark the chat with an account, and the groups that it is in, as changed: its name, its identity, whether it is blocked. */
  account(account: Uint8Array): void {
    this.#accounts.set(hex(account), account);
    this.open.account(account);
    this.chat(conversationWith(this.#context.account, account));
  }

  /** Tell the page what has changed. After the commit. */
  flush(): void {
    const told = this.#context.write((tx) => [...this.#read(tx), ...this.open.read(tx)]);
    for (const one of told) this.#say(one);
  }

  close(): void {
    this.#waiting?.abort();
  }

  #read(tx: Transaction): Told[] {
    this.lines(timeline.releaseDue(tx, { now: this.#context.now() }));
    this.#markGroups(tx);
    const [lines, marked] = [this.#lines, this.#chats];
    this.#lines = new Map();
    this.#chats = new Map();
    const byChat = new Map<string, Line[]>();
    for (const { account, id } of lines.values()) {
      const entry = timeline.get(tx, account, id);
      if (entry === null || entry.position === 0) continue;
      const chat = uuid(entry.chat);
      const known = byChat.get(chat);
      if (known === undefined) byChat.set(chat, [lineOf(tx, entry)]);
      else known.push(lineOf(tx, entry));
    }
    this.#readAtOnce(tx, marked);
    const told: Told[] = [...byChat].map(([chat, some]) => ({
      type: "lines",
      chat,
      lines: some.sort((one, other) => one.position - other.position),
    }));
    const summaries = [...marked.values()].flatMap((chat) => chats.overviews(tx, chat)).map((one) => summaryOf(tx, one));
    if (summaries.length > 0) told.push({ type: "chats", chats: summaries });
    this.#wait(timeline.nextDue(tx));
    return told;
  }

  #markGroups(tx: Transaction): void {
    const accounts = [...this.#accounts.values()];
    this.#accounts = new Map();
    if (accounts.length === 0) return;
    for (const group of groups.all(tx)) {
      const state = stateOf(group);
      if (accounts.some((account) => state !== null && state.role(account) !== null)) this.chat(group.id);
    }
  }

  #readAtOnce(tx: Transaction, marked: ReadonlyMap<string, Uint8Array>): void {
    if (this.looking === null || !marked.has(hex(this.looking))) return;
    if (chats.markRead(tx, this.looking, Number.MAX_SAFE_INTEGER)) this.onRead();
  }

  #wait(due: number | null): void {
    this.#waiting?.abort();
    if (due === null) return;
    const waiting = (this.#waiting = new AbortController());
    const seconds = Math.max(0, due - this.#context.now()) / 1000;
    void this.#context.environment.clock.sleep(seconds, waiting.signal).then(() => {
      if (!waiting.signal.aborted) this.#flushLate();
    });
  }

  /** Nobody waits for this one: what goes wrong is said to the person, and the next flush tries again. */
  #flushLate(): void {
    try {
      this.flush();
    } catch (error) {
      if (!(error instanceof StoreError)) throw error;
      this.notice(error.message);
    }
  }
}
