// Envelopes become lines of a conversation. Plaintext and ratchet in one transaction, for up to 100 at a time.
//
// PROTOCOL.md, State on a client. What comes twice is known by its envelope and, beyond that, by its ratchet:
// acknowledged, shown nowhere. What cannot be read is acknowledged with its cause and shown as one line.

import { waitingOrNone, type Json, type Waiting } from "../api/index";
import { equal, hex } from "../lib/bytes";
import { Defect, Refused, Unreachable } from "../lib/errors";
import { ProtocolError } from "../protocol/errors";
import { peek } from "../protocol/wire";
import * as chats from "../store/chats";
import * as envelopes from "../store/envelopes";
import * as peers from "../store/peers";
import { keys } from "../store/group_waiting";
import * as groups from "../store/groups";
import type { Linking } from "../store/records";
import * as sessions from "../store/sessions";
import * as settings from "../store/settings";
import type { Transaction } from "../store/transaction";
import { requireMe, type Context } from "./context";
import type { Controls } from "./controls";
import { Batch, type Head } from "./decrypting";
import type { Directory } from "./directory";
import type { Following } from "./group_following";
import { chatWith, conversationWith } from "./places";
import { nameOf } from "./showing";
import { Turn } from "./signals";
import type { Typing } from "./typing";
import { WORDS } from "./words";

export const MOST = 100; // envelopes a transaction

/** The body of an acknowledgement. */
export interface Ack {
  readonly envelopes: readonly number[];
  readonly unreadable: readonly { readonly envelope: number; readonly cause: string }[];
}

interface Mode {
  /** The frames were acknowledged before and are kept here until they are dealt with. */
  readonly parked: boolean;
}

export class Inbox {
  readonly #context: Context;
  readonly #directory: Directory;
  readonly #typing: Typing;
  readonly #controls: Controls;
  readonly #following: Following;
  readonly #turn = new Turn();
  /** Called when something has come that waits for a group chat's operations, or lists. */
  onEarly: () => void = () => undefined;

  constructor(context: Context, directory: Directory, typing: Typing, controls: Controls, following: Following) {
    this.#context = context;
    this.#directory = directory;
    this.#typing = typing;
    this.#controls = controls;
    this.#following = following;
  }

  /** Store a batch, then tell the page; resolves with its acknowledgement. Throws Unreachable with nothing stored. */
  take(frames: readonly Json[], mode: Mode = { parked: false }): Promise<Ack | null> {
    return this.#turn.take(() => this.#take(frames, mode));
  }

  /** Read what came while a sender's changed identity waited for the person's word. Throws Unreachable. */
  async unpark(): Promise<void> {
    const rows = this.#context.write((tx) => envelopes.parked(tx));
    for (let start = 0; start < rows.length; start += MOST) {
      const frames = rows.slice(start, start + MOST).map((row) => JSON.parse(text(row.frame)) as Json);
      await this.take(frames, { parked: true });
    }
  }

