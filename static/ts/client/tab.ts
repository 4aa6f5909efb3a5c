// This tab and the account's store: its lock taken, the store opened, a device made of it; and all let go again.

import { ClientError, LinkingNeeded, SignInNeeded, Unreachable, WrongUse } from "../lib/errors";
import { fromUuid, uuid } from "../lib/uuid";
import type { Me } from "../store/records";
import * as settings from "../store/settings";
import type { Environment, Lock } from "./context";
import { Device } from "./device";
import type { StartOptions } from "./messenger";
import type { Account, Start, Told } from "./model";
import { WORDS } from "./words";

/** What an opened store is for; resolves with how starting ended. */
export type Purpose = (device: Device) => Promise<Start>;

export class Tab {
  readonly #environment: Environment;
  readonly #say: (told: Told) => void;
  #device: Device | null = null;

  constructor(environment: Environment, say: (told: Told) => void) {
    this.#environment = environment;
    this.#say = say;
  }

  /** The device that is open. Throws WrongUse before that. */
  get device(): Device {
    if (this.#device === null) throw new WrongUse(WORDS.notStarted);
    return this.#device;
  }

  get isOpen(): boolean {
    return this.#device !== null;
  }

  /** Open the account's store, unless it is open, and use it. What goes wrong closes it again. */
  async open(options: StartOptions, steal: boolean, use: Purpose): Promise<Start> {
    const { stores } = this.#environment;
    if (this.#device !== null) return this.ready(this.#device);
    const missing = stores.missing();
    if (missing !== "") return { state: "unsupported", missing };
    try {
      await this.#environment.ready();
    } catch {
      return { state: "failed", why: WORDS.cannotRun };
    }
    const holding = new Holding();
    const lock = await stores.lock(options.account, { steal, lost: () => this.#lost(holding) });
    if (lock === null) return { state: "open_elsewhere" };
    try {
      return await this.#open(options, lock, holding, use);
    } catch (error) {
      const outcome = holding.isLost() ? ({ state: "open_elsewhere" } as const) : outcomeOf(error);
      this.close();
      lock.release();
      return outcome;
    }
  }

  async ready(device: Device): Promise<Start> {
    const storage = await this.#environment.stores.persist();
    const me = device.context.write((tx) => settings.me(tx));
    if (me === null) throw new WrongUse(WORDS.notStarted);
    return { state: "ready", account: accountOf(me), storage };
  }

  /** Stop and let go of everything. The store keeps what it has. */
  close(): void {
    this.#device?.close();
    this.#device = null;
  }

  async #open(options: StartOptions, lock: Lock, holding: Holding, use: Purpose): Promise<Start> {
    const { stores } = this.#environment;
    const isKnown = await stores.exists(options.account);
    // Opening makes a store, so this comes before.
    if (!isKnown && options.knownDevice !== "") throw new Evicted();
    if (holding.isLost()) return { state: "open_elsewhere" }; // the other tab may be opening it already
    const page = { account: idOf(options.account), csrf: options.csrf };
    const opening = stores.open(options.account);
    holding.opening = opening.catch(() => undefined);
    const store = await opening;
    if (holding.isLost()) {
      store.close();
      return { state: "open_elsewhere" };
    }
    const device = (this.#device = new Device(this.#environment, store, lock, page, this.#say));
    const me = device.context.write((tx) => settings.me(tx));
    if (me === null && options.knownDevice !== "") throw new Evicted();
    const outcome = await use(device);
    return this.#device === device ? outcome : { state: "open_elsewhere" };
  }

  /** Another tab takes over: nothing may be open when this has resolved. */
  async #lost(holding: Holding): Promise<void> {
    holding.lose();
    await holding.opening;
    if (this.#device === null) return;
    this.close();
    this.#say({ type: "ended", why: "taken_over", text: WORDS.takenOver });
  }
}

/** One lock, from being asked for to its end. */
class Holding {
  opening: Promise<unknown> = Promise.resolve(); // of the store
  #isLost = false;

  lose(): void {
    this.#isLost = true;
  }

  /** Another tab has taken over. Asked anew after each wait. */
  isLost(): boolean {
    return this.#isLost;
  }
}

/** This browser was a device of the account, and what it had stored is gone. */
class Evicted extends Error {}

export function idOf(text: string): Uint8Array {
  const id = fromUuid(text);
  if (id === null) throw new WrongUse(WORDS.noSuchThing);
  return id;
}

function outcomeOf(error: unknown): Start {
  if (error instanceof Evicted) return { state: "evicted" };
  if (error instanceof LinkingNeeded) return { state: "linking_needed", reset: error.reset };
  if (error instanceof SignInNeeded) return { state: "signed_out" };
  if (error instanceof Unreachable) return { state: "failed", why: WORDS.noServerYet };
  return { state: "failed", why: error instanceof ClientError ? error.message : WORDS.setupFailed };
}

function accountOf(me: Me): Account {
  return { id: uuid(me.account), username: me.username, device: me.device === null ? "" : uuid(me.device) };
}
