// Open chats as the server has them, kept here: the list of them, who is in them, their newest messages.
//
// docs/events.md: what happens is not queued. Whoever was away reads it over REST, and each connection does.

import { OPEN_PAGE, type OpenDetails, type OpenListed, type OpenMessage } from "../api/index";
import { equal, hex } from "../lib/bytes";
import { ClientError, Defect, Refused, Unreachable } from "../lib/errors";
import * as chats from "../store/chats";
import * as openChats from "../store/open_chats";
import * as openMessages from "../store/open_messages";
import * as openOutbox from "../store/open_outbox";
import { OpenChat } from "../store/open_records";
import * as peers from "../store/peers";
import type { Transaction } from "../store/transaction";
import type { Stream } from "../stream/index";
import { requireMe, type Context } from "./context";
import type { Directory } from "./directory";
import { OpenShowing } from "./open_showing";
import { Turn } from "./signals";
import { WORDS } from "./words";

const LOOKED_AT = 20; // chats whose newest page each connection reads, though nothing new is in them: edits show nowhere else
const AGAIN = 5; // seconds before what the server did not answer is asked again
const LONGEST_WAIT = 60;

export class OpenKeeper {
  readonly #context: Context;
  readonly #directory: Directory;
  readonly #turn = new Turn();
  readonly #fresh = new Set<string>(); // chats that were read on this connection
  readonly #unlearned = new Map<string, Uint8Array>(); // chats that the server could not be asked about
  #isLearning = false;

  constructor(context: Context, directory: Directory) {
    this.#context = context;
    this.#directory = directory;
  }

  /** Learn what happened while this device was away. As long as it takes, where the server asks to go slowly. */
  async tend(): Promise<void> {
    const { stream } = this.#context;
    this.#fresh.clear();
    const before = this.#context.write((tx) => openChats.all(tx));
    const listed: OpenListed[] = [];
    await this.#insist(stream, async () => void listed.push(...(await this.#context.api.open.list())));
    const there = new Set(listed.map(({ id }) => hex(id)));
    const missing = before.filter(({ id, kind, ended }) => kind === "group" && ended === "" && !there.has(hex(id)));
    const work = [
      // One is in them no more, or they moved between two pages of the list. One of two is not listed while one blocks.
      ...missing.map(({ id }) => () => this.refresh(id)),
      ...listed.map((one) => () => this.#turn.take(() => this.#catchUp(one))),
      ...listed.slice(0, LOOKED_AT).map(({ id }) => () => this.#readOnce(id)),
    ];
    for (const one of work) await this.#insist(stream, one);
  }

  /** Read a chat's newest messages once a connection: what was edited or deleted meanwhile. Not waited for. */
  lookAt(id: Uint8Array): void {
    if (this.#context.stream === null || this.#fresh.has(hex(id))) return;
    this.refresh(id).catch((error: unknown) => {
      if (!(error instanceof ClientError)) throw error; // the next connection, or look, tries again
    });
  }

  /** Read a chat, its members and its newest messages. Throws Refused, Unreachable, Defect. */
  refresh(id: Uint8Array): Promise<void> {
    return this.#turn.take(() => this.#refresh(id));
  }

  /** A chat is new, or has other members, roles or another title. */
  learn(id: Uint8Array): Promise<void> {
    return this.#turn.take(async () => {
      const isNew = this.#context.write((tx) => openChats.get(tx, id)) === null;
      const details = await this.#context.api.open.details(id);
      this.take(details);
      if (isNew) await this.#read(details);
    });
  }

  /** Learn of a chat once the server can be asked again, if that is on this connection. Not waited for. */
  learnLater(id: Uint8Array): void {
    this.#unlearned.set(hex(id), id);
    if (this.#isLearning) return;
    this.#learnUnlearned().catch((error: unknown) => {
      if (!(error instanceof ClientError)) throw error;
    });
  }

