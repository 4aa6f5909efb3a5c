// What several tests do with people, their browsers and the relay.

import { afterEach } from "vitest";
import { uuid } from "../../lib/uuid";
import { SYSTEM } from "../../protocol/entropy";
import { ready } from "../../protocol/primitives";
import { Store } from "../../store/database";
import { memoryFiles } from "../../store/files";
import * as settings from "../../store/settings";
import type { Transaction } from "../../store/transaction";
import type { Environment, Lock, Stores } from "../context";
import { createMessenger, type LocalMessenger } from "../facade";
import type { ChatSummary, Connection, Line, LinkOptions, Start, Told } from "../model";
import type { Relay } from "./relay";
import type { Browser } from "./relay_browser";

const KEY = new Uint8Array(32).fill(7);

/** The machine's time plus what was added; waits are recorded, and end early when time is added. */
export class SteppingClock {
  ahead = 0; // ms
  readonly slept: number[] = [];
  readonly #wakes = new Set<() => void>();

  now(): number {
    return Date.now() + this.ahead;
  }

  add(ms: number): void {
    this.ahead += ms;
    for (const wake of [...this.#wakes]) wake();
  }

  /** A wait is over when its time has come; one for another try is short for tests. */
  sleep(seconds: number, until?: AbortSignal): Promise<void> {
    this.slept.push(seconds);
    const due = this.now() + seconds * 1000;
    return new Promise((resolve) => {
      const look = (): void => {
        if (until?.aborted !== true && this.now() < due) return;
        this.#wakes.delete(look);
        until?.removeEventListener("abort", look);
        clearTimeout(timer);
        resolve();
      };
      const timer = setTimeout(look, Math.min(seconds * 1000, 100_000) + 1);
      this.#wakes.add(look);
      until?.addEventListener("abort", look);
      if (until?.aborted === true) look();
    });
  }
}

/** A browser's disk, whatever tabs it has open. */
export class Disk implements Stores {
  /** Opening a store takes as long as this. */
  gate: Promise<void> = Promise.resolve();
  /** Looking for one takes as long as this. */
  looking: Promise<void> = Promise.resolve();
  opened = 0;
  readonly #files = new Map<string, ReturnType<typeof memoryFiles>>();
  readonly #holders = new Map<string, { lost: () => Promise<void>; lock: Lock }>();

  missing(): string {
    return "";
  }

  async exists(account: string): Promise<boolean> {
    await this.looking;
    return this.#files.has(account);
  }

  async lock(account: string, { steal, lost }: { steal: boolean; lost: () => Promise<void> }): Promise<Lock | null> {
    const holder = this.#holders.get(account);
    if (holder !== undefined && !steal) return null;
    await holder?.lost();
    const lock = {
      release: (): void => {
        if (this.#holders.get(account)?.lock === lock) this.#holders.delete(account);
      },
    };
    this.#holders.set(account, { lost, lock });
    return lock;
  }

  async open(account: string): Promise<Store> {
    this.opened += 1;
    const files = this.#files.get(account) ?? memoryFiles();
    this.#files.set(account, files);
    await this.gate;
    return Store.open(files, KEY);
  }

  persist(): Promise<{ persistent: boolean; usage: number }> {
    return Promise.resolve({ persistent: true, usage: 0 });
  }
}

/** Somebody at a page: what they have been told, and what they see. */
export class Party {
  readonly name: string;
  readonly relay: Relay;
  readonly browser: Browser;
  readonly disk: Disk;
  readonly clock: SteppingClock;
  readonly account: string;
  readonly told: Told[] = [];
  readonly network = new FakeNetwork();
  messenger: LocalMessenger;
  knownDevice = "";
  /** How much of a wait that is left to chance there is: all of it, or none. */
  chance: "least" | "most" = "least";

  constructor(relay: Relay, name: string, { disk = new Disk(), clock = new SteppingClock() } = {}) {
    this.name = name;
    this.relay = relay;
    this.disk = disk;
    this.clock = clock;
    this.browser = relay.browser(name);
    this.account = relay.accountOf(name);
    this.messenger = this.#made();
    open.push(this);
  }

  start(): Promise<Start> {
    const { account, name, knownDevice } = this;
    return this.messenger.start({ account, username: name, csrf: "c", knownDevice });
  }

  /** The page is closed, at whatever moment this is, and opened again. */
  async reload(): Promise<Start> {
    await this.messenger.close();
    return this.reopen();
  }

  async reopen(): Promise<Start> {
    this.messenger = this.#made();
    return this.start();
  }

  /** Look into the store. */
  read<T>(work: (tx: Transaction) => T): T {
    return this.messenger.inside.context.write(work);
  }

  /** The id of its device. */
  get device(): string {
    const device = this.read((tx) => settings.me(tx))?.device ?? null;
    return device === null ? "" : uuid(device);
  }

  async chat(other: Party): Promise<ChatSummary> {
    return this.messenger.chatWith({ account: other.account, username: other.name, chat: "" }, { open: false });
  }

  /** Write to somebody. */
  async write(other: Party, text: string): Promise<Line> {
    return this.messenger.send((await this.chat(other)).id, text);
  }

  /** The same, and wait until the server has it. */
  async send(other: Party, text: string): Promise<Line> {
    const line = await this.write(other, text);
    await until(async () => (await this.line(other, line.id)).state !== "queued");
    return this.line(other, line.id);
  }

  async line(other: Party, id: string): Promise<Line> {
    const found = (await this.lines(other)).find((line) => line.id === id);
    if (found === undefined) throw new Error(`no line ${id}`);
    return found;
  }

  async lines(other: Party): Promise<Line[]> {
    return this.messenger.lines((await this.chat(other)).id, null, 1000);
  }

  /** What stands in the conversation: texts, and the kinds of what is no text. */
  async texts(other: Party): Promise<string[]> {
    return (await this.lines(other)).map((line) => (line.kind === "text" ? line.text : `(${line.kind})`));
  }

  async states(other: Party): Promise<Record<string, string>> {
    const lines = await this.lines(other);
    return Object.fromEntries(lines.filter((line) => line.outgoing).map((line) => [line.text, line.state]));
  }

  get notices(): string[] {
    return this.told.flatMap((one) => (one.type === "notice" ? [one.text] : []));
  }

  get connection(): Connection["state"] | null {
    return this.told.reduce<Connection["state"] | null>(
      (last, one) => (one.type === "connection" ? one.connection.state : last),
      null,
    );
  }

  /** How far linking this browser is. */
  get linkStep(): string {
    return this.told.reduce((last, one) => (one.type === "link" ? one.link.step : last), "");
  }

  async online(): Promise<void> {
    await until(() => this.connection === "online");
  }

  /** The network goes away, and the machine may notice. */
  cut(): void {
    this.browser.offline = true;
    this.relay.drop(this.name);
  }

  mend(): void {
    this.browser.offline = false;
    void this.messenger.reconnect();
  }

  #made(): LocalMessenger {
    const { relay, browser, disk, clock, network } = this;
    const environment: Environment = {
      origin: relay.origin,
      clock,
      entropy: SYSTEM,
      deviceName: "Browser",
      uniform: (least, most) => (this.chance === "least" ? least : most),
      fetch: browser.fetch,
      openSocket: browser.openSocket,
      network,
      stores: disk,
      ready,
    };
    const messenger = createMessenger(environment);
    messenger.listen((told) => this.told.push(told));
    return messenger;
  }
}

class FakeNetwork {
  isOnline = true;
  readonly #hearers = new Set<(online: boolean) => void>();

  online(): boolean {
    return this.isOnline;
  }

  listen(hear: (online: boolean) => void): () => void {
    this.#hearers.add(hear);
    return () => this.#hearers.delete(hear);
  }

  change(online: boolean): void {
    this.isOnline = online;
    for (const hear of this.#hearers) hear(online);
  }
}

let open: Party[] = [];

afterEach(async () => {
  for (const party of open) await party.messenger.close();
  open = [];
});

/** Somebody who has opened the page and is connected. */
export async function joined(relay: Relay, name: string): Promise<Party> {
  const party = new Party(relay, name);
  const start = await party.start();
  if (start.state !== "ready") throw new Error(JSON.stringify(start));
  await party.online();
  return party;
}

/** Both have written once: both have sessions, and nobody waits for an answer. */
export async function befriend(one: Party, other: Party): Promise<void> {
  await one.send(other, "hello");
  await until(async () => (await other.texts(one)).length === 1);
  await other.send(one, "hello yourself");
  await until(async () => (await one.texts(other)).length === 2);
}

/** Another browser of somebody's, linked by one that manages the account, and connected. */
export async function linked(manager: Party, options: Partial<LinkOptions> = {}): Promise<Party> {
  const party = new Party(manager.relay, manager.name);
  await party.start();
  await link(manager, party, options);
  return party;
}

/** Link a browser that needs it, and start it. */
export async function link(manager: Party, party: Party, options: Partial<LinkOptions> = {}): Promise<void> {
  const code = await party.messenger.link();
  const approved = manager.messenger.approveLink(code, { history: false, managing: false, ...options });
  await Promise.all([approved, passing([manager, party], () => party.linkStep === "done")]);
  party.told.length = 0;
  await party.start();
  await party.online();
  await passing([manager, party], () => waits(manager) === 0);
}

/** Contents that somebody has not sent yet to single devices. */
export function waits(party: Party): number {
  return Number(party.read((tx) => tx.one("SELECT COUNT(*) FROM control"))?.[0]);
}

/** Time passes until something has happened. */
export async function passing(parties: readonly Party[], condition: () => boolean | Promise<boolean>): Promise<void> {
  await until(async () => {
    await pause(20);
    for (const party of parties) party.clock.add(1_000);
    return condition();
  });
}

export async function until(condition: () => boolean | Promise<boolean>, seconds = 10): Promise<void> {
  const deadline = Date.now() + seconds * 1000;
  while (!(await condition())) {
    if (Date.now() > deadline) throw new Error("it did not happen in time");
    await pause(5);
  }
}

export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
