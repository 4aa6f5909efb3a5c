// One's own devices: seen, ended, taken off the list; and a new identity, as the last way out.
//
// PROTOCOL.md, Keys and the device list. Two truths are kept apart: the signed list says whom to encrypt to, and only
// a device that holds the account key changes it; any device may have the server suspend another.

import type { OwnDevice } from "../api/index";
import { compare, equal, hex } from "../lib/bytes";
import { Defect, KeysRefused, Refused, Unreachable, WrongUse } from "../lib/errors";
import { fromUuid, uuid } from "../lib/uuid";
import { listed, openList, Pin, signList, type DeviceList, type ListedDevice } from "../protocol/device_list";
import { generateAccountKey } from "../protocol/keys";
import { SigningKey } from "../protocol/primitives";
import * as groups from "../store/groups";
import * as peers from "../store/peers";
import { Linking, type Me } from "../store/records";
import * as sessions from "../store/sessions";
import * as settings from "../store/settings";
import type { Transaction } from "../store/transaction";
import type { Enrolment } from "./account";
import { ownDevice, requireMe, type Context } from "./context";
import type { Directory } from "./directory";
import { requireUnchanged } from "./identity";
import type { DeviceInfo } from "./model";
import { Turn } from "./signals";
import { WORDS } from "./words";

const ROUNDS = 6; // lists that others publish meanwhile

/** The next list's devices, from those of the newest one. */
type Change = (newest: DeviceList) => readonly ListedDevice[];

export class OwnDevices {
  readonly #context: Context;
  readonly #directory: Directory;
  readonly #enrolment: Enrolment;
  readonly #turn = new Turn(); // one list at a time
  /** Called before this account is given another key: what was signed under the one of before counts until then. */
  beforeReset: () => Promise<void> = () => Promise.resolve();
  readonly #told = new Set<string>(); // suspended devices that hold the account key

  constructor(context: Context, directory: Directory, enrolment: Enrolment) {
    this.#context = context;
    this.#directory = directory;
    this.#enrolment = enrolment;
  }

  /** This one first, then the others, the one seen last first. */
  async all(): Promise<DeviceInfo[]> {
    const me = this.#context.write(requireMe);
    const found = await this.#context.api.devices();
    return found.map((one) => infoOf(one, me)).sort(byUse);
  }

  get canManage(): boolean {
    return (this.#context.write((tx) => settings.me(tx))?.accountKeySeed ?? null) !== null;
  }

  /** End a device at the server, and sign it out of the list where this device can. Throws WrongUse, Refused. */
  async suspend(id: string): Promise<void> {
    const device = this.#other(id);
    await this.#context.api.suspend(device);
    await this.tend();
    this.#tell();
  }

  /** End a device and take it off the list. Throws WrongUse, Refused. */
  async remove(id: string, { newIdentity }: { readonly newIdentity: boolean }): Promise<void> {
    const device = this.#other(id);
    const me = this.#context.write(requireMe);
    if (me.accountKeySeed === null) throw new Refused(WORDS.notManaging, "not_managing");
    const holdsKey = managingOf(me).some((one) => equal(one, device));
    if (holdsKey && !newIdentity) throw new Refused(WORDS.newIdentityNeeded, "new_identity_needed");
    if (newIdentity) this.#told.add(hex(device)); // the person knows, and the key is about to be worth nothing
    await this.#context.api.suspend(device);
    if (newIdentity) {
      await this.beforeReset();
      await this.reset();
    } else await this.publish((newest) => newest.devices.filter((one) => !equal(one.device, device)));
    this.#tell();
  }

  /** Look at one's own list, and sign out of it whom the server has suspended. Throws LinkingNeeded, Unreachable. */
  async tend(): Promise<void> {
    try {
      await this.#tend();
    } catch (error) {
      if (!(error instanceof KeysRefused || error instanceof Defect || error instanceof Refused)) throw error;
      this.#context.notify(error.message);
    }
  }

  /** One's own devices have changed. */
  async changed(): Promise<void> {
    await this.tend();
    this.#tell();
  }

  /** Sign the next list and publish it; again where another device was faster. */
  publish(change: Change): Promise<void> {
    return this.#turn.take(() => this.#publish(change));
  }

  /**
   * Make a new account key, and a list with this device alone. Throws SignInNeeded, Refused, Unreachable.
   *
   * Every step is stored before the next, and can be taken again: the key stands here before the server has it.
   */
  reset(): Promise<void> {
    return this.#turn.take(() => this.#reset());
  }

  async #publish(change: Change): Promise<void> {
    for (let round = 0; round < ROUNDS; round++) {
      const peer = await this.#directory.refresh(this.#context.account);
      const me = this.#context.write(requireMe);
      requireUnchanged(peer);
      const pin = peers.pinOf(peer);
      if (pin === null || me.accountKeySeed === null) throw new Refused(WORDS.notManaging, "not_managing");
      const devices = [...change(pin.newest)].sort((one, other) => compare(one.device, other.device));
      if (sameDevices(devices, pin.newest.devices)) return;
      const key = SigningKey.fromSeed(me.accountKeySeed);
      const next = signList(key, me.account, devices, { previous: pin.newest, now: this.#context.now() });
      try {
        await this.#context.api.publishList(next.signed);
        await this.#directory.refresh(me.account);
        return;
      } catch (error) {
        if (!(error instanceof Refused && error.code === "list_conflict")) throw error;
      }
    }
    throw new Unreachable(WORDS.listKeepsChanging);
  }

  async #reset(): Promise<void> {
    const { api, account } = this.#context;
    const { seed, first } = this.#context.write((tx) => this.#prepare(tx));
    for (let round = 0; ; round++) {
      if (round === ROUNDS) throw new Unreachable(WORDS.listKeepsChanging);
      const answers = await api.directory([{ account, since: null }]);
      const signed = answers.find((one) => equal(one.account, account))?.lists.at(-1);
      if (signed === undefined) throw new Refused(WORDS.listMissing, "not_found");
      const newest = openList(signed);
      if (equal(newest.accountKey, first.accountKey)) break; // the answer was lost, and the list was not
      try {
        await api.publishList(first.signed, newest.hash);
        break;
      } catch (error) {
        if (!(error instanceof Refused && error.code === "list_conflict")) throw error;
      }
    }
    this.#context.write((tx) => adopt(tx, seed, first));
    await this.#enrolment.finish();
  }

  async #tend(): Promise<void> {
    const peer = await this.#directory.refresh(this.#context.account);
    const me = this.#context.write(requireMe);
    const pin = peers.pinOf(peer);
    if (me.accountKeySeed === null || pin === null) return;
    const isHolder = (device: Uint8Array): boolean => managingOf(me).some((one) => equal(one, device));
    const suspended = pin.newest.devices.filter(
      ({ device }) => peer.suspended.some((one) => equal(one, device)) && !equal(device, me.device ?? device),
    );
    for (const { device } of suspended) if (isHolder(device)) await this.#tellOfHolder(device);
    const gone = new Set(suspended.filter(({ device }) => !isHolder(device)).map(({ device }) => hex(device)));
    if (gone.size > 0) await this.publish((newest) => newest.devices.filter((one) => !gone.has(hex(one.device))));
  }