  /** Keep what the server says of a chat. Throws Defect where its id is that of an encrypted one. */
  take(details: OpenDetails): void {
    const { answered, telling } = this.#context;
    const named = this.#context.write((tx) => {
      const { account: own } = requireMe(tx);
      if (chats.chat(tx, details.id) !== null) throw new Defect(WORDS.openTaken);
      const before = openChats.get(tx, details.id) ?? OpenChat.of({ id: details.id, kind: details.kind });
      const other = details.members.find((one) => !equal(one.account, own));
      openChats.save(tx, {
        ...before,
        ...fieldsOf(details, before),
        request: details.request && !answered.has(hex(details.addedBy)),
        account: details.kind === "private" ? (other?.account ?? before.account) : null,
        ended: "",
      });
      openChats.saveMembers(tx, details.id, details.members);
      return details.members.flatMap((one) => {
        const known = peers.byAccount(tx, one.account)?.username ?? "";
        return known === one.username ? [] : [{ peer: peers.change(tx, one.account, { username: one.username }), one }];
      });
    });
    telling.open.chat(details.id);
    telling.flush();
    for (const { peer, one } of named) this.#directory.checkName(peer, one.username);
  }

  /** This account is not in it any more. */
  noteOut(id: Uint8Array, ended: "removed" | "left"): void {
    const { telling } = this.#context;
    this.#context.write((tx) => {
      if (openChats.get(tx, id)?.ended === "") openChats.change(tx, id, { ended, request: false });
    });
    telling.open.chat(id);
    telling.flush();
  }

  /** Learn the names of those who wrote and are not in the chat any more. Names only show. */
  async name(messages: readonly Pick<OpenMessage, "sender">[]): Promise<void> {
    const senders = new Map(messages.map(({ sender }) => [hex(sender), sender])).values();
    try {
      await this.#directory.nameAccounts(senders);
    } catch (error) {
      if (!(error instanceof Unreachable && error.code === "too_many_requests")) throw error;
    }
  }

  async #learnUnlearned(): Promise<void> {
    this.#isLearning = true;
    try {
      while (this.#unlearned.size > 0) {
        await this.#context.environment.clock.sleep(AGAIN);
        for (const [key, id] of [...this.#unlearned]) {
          this.#unlearned.delete(key);
          // Without a connection: the next one's list says what there is.
          const isDone = this.#context.stream === null || (await this.#each(() => this.learn(id)));
          if (!isDone) this.#unlearned.set(key, id);
        }
      }
    } finally {
      this.#isLearning = false;
    }
  }

  async #refresh(id: Uint8Array): Promise<void> {
    try {
      const details = await this.#context.api.open.details(id);
      this.take(details);
      await this.#read(details);
    } catch (error) {
      if (error instanceof Refused && error.code === "not_found") this.noteOut(id, "removed");
      throw error;
    }
  }

  async #readOnce(id: Uint8Array): Promise<void> {
    if (!this.#fresh.has(hex(id))) await this.#turn.take(() => this.#refresh(id));
  }

  async #catchUp(listed: OpenListed): Promise<void> {
    const known = this.#context.write((tx) => openChats.get(tx, listed.id));
    const isSame = known !== null && known.ended === "" && sameFields(known, listed);
    const isBehind = listed.newest > (known?.syncedTo ?? 0);
    // Also where something was written: whoever writes has read.
    if (!isSame || isBehind) this.take(await this.#context.api.open.details(listed.id));
    else if (known.readTo < listed.readTo) this.#heardOwnRead(listed.id, listed.readTo);
    if (isBehind) await this.#read(listed);
  }

  /** One's own other device has read up to here. */
  #heardOwnRead(id: Uint8Array, position: number): void {
    const { telling } = this.#context;
    this.#context.write((tx) => {
      const known = openChats.get(tx, id);
      if (known !== null) openChats.save(tx, { ...known, ...furtherRead(known, position) });
    });
    telling.open.chat(id);
    telling.flush();
  }

  /** Read from the newest message down to what is here without a gap, or as many as are kept. */
  async #read({ id }: Pick<OpenListed, "id">): Promise<void> {
    const syncedTo = this.#context.write((tx) => openChats.get(tx, id)?.syncedTo ?? 0);
    const read: OpenMessage[] = [];
    let more = true;
    while (more && read.length < openMessages.KEPT && (read.length === 0 || (read.at(-1)?.position ?? 0) > syncedTo)) {
      const page = await this.#context.api.open.before(id, read.at(-1)?.position ?? null, OPEN_PAGE);
      read.push(...page.messages);
      more = page.more;
    }
    await this.name(read);
    this.#fresh.add(hex(id));
    const { telling } = this.#context;
    const changed = this.#context.write((tx) => keep(tx, id, { read, whole: !more, syncedTo }));
    for (const one of changed) telling.open.message(id, one);
    telling.open.chat(id);
    telling.flush();
  }

  /** Again and again where the server cannot be asked now, as long as this connection lasts. */
  async #insist(stream: Stream | null, work: () => Promise<void>): Promise<void> {
    for (let isDone = false; !isDone && this.#context.stream === stream; ) isDone = await this.#each(work);
  }

  /** What is wrong with one chat concerns no other. False: the server cannot be asked now, and that was waited for. */
  async #each(work: () => Promise<void>): Promise<boolean> {
    try {
      await work();
    } catch (error) {
      if (error instanceof Unreachable) {
        await this.#context.environment.clock.sleep(Math.min(Math.max(error.retryAfter ?? AGAIN, 1), LONGEST_WAIT));
        return false;
      }
      if (!(error instanceof Refused || error instanceof Defect)) throw error;
    }
    return true;
  }
}