  async #take(frames: readonly Json[], mode: Mode): Promise<Ack | null> {
    const waiting: Waiting[] = [];
    const causes = new Map<number, string>();
    for (const frame of frames) {
      const read = waitingOrNone(frame);
      if (typeof read === "number") causes.set(read, "malformed");
      else if (read !== null) waiting.push(read);
    }
    // Before the lists: a newer one may have taken the sender off, and its sessions with it.
    const ready = this.#context.write((tx) => readable(tx, waiting, mode));
    const others = waiting.filter((one) => !ready.includes(one));
    const batches = ready.length === 0 ? [] : [this.#run(ready, { ...mode, last: false })];
    await this.#prepare(others, mode);
    batches.push(this.#run(others, { ...mode, last: false }));
    const again = waiting.filter((one) => batches.some((batch) => batch.notListed.has(one.number)));
    if (again.length > 0) {
      // Perhaps only not known here yet: PROTOCOL.md names the lists, the directory has them.
      await this.#directory.refreshAll(again.map((one) => one.account));
      await this.#followGroups(again);
      batches.push(this.#run(again, { ...mode, last: true }));
    }
    await this.#checkHeads(batches.flatMap((batch) => [...batch.unknownHeads.values()]));
    for (const batch of batches) for (const [number, cause] of batch.causes) causes.set(number, cause);
    const done = batches.flatMap((batch) => [...batch.done]).filter((number) => !causes.has(number));
    if (done.length === 0 && causes.size === 0) return null;
    return {
      envelopes: done.sort((one, other) => one - other),
      unreadable: [...causes].sort(([one], [other]) => one - other).map(([envelope, cause]) => ({ envelope, cause })),
    };
  }

  /** Learn what the batch will ask for: lists of unknown senders, newest lists for new sessions, names. */
  async #prepare(waiting: readonly Waiting[], mode: Mode): Promise<void> {
    const [stale, nameless] = this.#context.write((tx) => lacking(tx, waiting, mode));
    await this.#directory.refreshAll(stale);
    await this.#learnChats(waiting);
    const isNew = (tx: Transaction, group: Uint8Array): boolean => (groups.get(tx, group)?.state ?? null) === null;
    await this.#followGroups(this.#context.write((tx) => waiting.filter(({ group }) => group !== null && isNew(tx, group))));
    try {
      await this.#directory.nameAccounts(nameless);
    } catch (error) {
      // Names only show. Who has none yet is shown by id, and is asked for again with what comes next.
      if (!(error instanceof Unreachable && error.code === "too_many_requests")) throw error;
    }
  }

  /** Whose chats they are that one's own other devices have written in, and this one has never seen. */
  async #learnChats(waiting: readonly Waiting[]): Promise<void> {
    const { account, api } = this.#context;
    const unknown = this.#context.write((tx) =>
      waiting.some((one) => one.chat !== null && equal(one.account, account) && chats.chat(tx, one.chat) === null),
    );
    if (!unknown) return;
    try {
      // An id says whom a chat is with: the server can make up none.
      const shown = (await api.chats()).filter((one) => equal(one.chat, conversationWith(account, one.account)));
      const wanted = shown.filter((one) => waiting.some(({ chat }) => chat !== null && equal(chat, one.chat)));
      for (const one of wanted) this.#directory.name(one.account, one.username);
      this.#context.write((tx) => wanted.forEach((one) => chatWith(tx, account, one.account)));
    } catch (error) {
      if (!(error instanceof Refused || error instanceof Defect)) throw error;
    }
  }

  /** Learn what is new of the group chats that messages are of. What does not hold is said there. */
  async #followGroups(waiting: readonly Waiting[]): Promise<void> {
    const wanted = waiting.flatMap(({ group }) => (group === null ? [] : [group]));
    for (const group of new Map(wanted.map((one) => [hex(one), one])).values()) {
      try {
        await this.#following.follow(group);
      } catch (error) {
        if (!(error instanceof Refused)) throw error;
      }
    }
  }

  /** How far the messages of before are that another device sends. */
  #tellHistory(before: Linking): void {
    const { history: total, taken: done } = this.#context.write((tx) => settings.linking(tx));
    if (total === 0 || (done === before.taken && total === before.history)) return;
    this.#context.telling.say({ type: "history", direction: "in", done, total });
  }

  #run(waiting: readonly Waiting[], { parked, last }: Mode & { readonly last: boolean }): Batch {
    const { environment, answered, telling } = this.#context;
    const before = this.#context.write((tx) => settings.linking(tx));
    const result = this.#context.write((tx) => {
      const options = { now: this.#context.now(), entropy: environment.entropy, last, answered };
      const batch = new Batch(tx, requireMe(tx), options);
      for (const one of waiting) {
        if (parked) envelopes.unpark(tx, one.number);
        batch.take(one);
        // The server has forgotten it: it must not be lost before the second try.
        if (parked && batch.notListed.has(one.number)) batch.park(one);
      }
      batch.finish();
      return batch;
    });
    telling.lines(result.shown);
    for (const chat of result.retitled) telling.chat(chat);
    for (const entry of result.shown) this.#typing.arrived(entry);
    telling.flush();
    this.#tellHistory(before);
    if (this.#context.write((tx) => keys(tx)).length > 0) this.onEarly();
    this.#controls.wanted.set(); // perhaps something is to be asked for, or sent again
    return result;
  }

  /** PROTOCOL.md, Content: a list that somebody knows and the server does not show was withheld. */
  async #checkHeads(unknown: readonly Head[]): Promise<void> {
    if (unknown.length === 0) return;
    await this.#directory.refreshAll(unknown.map((head) => head.account));
    const names = this.#context.write((tx) =>
      unknown.filter((head) => !peers.knowsList(tx, head.account, head.hash)).map((head) => nameOf(tx, head.account)),
    );
    for (const name of new Set(names.sort())) this.#context.notify(WORDS.withheld(name));
  }
}

function lacking(tx: Transaction, waiting: readonly Waiting[], mode: Mode): [Uint8Array[], Uint8Array[]] {
  const stale: Uint8Array[] = [];
  const nameless: Uint8Array[] = [];
  const looked = new Map<string, boolean>(); // whether the account has a pin
  for (const one of waiting) {
    if (one.expired || (envelopes.isKnown(tx, one.number) && !mode.parked)) continue;
    let pinned = looked.get(hex(one.account));
    if (pinned === undefined) {
      const peer = peers.byAccount(tx, one.account);
      if (peer === null || peer.username === "") nameless.push(one.account);
      pinned = peer !== null && peer.pin !== null;
      looked.set(hex(one.account), pinned);
    }
    if (!pinned || (one.group === null && startsSession(tx, one))) stale.push(one.account);
  }
  return [stale, nameless];
}

/** What can be read as things stand of those whose lists the rest of the batch asks for. */
function readable(tx: Transaction, waiting: readonly Waiting[], mode: Mode): Waiting[] {
  const stale = new Set(lacking(tx, waiting, mode)[0].map(hex));
  const isPinned = (account: Uint8Array): boolean => (peers.byAccount(tx, account)?.pin ?? null) !== null;
  return waiting.filter((one) => stale.has(hex(one.account)) && isPinned(one.account) && (one.group !== null || !startsSession(tx, one)));
}

function startsSession(tx: Transaction, waiting: Waiting): boolean {
  try {
    const seen = peek(waiting.body);
    return seen.init !== null && !sessions.isKnown(tx, seen.sessionId);
  } catch (error) {
    if (error instanceof ProtocolError) return false;
    throw error;
  }
}

function text(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes);
}
