// The client: what the page can ask of it. The modules beside it do the work.

import { ClientError, LinkingNeeded, SignInNeeded, Unreachable, WrongUse } from "../lib/errors";
import { fromUuid, uuid } from "../lib/uuid";
import * as chats from "../store/chats";
import type { Entry, Me } from "../store/records";
import * as settings from "../store/settings";
import * as timeline from "../store/timeline";
import type { Environment, Lock } from "./context";
import { Device } from "./device";
import type { Messenger, StartOptions } from "./messenger";
import type {
  Account,
  ChatSummary,
  DeviceInfo,
  Line,
  LinkOptions,
  NewDevice,
  Person,
  SafetyNumber,
  Start,
  StorageState,
  Told,
} from "./model";
import { byLatest, lineOf, summaryOf } from "./showing";
import { Turn } from "./signals";
import { WORDS } from "./words";

export function createMessenger(environment: Environment): LocalMessenger {
  return new LocalMessenger(environment);
}

/** Every call is `async`, also where nothing is waited for: what goes wrong has to reject. */
/* eslint-disable @typescript-eslint/require-await */
export class LocalMessenger implements Messenger {
  readonly #environment: Environment;
  readonly #hearers = new Set<(told: Told) => void>();
  readonly #turn = new Turn();
  #options: StartOptions | null = null;
  #device: Device | null = null;

  constructor(environment: Environment) {
    this.#environment = environment;
  }

  start(options: StartOptions): Promise<Start> {
    this.#options = options;
    return this.#turn.take(() => this.#start(options, false));
  }

  takeOver(): Promise<Start> {
    return this.#turn.take(() => this.#start(this.#given(), true));
  }

