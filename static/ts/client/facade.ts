// The client: what the page can ask of it. The modules beside it do the work.

import { Refused, WrongUse } from "../lib/errors";
import * as chats from "../store/chats";
import type { Entry } from "../store/records";
import * as settings from "../store/settings";
import * as timeline from "../store/timeline";
import type { Environment } from "./context";
import type { Device } from "./device";
import type { Messenger, StartOptions } from "./messenger";
import { ROLES } from "./model";
import type {
  ChatSummary,
  DeviceInfo,
  InviteOptions,
  Line,
  LinkOptions,
  NewDevice,
  Person,
  Role,
  SafetyNumber,
  Start,
  StorageState,
  Told,
} from "./model";
import { byLatest, lineOf, summaryOf } from "./showing";
import { Turn } from "./signals";
import { idOf, Tab } from "./tab";
import { WORDS } from "./words";

export function createMessenger(environment: Environment): LocalMessenger {
  return new LocalMessenger(environment);
}

/** Every call is `async`, also where nothing is waited for: what goes wrong has to reject. */
/* eslint-disable @typescript-eslint/require-await */
export class LocalMessenger implements Messenger {
  readonly #environment: Environment;
  readonly #tab: Tab;
  readonly #hearers = new Set<(told: Told) => void>();
  readonly #turn = new Turn();
  #options: StartOptions | null = null;

  constructor(environment: Environment) {
    this.#environment = environment;
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
    return this.#line(this.#here().writer.enqueue(idOf(account), text));
  }

  async resend(line: string): Promise<Line> {
    return this.#line(this.#here().writer.resend(idOf(line)));
  }

  async discard(line: string): Promise<void> {
    this.#here().writer.discard(idOf(line));
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

  async createGroup(title: string, accounts: readonly string[]): Promise<ChatSummary> {
    return this.#summary(await this.#here().groups.create(title, accounts.map(idOf)));
  }

  async addMember(chat: string, account: string): Promise<void> {
    await this.#here().groups.add(idOf(chat), idOf(account));
  }

  async removeMember(chat: string, account: string): Promise<void> {
    await this.#here().groups.remove(idOf(chat), idOf(account));
  }

  async setRole(chat: string, account: string, role: Role): Promise<void> {
    await this.#here().groups.setRole(idOf(chat), idOf(account), ROLES.indexOf(role));
  }

  async leaveGroup(chat: string): Promise<void> {
    await this.#here().groups.leave(idOf(chat));
  }

  async renameGroup(chat: string, title: string): Promise<void> {
    await this.#here().groups.rename(idOf(chat), title);
  }

  async makeLink(chat: string, options: InviteOptions): Promise<string> {
    return this.#here().groups.makeLink(idOf(chat), options);
  }

  async endLink(chat: string, key: string): Promise<void> {
    await this.#here().groups.endLink(idOf(chat), key);
  }

  async join(code: string): Promise<ChatSummary> {
    return this.#summary(await this.#here().groups.join(code));
  }

  async approve(chat: string, account: string): Promise<void> {
    await this.#here().groups.approve(idOf(chat), idOf(account));
  }

  async acceptGroup(chat: string): Promise<void> {
    await this.#here().groups.accept(idOf(chat));
  }

  async mute(chat: string, on: boolean): Promise<void> {
    this.#here().groups.mute(idOf(chat), on);
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
    return this.#here().ownDevices.all();
  }

  async canManage(): Promise<boolean> {
    return this.#here().ownDevices.canManage;
  }

  async readLink(code: string): Promise<NewDevice> {
    return this.#here().approver.read(code);
  }

  async approveLink(code: string, options: LinkOptions): Promise<void> {
    await this.#here().approver.approve(code, options);
  }

  async suspendDevice(device: string): Promise<void> {
    await this.#here().ownDevices.suspend(device);
  }

  async removeDevice(device: string, options: { newIdentity: boolean }): Promise<void> {
    await this.#here().ownDevices.remove(device, options);
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

  #summary(chat: Uint8Array): ChatSummary {
    const found = this.#here().context.write((tx) => chats.overviews(tx, chat).map((one) => summaryOf(tx, one)).at(0));
    if (found === undefined) throw new WrongUse(WORDS.unknownChat);
    return found;
  }

  #line(entry: Entry): Line {
    return this.#here().context.write((tx) => lineOf(tx, entry));
  }

  #here(): Device {
    return this.#tab.device;
  }

  #given(): StartOptions {
    if (this.#options === null) throw new WrongUse(WORDS.notStarted);
    return this.#options;
  }

  #say(told: Told): void {
    for (const hear of this.#hearers) hear(told);
  }
}