  /** Not silently: whoever has that device may have the key that signs lists. */
  async #tellOfHolder(device: Uint8Array): Promise<void> {
    if (this.#told.has(hex(device))) return;
    this.#told.add(hex(device));
    const known = await this.#context.api.devices();
    const name = known.find((one) => equal(one.device, device))?.name ?? uuid(device);
    this.#context.notify(WORDS.holderSuspended(name));
  }

  #prepare(tx: Transaction): { seed: Uint8Array; first: DeviceList } {
    const state = settings.linking(tx);
    if (state.nextSeed !== null && state.nextList !== null) {
      return { seed: state.nextSeed, first: openList(state.nextList) };
    }
    const me = settings.me(tx);
    if (me === null) throw new WrongUse(WORDS.notStarted);
    const key = generateAccountKey(this.#context.environment.entropy);
    const now = this.#context.now();
    const own = ownDevice({ ...me, accountKey: key.public });
    const first = signList(key, me.account, [listed(own, { added: now })], { previous: null, now });
    settings.saveLinking(tx, { ...state, nextSeed: key.seed, nextList: first.signed });
    return { seed: key.seed, first };
  }

  #other(id: string): Uint8Array {
    const device = fromUuid(id);
    const me = this.#context.write(requireMe);
    if (device === null) throw new WrongUse(WORDS.noSuchDevice);
    if (equal(device, me.device ?? device)) throw new WrongUse(WORDS.thisDevice);
    return device;
  }

  #tell(): void {
    this.#context.telling.say({ type: "devices" });
  }
}

/** The own devices known to hold the account key. */
export function managingOf(me: Me): readonly Uint8Array[] {
  const own = me.accountKeySeed === null || me.device === null ? [] : [me.device];
  return [...new Map([...me.managing, ...own].map((one) => [hex(one), one])).values()].sort(compare);
}

/** The new identity is published: from now on it is this browser's. */
function adopt(tx: Transaction, seed: Uint8Array, first: DeviceList): void {
  const me = settings.me(tx);
  if (me === null || me.device === null) return;
  const { accountKey, account } = first;
  settings.saveMe(tx, { ...me, accountKey, accountKeySeed: seed, managing: [me.device], unlinked: "", ready: false });
  settings.saveLinking(tx, Linking.of({}));
  peers.forgetLists(tx, account);
  peers.saveList(tx, first);
  const changes = { pin: new Pin(first).toBytes(), changedLists: [], changedKey: null, suspended: [] };
  peers.change(tx, account, { ...changes, username: me.username });
  // Each is bound to the old key; whoever is written to next gets a first message under the new one.
  sessions.dropAll(tx);
  groups.dropOwnChains(tx);
}

function sameDevices(some: readonly ListedDevice[], others: readonly ListedDevice[]): boolean {
  return some.length === others.length && some.every((one, at) => one === others[at]);
}

function infoOf(one: OwnDevice, me: Me): DeviceInfo {
  return {
    id: uuid(one.device),
    name: one.name,
    platform: one.platform,
    lastSeen: one.lastSeenAt,
    thisOne: me.device !== null && equal(one.device, me.device),
    managing: managingOf(me).some((device) => equal(device, one.device)),
    listed: one.listed,
    suspended: one.suspended,
  };
}

function byUse(one: DeviceInfo, other: DeviceInfo): number {
  return Number(other.thisOne) - Number(one.thisOne) || other.lastSeen - one.lastSeen;
}