  startAfresh(): Promise<Start> {
    return this.#turn.take(() => {
      this.#options = { ...this.#given(), knownDevice: "" };
      return this.#start(this.#options, false);
    });
  }

  async link(): Promise<string> {
    throw new WrongUse(WORDS.notThereYet);
  }

  async stopLinking(): Promise<void> {
    throw new WrongUse(WORDS.notThereYet);
  }

  async resetIdentity(): Promise<Start> {
    throw new WrongUse(WORDS.notThereYet);
  }

  listen(hear: (told: Told) => void): () => void {
    this.#hearers.add(hear);
    return () => this.#hearers.delete(hear);
  }

  async chats(): Promise<ChatSummary[]> {
    const { context } = this.#here();
    return context.write((tx) => chats.overviews(tx).map((one) => summaryOf(tx, one))).sort(byLatest);
  }

  async lines(chat: string, before: number | null, limit: number): Promise<Line[]> {
    const id = idOf(chat);
    const { context } = this.#here();
    return context.write((tx) => timeline.lines(tx, id, before, limit).map((entry) => lineOf(tx, entry)));
  }

  async linesAfter(chat: string, after: number, limit: number): Promise<Line[]> {
    const id = idOf(chat);
    const { context } = this.#here();
    return context.write((tx) => timeline.linesAfter(tx, id, after, limit).map((entry) => lineOf(tx, entry)));
  }

  async look(chat: string | null): Promise<void> {
    this.#here().receipts.look(chat === null ? null : idOf(chat));
  }

  async markRead(chat: string, position: number): Promise<void> {
    this.#here().receipts.markRead(idOf(chat), position);
  }

  async send(account: string, text: string): Promise<Line> {
    return this.#line(this.#here().sender.enqueue(idOf(account), text));
  }

  async resend(line: string): Promise<Line> {
    return this.#line(this.#here().sender.resend(idOf(line)));
  }

  async discard(line: string): Promise<void> {
    this.#here().sender.discard(idOf(line));
  }

  async saveDraft(chat: string, text: string): Promise<void> {
    const { context } = this.#here();
    const id = idOf(chat);
    context.write((tx) => chats.saveDraft(tx, id, text));
    context.telling.chat(id);
    context.telling.flush();
  }

  async typing(chat: string, on: boolean): Promise<void> {
    this.#here().typing.say(idOf(chat), on);
  }

  async find(prefix: string): Promise<Person[]> {
    return this.#here().people.find(prefix);
  }

  async chatWith(person: Person): Promise<ChatSummary> {
    const { context, people } = this.#here();
    const overview = people.chatWith(idOf(person.account), person.username);
    return context.write((tx) => summaryOf(tx, overview));
  }

  async accept(account: string): Promise<void> {
    await this.#here().people.accept(idOf(account));
  }

  async block(account: string): Promise<void> {
    await this.#here().people.block(idOf(account));
  }

  async unblock(account: string): Promise<void> {
    await this.#here().people.unblock(idOf(account));
  }

  async safetyNumber(account: string): Promise<SafetyNumber> {
    return this.#here().people.safetyNumber(idOf(account));
  }

  async verify(account: string, key: Uint8Array): Promise<void> {
    await this.#here().people.verify(idOf(account), key);
  }

  async acknowledge(account: string): Promise<void> {
    await this.#here().people.acknowledge(idOf(account));
  }

  async askAgain(line: string): Promise<void> {
    this.#here().doctor.askAgain(line);
  }

  async devices(): Promise<DeviceInfo[]> {
    throw new WrongUse(WORDS.notThereYet);
  }

  async canManage(): Promise<boolean> {
    const { context } = this.#here();
    return (context.write((tx) => settings.me(tx))?.accountKey ?? null) !== null;
  }

  async readLink(code: string): Promise<NewDevice> {
    throw new WrongUse(WORDS.notThereYet, code);
  }

  async approveLink(code: string, options: LinkOptions): Promise<void> {
    throw new WrongUse(WORDS.notThereYet, JSON.stringify([code, options]));
  }

  async suspendDevice(device: string): Promise<void> {
    throw new WrongUse(WORDS.notThereYet, device);
  }

  async removeDevice(device: string, options: { newIdentity: boolean }): Promise<void> {
    throw new WrongUse(WORDS.notThereYet, JSON.stringify([device, options]));
  }

  async storage(): Promise<StorageState> {
    return this.#environment.stores.persist();
  }

  async reconnect(): Promise<void> {
    this.#here().connect();
  }

  /** The parts that do the work. Throws WrongUse before `start`. */
  get inside(): Device {
    return this.#here();
  }

  /** Stop and let go of everything. The store keeps what it has. */
  async close(): Promise<void> {
    this.#device?.close();
    this.#device = null;
  }

  async #start(options: StartOptions, steal: boolean): Promise<Start> {
    const { stores } = this.#environment;
    if (this.#device !== null) return this.#ready(this.#device);
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
      return await this.#open(options, lock, holding);
    } catch (error) {
      const outcome = holding.isLost() ? ({ state: "open_elsewhere" } as const) : outcomeOf(error);
      await this.close();
      lock.release();
      return outcome;
    }
  }

  /** Open the account's store; set this browser up first if it is none of the account's devices yet. */
  async #open(options: StartOptions, lock: Lock, holding: Holding): Promise<Start> {
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
    const device = (this.#device = new Device(this.#environment, store, lock, page, (told) => this.#say(told)));
    const me = device.context.write((tx) => settings.me(tx));
    if (me === null && options.knownDevice !== "") throw new Evicted();
    if (me?.ready !== true) await device.enrolment.enrol(options.username);
    if (this.#device !== device) return { state: "open_elsewhere" };
    device.connect();
    return this.#ready(device);
  }

  async #ready(device: Device): Promise<Start> {
    const storage = await this.#environment.stores.persist();
    const me = device.context.write((tx) => settings.me(tx));
    if (me === null) throw new WrongUse(WORDS.notStarted);
    return { state: "ready", account: accountOf(me), storage };
  }

  /** Another tab takes over: nothing may be open when this has resolved. */
  async #lost(holding: Holding): Promise<void> {
    holding.lose();
    await holding.opening;
    if (this.#device === null) return;
    await this.close();
    this.#say({ type: "ended", why: "taken_over", text: WORDS.takenOver });
  }

  #line(entry: Entry): Line {
    return this.#here().context.write((tx) => lineOf(tx, entry));
  }

  #here(): Device {
    if (this.#device === null) throw new WrongUse(WORDS.notStarted);
    return this.#device;
  }

  #given(): StartOptions {
    if (this.#options === null) throw new WrongUse(WORDS.notStarted);
    return this.#options;
  }

  #say(told: Told): void {
    for (const hear of this.#hearers) hear(told);
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

function outcomeOf(error: unknown): Start {
  if (error instanceof Evicted) return { state: "evicted" };
  if (error instanceof LinkingNeeded) return { state: "linking_needed", reset: false };
  if (error instanceof SignInNeeded) return { state: "signed_out" };
  if (error instanceof Unreachable) return { state: "failed", why: WORDS.noServerYet };
  return { state: "failed", why: error instanceof ClientError ? error.message : WORDS.setupFailed };
}

function accountOf(me: Me): Account {
  return { id: uuid(me.account), username: me.username, device: me.device === null ? "" : uuid(me.device) };
}

function idOf(text: string): Uint8Array {
  const id = fromUuid(text);
  if (id === null) throw new WrongUse(WORDS.noSuchThing);
  return id;
}
