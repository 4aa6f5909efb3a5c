// Who somebody is: names, signed device lists, bundles. Pins at first contact; believes the chain, not the server.
//
// PROTOCOL.md, Keys and the device list. The server's word counts for two things only: which account has a name,
// and which listed devices are suspended.

import type { Directory as Answer } from "../api/index";
import { equal, hex } from "../lib/bytes";
import { Defect, KeysRefused, Refused, UnknownPerson } from "../lib/errors";
import { uuid } from "../lib/uuid";
import { acceptLists, openList, type DeviceList, type Pin } from "../protocol/device_list";
import { IdentityChanged, ListRefused, Malformed, ProtocolError } from "../protocol/errors";
import type { Transaction } from "../store/transaction";
import * as groups from "../store/groups";
import * as peers from "../store/peers";
import { Peer } from "../store/records";
import * as sessions from "../store/sessions";
import * as timeline from "../store/timeline";
import type { Context } from "./context";
import { save, shownName } from "./identity";
import { conversationWith } from "./places";
import { noteOwnIdentity, noteOwnList } from "./standing";
import { WORDS } from "./words";

const PAGE = 100; // lists in one answer
const MOST_ACCOUNTS = 100; // in one call
const MOST_CLAIMED = 20; // in one call
const ROUNDS = 30; // pages and races before something is wrong

/** A device of an account. */
export interface Target {
  readonly account: Uint8Array;
  readonly device: Uint8Array;
}

/** What a claim gave, by `targetKey`: bundles; the other devices have none. */
export interface Bundles {
  readonly found: ReadonlyMap<string, Uint8Array>;
  readonly unusable: ReadonlySet<string>;
}

export function targetKey(target: Target): string {
  return hex(target.account) + hex(target.device);
}

type Fetched = readonly [Pin | null, Answer];

export class Directory {
  readonly #context: Context;
  readonly #warned = new Set<string>();

  constructor(context: Context) {
    this.#context = context;
  }

  /** What is known of an account, with a device list. Throws UnknownPerson where there is none yet. */
  async pinned(account: Uint8Array): Promise<Peer> {
    let peer = this.known(account);
    if (peer.pin === null) peer = await this.refresh(account);
    if (peer.pin === null) throw new UnknownPerson(WORDS.noDevice(shownName(peer)));
    return peer;
  }

  known(account: Uint8Array): Peer {
    return this.#context.write((tx) => peers.byAccount(tx, account)) ?? Peer.of({ account });
  }

  /** Learn the names of accounts that are only ids here. */
  async nameAccounts(accounts: Iterable<Uint8Array>): Promise<void> {
    for (const account of distinct(accounts)) {
      if (this.known(account).username !== "") continue;
      const profile = await this.#profile(account);
      if (profile !== null && equal(profile.account, account)) this.name(account, profile.username);
    }
  }

  /** Take the server's word for an account's name, unless that name or that account is taken already. */
  name(account: Uint8Array, username: string): Peer {
    const peer = this.#context.write((tx) => peers.change(tx, account, { username }));
    this.checkName(peer, username);
    return peer;
  }

