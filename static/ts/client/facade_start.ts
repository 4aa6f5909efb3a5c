// How the client starts and ends, and who hears what it tells.

import { Refused, WrongUse } from "../lib/errors";
import * as chats from "../store/chats";
import type { Entry } from "../store/records";
import * as settings from "../store/settings";
import type { Environment } from "./context";
import type { Device } from "./device";
import type { StartOptions } from "./messenger";
import type { ChatSummary, Line, Start, Told } from "./model";
import { openSummaryOf } from "./open_showing";
import { lineOf, summaryOf } from "./showing";
import { Turn } from "./signals";
import { Tab } from "./tab";
import { WORDS } from "./words";

/** Every call is `async`, also where nothing is waited for: what goes wrong has to reject. */
/* eslint-disable @typescript-eslint/require-await */
export class Starting {
  protected readonly environment: Environment;
  readonly #tab: Tab;
  readonly #hearers = new Set<(told: Told) => void>();
  readonly #turn = new Turn();
  #options: StartOptions | null = null;

  constructor(environment: Environment) {
    this.environment = environment;
    this.#tab = new Tab(environment, (told) => this.#say(told));
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

  link(): Promise<string> {
    return this.#turn.take(async () => {
      const options = this.#given();
      let code = "";
      this.#tab.close();
      const outcome = await this.#tab.open(options, false, async (device) => {
        code = await device.linker.begin(options.username, () => this.close());
        return { state: "linking_needed", reset: false };
      });
      if (code === "") throw new Refused(WORDS.noCodeNow(outcome), outcome.state);
      return code;
    });
  }

  async stopLinking(): Promise<void> {
    if (this.#tab.isOpen && this.#tab.device.linker.isWaiting) this.#tab.close();
  }

  resetIdentity(): Promise<Start> {
    return this.#turn.take(async () => {
      const options = this.#given();
      this.#tab.close();
      return this.#tab.open(options, false, async (device) => {
        await device.enrolment.register(options.username);
        await device.ownDevices.reset();
        if (this.#tab.isOpen) device.connect();
        return this.#tab.ready(device);
      });
    });
  }

  listen(hear: (told: Told) => void): () => void {
    this.#hearers.add(hear);
    return () => this.#hearers.delete(hear);
  }

  /** The parts that do the work. Throws WrongUse before `start`. */
  get inside(): Device {
    return this.#tab.device;
  }

  /** Stop and let go of everything. The store keeps what it has. */
  async close(): Promise<void> {
    this.#tab.close();
  }

  /** Set this browser up first if it is none of the account's devices yet, then stay connected. */
  #start(options: StartOptions, steal: boolean): Promise<Start> {
    return this.#tab.open(options, steal, async (device) => {
      const me = device.context.write((tx) => settings.me(tx));
      if (me?.ready !== true || me.unlinked !== "") await device.enrolment.enrol(options.username);
      if (this.#tab.isOpen) device.connect();
      return this.#tab.ready(device);
    });
  }

  protected summary(chat: Uint8Array): ChatSummary {
    const found = this.inside.context.write((tx) => {
      return openSummaryOf(tx, chat) ?? chats.overviews(tx, chat).map((one) => summaryOf(tx, one)).at(0);
    });
    if (found === undefined) throw new WrongUse(WORDS.unknownChat);
    return found;
  }

  /** Whether a chat is not end-to-end encrypted. */
  protected isOpen(chat: Uint8Array): boolean {
    return this.inside.openChats.has(chat);
  }

  protected line(entry: Entry): Line {
    return this.inside.context.write((tx) => lineOf(tx, entry));
  }

  #given(): StartOptions {
    if (this.#options === null) throw new WrongUse(WORDS.notStarted);
    return this.#options;
  }

  #say(told: Told): void {
    for (const hear of this.#hearers) hear(told);
  }
}
