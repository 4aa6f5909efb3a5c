// Linking, the managing device's side: it reads a code, has the new device agree, lists it, and gives it what it needs.
//
// PROTOCOL.md, Linking. The keys in the code are believed, not those that the server shows.

import { equal, hex } from "../lib/bytes";
import { KeysRefused, Refused, Unreachable, WrongUse } from "../lib/errors";
import { uuid } from "../lib/uuid";
import type { ListedDevice } from "../protocol/device_list";
import { ProtocolError } from "../protocol/errors";
import { MAX_DEVICES } from "../protocol/limits";
import { LinkCode, openAnswer, sealOffer } from "../protocol/linking";
import * as controls from "../store/controls";
import * as peers from "../store/peers";
import * as settings from "../store/settings";
import type { History } from "../protocol/account_data";
import { requireMe, type Context } from "./context";
import type { Controls } from "./controls";
import type { Directory } from "./directory";
import { history, sharedChats } from "./history";
import type { LinkOptions, NewDevice } from "./model";
import { managingOf, type OwnDevices } from "./own_devices";
import { give, tellManagers } from "./sharing";
import { breathe, Turn } from "./signals";
import { WORDS } from "./words";

const POLL = 1.5; // seconds
const APPROVAL = 120_000; // ms that the new device has to answer: it asks every other second while it shows its code

export class Approver {
  readonly #context: Context;
  readonly #directory: Directory;
  readonly #devices: OwnDevices;
  readonly #controls: Controls;
  readonly #turn = new Turn();
  readonly #totals = new Map<string, number>(); // what new devices are given, by device

  constructor(context: Context, directory: Directory, devices: OwnDevices, controls: Controls) {
    this.#context = context;
    this.#directory = directory;
    this.#devices = devices;
    this.#controls = controls;
    controls.onSent = (device) => this.#tell(device);
  }

  /** Say whose code this is, before anything is done. Throws WrongUse, Refused. */
  async read(text: string): Promise<NewDevice> {
    const code = read(text);
    const me = this.#context.write(requireMe);
    if (me.accountKeySeed === null) throw new Refused(WORDS.cannotApprove, "not_managing");
    if (!equal(code.account, me.account)) throw new WrongUse(WORDS.othersCode);
    const known = await this.#context.api.devices();
    const found = known.find((one) => equal(one.device, code.device) && !one.suspended);
    if (found === undefined) throw new WrongUse(WORDS.unknownCode);
    return { device: uuid(found.device), name: found.name, platform: found.platform };
  }

  /** Put the device that shows this code on the list, and send it what it needs. Throws Refused, KeysRefused. */
  approve(text: string, options: LinkOptions): Promise<void> {
    return this.#turn.take(async () => {
      const code = read(text);
      await this.read(text);
      const entry = await this.#agreed(code);
      await this.#devices.publish((newest) =>
        newest.find(entry.device) === null ? [...newest.devices, entry] : newest.devices,
      );
      await this.#give(code, options);
      this.#controls.wanted.set();
      this.#context.telling.say({ type: "devices" });
    });
  }

  /** Leave an offer for the new device, and wait for its agreement. */
  async #agreed(code: LinkCode): Promise<ListedDevice> {
    const { api, environment } = this.#context;
    const pin = peers.pinOf(await this.#directory.refresh(code.account));
    if (pin === null) throw new KeysRefused(WORDS.listMissing);
    const known = pin.newest.find(code.device);
    if (known !== null) {
      const isSame = equal(known.signingKey, code.signingKey) && equal(known.identityKey, code.identityKey);
      if (!isSame) throw new KeysRefused(WORDS.otherDevice);
      return known; // an earlier approval that broke off
    }
    if (pin.newest.devices.length >= MAX_DEVICES) throw new Refused(WORDS.tooManyDevices(MAX_DEVICES), "too_many_devices");
    await api.offerLink(code.device, sealOffer(code, pin.newest, environment.entropy));
    const until = this.#context.now() + APPROVAL;
    while (this.#context.now() < until) {
      await environment.clock.sleep(POLL);
      const answer = (await this.#slot(code))?.answer ?? null;
      if (answer !== null) return opened(code, pin.accountKey, answer, this.#context.now());
    }
    throw new Unreachable(WORDS.noAnswer);
  }

  async #slot(code: LinkCode): Promise<{ readonly answer: Uint8Array | null } | null> {
    try {
      return await this.#context.api.linkSlot(code.device);
    } catch (error) {
      if (error instanceof Unreachable) return null; // asked again soon
      throw error;
    }
  }

  async #give(code: LinkCode, options: LinkOptions): Promise<void> {
    const given: History[] = [];
    const all = options.history ? this.#context.write((tx) => sharedChats(tx, requireMe(tx))) : [];
    for (const chat of all) {
      given.push(...this.#context.write((tx) => history(tx, requireMe(tx), chat, given.length)));
      await breathe(); // a long one takes a while, and the person writes on
    }
    const visit = { now: this.#context.now(), entropy: this.#context.environment.entropy };
    const total = this.#context.write((tx) => {
      const before = requireMe(tx);
      const others = managingOf(before).filter((one) => before.device === null || !equal(one, before.device));
      const holders = { ...before, managing: [...before.managing, ...(options.managing ? [code.device] : [])] };
      const me = { ...holders, managing: managingOf(holders) };
      settings.saveMe(tx, me);
      const { opened: sessions } = peers.byAccount(tx, me.account) ?? { opened: [] };
      // Of an earlier linking: this one starts from its own secret.
      peers.change(tx, me.account, { opened: sessions.filter((one) => !equal(one.device, code.device)) });
      // What an earlier linking has left for it goes no more; what else waits, such as sender keys, goes behind this.
      const behind = controls.of(tx, code.device).filter(({ control }) => control.psk === null);
      controls.forget(tx, code.device);
      if (options.managing) tellManagers(tx, me, others, visit);
      const size = give(tx, me, { device: code.device, secret: code.secret, managing: options.managing }, given, visit);
      for (const { control } of behind) controls.add(tx, control);
      return size;
    });
    if (given.length > 0) this.#totals.set(hex(code.device), total);
  }

  #tell(device: Uint8Array): void {
    const total = this.#totals.get(hex(device));
    if (total === undefined) return;
    const left = this.#context.write((tx) => controls.count(tx, device));
    const done = Math.max(0, total - left);
    this.#context.telling.say({ type: "history", direction: "out", done, total });
    if (left === 0) this.#totals.delete(hex(device));
  }
}

function read(text: string): LinkCode {
  try {
    return LinkCode.fromText(text);
  } catch (error) {
    if (error instanceof ProtocolError) throw new WrongUse(WORDS.noCode);
    throw error;
  }
}

function opened(code: LinkCode, accountKey: Uint8Array, answer: Uint8Array, added: number): ListedDevice {
  try {
    return openAnswer(code, accountKey, answer, { added });
  } catch (error) {
    if (error instanceof ProtocolError) throw new KeysRefused(WORDS.falseAnswer);
    throw error;
  }
}