  /** Warn, once, when the server gives an account a name that it cannot have here. */
  checkName(peer: Peer, name: string): void {
    const warning = `${hex(peer.account)} ${name}`;
    if (sameName(peer.username, name) || this.#warned.has(warning)) return;
    this.#warned.add(warning);
    this.#context.notify(WORDS.otherName(shownName(peer), name));
  }

  /**
   * Fetch what is new of an account's lists and hold it against the pin.
   *
   * A changed identity is noted in the returned record, for the caller to judge; a chain that contradicts itself
   * throws KeysRefused. `given`: what was fetched already, and the pin it was asked for.
   */
  async refresh(account: Uint8Array, given: Fetched | null = null): Promise<Peer> {
    let fetched = given;
    for (let round = 0; round < ROUNDS; round++) {
      const [pin, answer] = fetched ?? (await this.#fetch(account));
      fetched = null;
      if (answer.lists.length === 0 && pin === null) return this.known(account);
      const [peer, raced] = this.#context.write((tx) => this.#apply(tx, answer, pin));
      this.#context.telling.flush();
      if (!raced && answer.lists.length < PAGE) return peer;
    }
    throw new KeysRefused(WORDS.listsEndless);
  }

  /** The same for many accounts, in as few calls as it takes. What goes wrong with one is told, stops nothing. */
  async refreshAll(accounts: Iterable<Uint8Array>): Promise<void> {
    const todo = distinct(accounts);
    for (let start = 0; start < todo.length; start += MOST_ACCOUNTS) {
      const some = todo.slice(start, start + MOST_ACCOUNTS);
      const pins = this.#context.write((tx) => some.map((one) => peers.pinOf(peers.byAccount(tx, one))));
      const found = new Map<string, Answer>();
      try {
        const asked = some.map((account, at) => ({ account, ...above(pins[at] ?? null) }));
        for (const answer of await this.#context.api.directory(asked)) found.set(hex(answer.account), answer);
      } catch (error) {
        this.#tolerate(error);
      }
      for (const [at, account] of some.entries()) {
        try {
          await this.refresh(account, [pins[at] ?? null, found.get(hex(account)) ?? nothing(account)]);
        } catch (error) {
          this.#tolerate(error);
        }
      }
    }
  }

  /** Apply what a rejected send said of the accounts' newest lists; fetch where lists are missing between. */
  async take(answers: readonly Answer[]): Promise<void> {
    for (const answer of answers) {
      const before = this.known(answer.account);
      const pin = peers.pinOf(before);
      if (pin === null || !follows(newestOf(answer, before), pin)) {
        await this.refresh(answer.account);
        continue;
      }
      this.#context.write((tx) => this.#apply(tx, answer, pin));
      this.#context.telling.flush();
    }
  }

  /** Claim bundles, one a device; each uses up one-time keys of that device. */
  async claim(devices: readonly Target[]): Promise<Bundles> {
    const found = new Map<string, Uint8Array>();
    for (let start = 0; start < devices.length; start += MOST_CLAIMED) {
      const claimed = await this.#context.api.claim(devices.slice(start, start + MOST_CLAIMED));
      for (const one of claimed.bundles) found.set(targetKey(one), one.bundle);
    }
    return { found, unusable: new Set(devices.map(targetKey).filter((key) => !found.has(key))) };
  }

  /** Whether a listed device has published prekeys; uses none up. */
  async hasKeys({ account, device }: Target): Promise<boolean> {
    const answer = await this.#read(account, peers.pinOf(this.known(account)));
    return answer.ready.some((one) => equal(one, device));
  }

  /** Warn, once, when the server gives keys of a device that are not that device's. */
  warnKeys({ account, device }: Target): void {
    const warning = `${hex(account)} ${hex(device)}`;
    if (this.#warned.has(warning)) return;
    this.#warned.add(warning);
    this.#context.notify(WORDS.falseKeys(shownName(this.known(account))));
  }

  async #fetch(account: Uint8Array): Promise<Fetched> {
    const pin = peers.pinOf(this.known(account));
    return [pin, await this.#read(account, pin)];
  }

  async #read(account: Uint8Array, pin: Pin | null): Promise<Answer> {
    const answers = await this.#context.api.directory([{ account, ...above(pin) }]);
    return answers.find((answer) => equal(answer.account, account)) ?? nothing(account);
  }

  /** None where the server knows nobody, or makes no sense: shown by id then. */
  async #profile(account: Uint8Array): Promise<{ account: Uint8Array; username: string } | null> {
    try {
      return await this.#context.api.account(uuid(account));
    } catch (error) {
      if (error instanceof Refused || error instanceof Defect) return null;
      throw error;
    }
  }

  #tolerate(error: unknown): void {
    if (!(error instanceof KeysRefused || error instanceof Defect || error instanceof Refused)) throw error;
    this.#context.notify(error.message);
  }

  /** Accept lists inside the transaction that stores them; true when the pin moved since they were asked for. */
  #apply(tx: Transaction, answer: Answer, expected: Pin | null): readonly [Peer, boolean] {
    const peer = peers.byAccount(tx, answer.account) ?? Peer.of({ account: answer.account });
    const pin = peers.pinOf(peer);
    if (!samePin(pin, expected)) return [peer, true];
    try {
      const accepted = acceptLists(answer.account, pin, answer.lists);
      for (const gone of accepted.removed) {
        sessions.dropPair(tx, answer.account, gone);
        groups.dropDevice(tx, answer.account, gone);
      }
      if (peer.changedLists.length > 0) this.#noteReturn(tx, peer);
      noteOwnList(tx, accepted.pin.newest);
      const changes = { suspended: answer.suspended, changedLists: [], changedKey: null };
      return [save(tx, peer, accepted, changes), false];
    } catch (error) {
      if (error instanceof IdentityChanged) return [this.#noteChange(tx, peer, answer.lists), false];
      if (error instanceof ListRefused || error instanceof Malformed) throw refused(peer);
      throw error;
    }
  }

  #noteChange(tx: Transaction, peer: Peer, lists: readonly Uint8Array[]): Peer {
    const newest = lists.at(-1);
    if (newest === undefined) throw refused(peer);
    noteOwnIdentity(tx, peer.account);
    const changedKey = openList(newest).accountKey;
    if (peer.changedKey === null || !equal(changedKey, peer.changedKey)) this.#note(tx, peer, "identity_changed", "");
    this.#context.telling.account(peer.account);
    return peers.change(tx, peer.account, { changedLists: lists, changedKey });
  }

