// What the parts of the client share: store, server, time, chance; and what whoever makes one has to give it.

import { Api, type Fetch } from "../api/index";
import type { Clock } from "../lib/clock";
import { LinkingNeeded, SignInNeeded, StoreError } from "../lib/errors";
import type { Entropy } from "../protocol/entropy";
import { OwnDevice } from "../protocol/keys";
import { DhKey, SigningKey } from "../protocol/primitives";
import type { Store } from "../store/database";
import type { Me } from "../store/records";
import * as settings from "../store/settings";
import type { Transaction } from "../store/transaction";
import type { Uniform } from "../stream/backoff";
import type { OpenSocket, Stream } from "../stream/index";
import { EMPTY } from "../protocol/bytes";
import type { StorageState, Told } from "./model";
import { Telling } from "./telling";
import { TokenKeeper } from "./tokens";
import { WORDS } from "./words";

/** The stores of this browser: one an account, and one tab at a time has it. Accounts are named by their id as text. */
export interface Stores {
  /** What this browser lacks to keep a store, in a few words; empty when it lacks nothing. */
  missing(): string;
  /** Whether this browser has a store of that account. */
  exists(account: string): Promise<boolean>;
  /**
   * Take the account's lock; null when another tab has it, unless `steal` makes that tab let go. `lost` is called
   * when another tab takes over: once it has resolved, the store is closed and the lock may go.
   */
  lock(account: string, options: { steal: boolean; lost: () => Promise<void> }): Promise<Lock | null>;
  /** Open the account's store, made if there is none. The lock is held. */
  open(account: string): Promise<Store>;
  /** Ask the browser to keep the stores (it may do so without asking anybody), and say how things stand. */
  persist(): Promise<StorageState>;
}

/** A lock that is held. */
export interface Lock {
  release(): void;
}

/** What the machine says of the network, which may be wrong in both directions. */
export interface Network {
  online(): boolean;
  listen(hear: (online: boolean) => void): () => void;
}

/** Everything that the client takes from outside: the Worker gives the browser's, tests give their own. */
export interface Environment {
  readonly origin: string; // of the server: the Worker's own, never one that a server names
  readonly deviceName: string; // what this browser is called among the account's devices
  readonly clock: Clock;
  readonly entropy: Entropy;
  readonly uniform: Uniform;
  readonly fetch: Fetch;
  readonly openSocket: OpenSocket;
  readonly network: Network;
  readonly stores: Stores;
  /** Resolves once libsodium and SQLite can be used. Rejects where the browser cannot run them. */
  ready(): Promise<void>;
}

/** Who the page belongs to. */
export interface Page {
  readonly account: Uint8Array;
  readonly csrf: string;
}

/** One account's device in this browser, while its store is open. */
export class Context {
  readonly environment: Environment;
  readonly store: Store;
  readonly account: Uint8Array;
  readonly csrf: string;
  readonly api: Api;
  readonly tokens: TokenKeeper;
  readonly telling: Telling;
  /** Accounts that the person has answered since the start: what was on its way to us does not know of it. */
  readonly answered = new Set<string>();
  stream: Stream | null = null; // while connected
  #closed = false;

  constructor(environment: Environment, store: Store, page: Page, say: (told: Told) => void) {
    this.environment = environment;
    this.store = store;
    this.account = page.account;
    this.csrf = page.csrf;
    this.telling = new Telling(this, say);
    this.tokens = new TokenKeeper(this);
    this.api = new Api(environment.origin, (refused) => this.tokens.access(refused), environment.fetch);
  }

  now(): number {
    return this.environment.clock.now();
  }

  /** Run `work` in one transaction; also for reading. */
  write<T>(work: (tx: Transaction) => T): T {
    // Work that was under way when another tab took over comes to its end here.
    if (this.#closed) throw new StoreError(WORDS.takenOver, "closed");
    return this.store.transaction(work);
  }

  /** Say something to the person that belongs to no conversation. */
  notify(text: string): void {
    this.telling.notice(text);
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.telling.close();
    this.store.close();
  }
}

/** Who this browser is, ready to write. Throws SignInNeeded; LinkingNeeded once it is none of the account's devices. */
export function requireMe(tx: Transaction): Me {
  const me = settings.me(tx);
  if (me?.ready !== true) throw new SignInNeeded(WORDS.notStarted);
  if (me.unlinked === "identity") throw new LinkingNeeded(WORDS.identityMade, true);
  if (me.unlinked === "removed") throw new LinkingNeeded(WORDS.deviceGone);
  return me;
}

/** This browser as a device. Throws SignInNeeded before the server has given it an id. */
export function ownDevice(me: Me): OwnDevice {
  if (me.device === null) throw new SignInNeeded(WORDS.notStarted);
  return new OwnDevice(
    me.account,
    me.device,
    me.accountKey ?? EMPTY,
    SigningKey.fromSeed(me.signingSeed),
    DhKey.fromPrivate(me.identityPrivate),
  );
}
