// Setting this browser up as a device. Every step is stored before the next, and can be taken again.
//
// PROTOCOL.md, Keys and the device list. The first device of an account makes its account key; a later one has to
// be linked by a device that holds it.

import { LinkingNeeded, Refused, SignInNeeded, Unreachable } from "../lib/errors";
import { listed, Pin, signList } from "../protocol/device_list";
import { generateAccountKey } from "../protocol/keys";
import { DhKey, SigningKey } from "../protocol/primitives";
import type { Transaction } from "../store/transaction";
import * as groups from "../store/groups";
import * as peers from "../store/peers";
import { Linking, Me, PrekeyState } from "../store/records";
import * as sessions from "../store/sessions";
import * as settings from "../store/settings";
import { ownDevice, type Context } from "./context";
import type { Directory } from "./directory";
import { hasChanged } from "./identity";
import type { PrekeyKeeper } from "./prekeys";
import { isOn, linkingNeeded } from "./standing";
import { WORDS } from "./words";

const PLATFORM = "browser";

export class Enrolment {
  readonly #context: Context;
  readonly #directory: Directory;
  readonly #prekeys: PrekeyKeeper;

  constructor(context: Context, directory: Directory, prekeys: PrekeyKeeper) {
    this.#context = context;
    this.#directory = directory;
    this.#prekeys = prekeys;
  }

  /** Make this browser a device of the account, or finish that. Throws LinkingNeeded, SignInNeeded, Unreachable. */
  async enrol(username: string): Promise<Me> {
    const before = this.#begin(username);
    try {
      const session = await this.#context.tokens.session();
      const me = await this.#registered(before, session.access);
      await this.#context.tokens.prove(me, session.access);
      if (me.ready && me.unlinked === "") return me;
      await this.#list(me);
      return await this.finish();
    } catch (error) {
      // Without the network, too, the person is told what this browser is.
      if (error instanceof Unreachable && before.unlinked !== "") throw linkingNeeded(before);
      throw error;
    }
  }

  /** Listed: publish prekeys, and be ready. */
  async finish(): Promise<Me> {
    await this.#prekeys.check();
    return this.#change({ ready: true, unlinked: "" });
  }

  /** Have a device of this browser's at the server, to be linked. Throws SignInNeeded, Unreachable. */
  async register(username: string): Promise<void> {
    const { tokens } = this.#context;
    const session = await tokens.session();
    const me = await this.#registered(this.#begin(username), session.access);
    try {
      await tokens.prove(me, session.access);
    } catch (error) {
      if (!(error instanceof LinkingNeeded)) throw error;
      // The device was ended. Its keys are spent; what it has received stays.
      const anew = this.#context.write((tx) => this.#startAnew(tx));
      await tokens.prove(await this.#registered(anew, session.access), session.access);
    }
  }

  async #registered(me: Me, token: string): Promise<Me> {
    if (me.device !== null) return me;
    const shown = SigningKey.fromSeed(me.signingSeed).public;
    const { api, environment } = this.#context;
    return this.#change({ device: await api.registerDevice(token, environment.deviceName, PLATFORM, shown) });
  }

  /** Give a device that was ended new keys of its own, in the same store. */
  #startAnew(tx: Transaction): Me {
    const known = settings.me(tx);
    if (known === null) throw new SignInNeeded(WORDS.notStarted);
    const { entropy } = this.#context.environment;
    const signingSeed = SigningKey.generate(entropy).seed;
    const identityPrivate = DhKey.generate(entropy).private;
    const me: Me = { ...known, signingSeed, identityPrivate, device: null, ready: false };
    settings.saveMe(tx, me);
    settings.savePrekeyState(tx, PrekeyState.of({}));
    settings.saveLinking(tx, Linking.of({}));
    sessions.dropAll(tx);
    sessions.forgetPrekeys(tx);
    groups.dropOwnChains(tx);
    return me;
  }

  /** Make the device's keys, before the server hears of it. */
  #begin(username: string): Me {
    const { account, environment } = this.#context;
    return this.#context.write((tx) => {
      const known = settings.me(tx);
      if (known !== null) return known;
      const signing = SigningKey.generate(environment.entropy);
      const identity = DhKey.generate(environment.entropy);
      const me = Me.of({ account, username, signingSeed: signing.seed, identityPrivate: identity.private });
      settings.saveMe(tx, me);
      return me;
    });
  }

  /** Get onto the account's device list: as its first device, or not at all yet. */
  async #list(me: Me): Promise<void> {
    if (me.accountKeySeed === null || me.unlinked !== "" || me.ready) {
      const pin = peers.pinOf(await this.#directory.refresh(me.account));
      if (pin !== null) {
        this.#findOn(pin, me);
        return;
      }
      if (me.accountKey !== null) throw new Unreachable(WORDS.listMissing);
      this.#context.write((tx) => this.#signFirst(tx));
    }
    const pin = this.#context.write((tx) => peers.pinOf(peers.byAccount(tx, me.account)));
    if (pin === null) throw new Unreachable(WORDS.listMissing);
    try {
      await this.#context.api.publishList(pin.toBytes());
    } catch (error) {
      if (!(error instanceof Refused && error.code === "list_conflict")) throw error;
      // Another device was faster. The list that nobody saw is given up, with its key.
      this.#context.write((tx) => this.#giveUp(tx));
      throw linkingNeeded(null);
    }
  }

  #findOn(pin: Pin, me: Me): void {
    const known = this.#context.write((tx) => settings.me(tx)); // perhaps it was seen just now that it is out
    if (!isOn(pin.newest, me) || hasChanged(this.#directory.known(me.account))) throw linkingNeeded(known);
    this.#change({ accountKey: pin.accountKey });
  }

  #signFirst(tx: Transaction): void {
    const known = settings.me(tx);
    if (known === null || known.accountKey !== null) return;
    const accountKey = generateAccountKey(this.#context.environment.entropy);
    const me = { ...known, accountKey: accountKey.public, accountKeySeed: accountKey.seed };
    const now = this.#context.now();
    const first = signList(accountKey, me.account, [listed(ownDevice(me), { added: now })], { previous: null, now });
    settings.saveMe(tx, me);
    peers.saveList(tx, first);
    peers.change(tx, me.account, { username: me.username, pin: new Pin(first).toBytes() });
  }

  #giveUp(tx: Transaction): void {
    const me = settings.me(tx);
    if (me === null) return;
    settings.saveMe(tx, { ...me, accountKey: null, accountKeySeed: null });
    peers.forgetLists(tx, me.account);
    peers.change(tx, me.account, { pin: null });
  }

  #change(changes: Partial<Me>): Me {
    return this.#context.write((tx) => {
      const known = settings.me(tx);
      if (known === null) throw new Unreachable(WORDS.listMissing);
      const me = { ...known, ...changes };
      settings.saveMe(tx, me);
      return me;
    });
  }
}