  #noteReturn(tx: Transaction, peer: Peer): void {
    this.#note(tx, peer, "warning", WORDS.identityReturned(shownName(peer)));
    this.#context.telling.account(peer.account);
  }

  #note(tx: Transaction, peer: Peer, kind: "identity_changed" | "warning", text: string): void {
    const own = this.#context.account;
    if (equal(own, peer.account)) return;
    const chat = conversationWith(own, peer.account);
    const line = timeline.note(tx, kind, { account: peer.account, chat, sent: this.#context.now(), text });
    this.#context.telling.lines([line]);
  }
}

export function sameName(one: string, other: string): boolean {
  return one.toLowerCase() === other.toLowerCase();
}

function distinct(accounts: Iterable<Uint8Array>): Uint8Array[] {
  return [...new Map([...accounts].map((account) => [hex(account), account])).values()];
}

/** Where to read on: from the pinned list, itself included, so that a fork of it shows; all of another chain. */
function above(pin: Pin | null): { readonly since: number; readonly key: Uint8Array | null } {
  return pin === null ? { since: 0, key: null } : { since: pin.newest.seq - 1, key: pin.accountKey };
}

function nothing(account: Uint8Array): Answer {
  return { account, lists: [], suspended: [], ready: [] };
}

function samePin(one: Pin | null, other: Pin | null): boolean {
  if (one === null || other === null) return one === other;
  return equal(one.newest.hash, other.newest.hash);
}

function newestOf(answer: Answer, peer: Peer): DeviceList | null {
  const newest = answer.lists.at(-1);
  try {
    return newest === undefined ? null : openList(newest);
  } catch (error) {
    if (error instanceof ProtocolError) throw refused(peer);
    throw error;
  }
}

function follows(newest: DeviceList | null, pin: Pin): boolean {
  return (
    newest !== null &&
    equal(newest.accountKey, pin.accountKey) &&
    (equal(newest.hash, pin.newest.hash) || equal(newest.previous, pin.newest.hash))
  );
}

function refused(peer: Peer): KeysRefused {
  return new KeysRefused(WORDS.listsRefused(peer.username === "" ? WORDS.anAccount : peer.username));
}
