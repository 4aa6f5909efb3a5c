// Open chats, as the page asks for them: made, accepted, changed and left. The server decides; this asks it.

import { equal, hex, random } from "../lib/bytes";
import { Refused, UnknownPerson, WrongUse } from "../lib/errors";
import * as openChats from "../store/open_chats";
import type { OpenChat } from "../store/open_records";
import type { Context } from "./context";
import { sameName, type Directory } from "./directory";
import { titled } from "./group_naming";
import { shownName } from "./identity";
import type { GroupChanges } from "./model";
import type { OpenKeeper } from "./open_keeping";
import { openChatOf } from "./open_showing";
import { WORDS } from "./words";

export class OpenChats {
  readonly #context: Context;
  readonly #directory: Directory;
  readonly #keeper: OpenKeeper;
  readonly #creations = new Map<string, Uint8Array>(); // ids of groups whose making had no answer

  constructor(context: Context, directory: Directory, keeper: OpenKeeper) {
    this.#context = context;
    this.#directory = directory;
    this.#keeper = keeper;
  }

  /** Whether a chat is one of these. */
  has(id: Uint8Array): boolean {
    return this.#context.write((tx) => openChatOf(tx, id)) !== null;
  }

  /** The open chat with somebody, made if there is none yet; resolves with its id. */
  async with(account: Uint8Array, username: string): Promise<Uint8Array> {
    if (equal(account, this.#context.account)) throw new WrongUse(WORDS.thatIsYou);
    const peer = this.#directory.name(account, username);
    // Else it would be written to somebody who was not asked for.
    if (!sameName(peer.username, username)) throw new UnknownPerson(WORDS.otherAccount(username));
    const name = shownName(peer);
    const details = await worded(() => this.#context.api.open.startPrivate(account), {
      not_found: WORDS.cannotBeWritten(name),
      contact_blocked: WORDS.blockedByYou(name),
    });
    this.#keeper.take(details);
    await this.#keeper.refresh(details.id);
    return details.id;
  }

  /** Make an open group; resolves with its id. To be repeated as it is after a lost answer: it is made once. */
  async create(title: string, accounts: readonly Uint8Array[], changes: Omit<GroupChanges, "title">): Promise<Uint8Array> {
    requireTitleAlone(changes);
    const name = titled(title);
    const members = accounts.filter((one) => !equal(one, this.#context.account));
    const call = JSON.stringify([name, ...members.map(hex)]);
    const creation = this.#creations.get(call) ?? random(16);
    this.#creations.set(call, creation);
    const details = await worded(() => this.#context.api.open.startGroup(creation, name, members), {
      not_found: WORDS.cannotBeAdded,
    });
    this.#creations.delete(call);
    this.#keeper.take(details);
    return details.id;
  }

  async set(id: Uint8Array, { title, ...changes }: GroupChanges): Promise<void> {
    requireTitleAlone(changes);
    if (title === undefined) return;
    const name = titled(title);
    await this.#change(id, () => this.#context.api.open.rename(id, name));
  }

  async add(id: Uint8Array, account: Uint8Array): Promise<void> {
    await this.#change(id, () => this.#context.api.open.add(id, account), { not_found: WORDS.cannotBeAdded });
  }

  async remove(id: Uint8Array, account: Uint8Array): Promise<void> {
    if (equal(account, this.#context.account)) await this.leave(id);
    else await this.#change(id, () => this.#context.api.open.remove(id, account));
  }

  async setRole(id: Uint8Array, account: Uint8Array, role: number): Promise<void> {
    await this.#change(id, () => this.#context.api.open.setRole(id, account, role));
  }

  /** Leave, or decline to be in it. */
  async leave(id: Uint8Array): Promise<void> {
    try {
      await worded(() => this.#context.api.open.remove(id, this.#context.account));
    } catch (error) {
      if (!(error instanceof Refused) || error.code !== "not_found") throw error; // out of it already
    }
    this.#keeper.noteOut(id, "left");
  }

  /** Stay in a group that a stranger has added this account to. */
  async accept(id: Uint8Array): Promise<void> {
    await worded(() => this.#context.api.open.accept(id));
    this.#save(id, { request: false });
  }

  mute(id: Uint8Array, muted: boolean): void {
    this.#save(id, { muted });
  }

  saveDraft(id: Uint8Array, draft: string): void {
    this.#save(id, { draft });
  }

  /** The person has answered somebody, here or on another device: what they were added to by them is no request now. */
  answered(account: Uint8Array, state: string): void {
    if (state !== "accepted") return;
    const { telling } = this.#context;
    this.#context.write((tx) => {
      for (const chat of openChats.all(tx)) {
        if (!chat.request || chat.addedBy === null || !equal(chat.addedBy, account)) continue;
        openChats.save(tx, { ...chat, request: false });
        telling.open.chat(chat.id);
      }
    });
    telling.flush();
  }

  /** Have something changed, and learn what it is like then. */
  async #change(id: Uint8Array, work: () => Promise<void>, words: Readonly<Record<string, string>> = {}): Promise<void> {
    try {
      await worded(work, words);
    } catch (error) {
      if (error instanceof Refused) this.#keeper.lookAt(id);
      throw error;
    }
    await this.#keeper.learn(id);
  }

  #save(id: Uint8Array, changes: Partial<Omit<OpenChat, "id">>): void {
    const { telling } = this.#context;
    this.#context.write((tx) => openChats.change(tx, id, changes));
    telling.open.chat(id);
    telling.flush();
  }
}

/** Ask the server for something, and say what it refuses in words for the person. */
export async function worded<T>(work: () => Promise<T>, words: Readonly<Record<string, string>> = {}): Promise<T> {
  const usual: Readonly<Record<string, string>> = { not_allowed: WORDS.groupNotAllowed, not_listed: WORDS.notListed };
  try {
    return await work();
  } catch (error) {
    const sentence = error instanceof Refused ? (words[error.code] ?? usual[error.code]) : undefined;
    if (!(error instanceof Refused) || sentence === undefined) throw error;
    throw new Refused(sentence, error.code, error.status, error.problem);
  }
}

function requireTitleAlone({ description, colour, membersMayAdd }: Omit<GroupChanges, "title">): void {
  if ((description ?? "") !== "" || (colour ?? null) !== null || membersMayAdd === true) {
    throw new WrongUse(WORDS.openTitleAlone);
  }
}