/** Keep a message as it is now. False: nothing of it is new, or it is older than what is kept. */
export function keepOne(tx: Transaction, id: Uint8Array, one: OpenMessage): boolean {
  const chat = openChats.get(tx, id);
  const [oldest] = openMessages.bounds(tx, id) ?? [0];
  return chat !== null && (one.position >= oldest || chat.whole) && store(tx, chat, one);
}

function store(tx: Transaction, chat: OpenChat, one: OpenMessage): boolean {
  const { id } = chat;
  const isNew = openMessages.put(tx, id, one, new OpenShowing(tx, chat).mentions(one));
  if (equal(one.sender, requireMe(tx).account)) openOutbox.remove(tx, one.message); // the server has it
  if (openMessages.trim(tx, id)) openChats.save(tx, { ...chat, whole: false });
  return isNew;
}

interface Read {
  readonly read: readonly OpenMessage[]; // newest first, without a gap
  readonly whole: boolean;
  readonly syncedTo: number;
}

/** Keep what was read from the newest message on. Returns what is new of it. */
function keep(tx: Transaction, id: Uint8Array, { read, whole, syncedTo }: Read): OpenMessage[] {
  const chat = openChats.get(tx, id);
  const [newest, oldest] = [read.at(0), read.at(-1)];
  if (chat === null) return [];
  if (newest === undefined || oldest === undefined) {
    openChats.save(tx, { ...chat, whole });
    return [];
  }
  const isApart = oldest.position > syncedTo; // between these and what is kept there may be others
  if (isApart) openMessages.dropBefore(tx, id, oldest.position);
  openMessages.keepOnly(tx, id, [oldest.position, newest.position], read.map((one) => one.position));
  const kept = { ...chat, whole: whole || (chat.whole && !isApart), syncedTo: Math.max(chat.syncedTo, newest.position) };
  openChats.save(tx, kept);
  return [...read].reverse().filter((one) => store(tx, kept, one));
}

type Kept = Pick<OpenChat, "title" | "memberCount" | "role" | "request" | "addedBy" | "createdAt" | "readTo" | "toldTo">;

function fieldsOf({ title, memberCount, role, request, addedBy, createdAt, readTo }: OpenListed, before: OpenChat): Kept {
  return { title, memberCount, role, request, addedBy, createdAt, ...furtherRead(before, readTo) };
}

function sameFields(known: OpenChat, listed: OpenListed): boolean {
  const { title, memberCount, role, request } = known;
  return (
    title === listed.title && memberCount === listed.memberCount && role === listed.role && request === listed.request
  );
}

function furtherRead({ readTo, toldTo }: OpenChat, position: number): Pick<OpenChat, "readTo" | "toldTo"> {
  return { readTo: Math.max(readTo, position), toldTo: Math.max(toldTo, position) };
}
