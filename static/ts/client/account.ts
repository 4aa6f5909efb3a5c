// Setting this browser up as a device. Every step is stored before the next, and can be taken again.
//
// PROTOCOL.md, Keys and the device list. The first device of an account makes its account key; a later one has to
// be linked by a device that holds it.

import { equal } from "../lib/bytes";
import { LinkingNeeded, Refused, Unreachable } from "../lib/errors";
import { listed, Pin, signList } from "../protocol/device_list";
import { generateAccountKey } from "../protocol/keys";
import { DhKey, SigningKey } from "../protocol/primitives";
import type { Transaction } from "../store/transaction";
import * as peers from "../store/peers";
import { Me } from "../store/records";
import * as settings from "../store/settings";
import { ownDevice, type Context } from "./context";
import type { Directory } from "./directory";
import type { PrekeyKeeper } from "./prekeys";
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
    const { api, environment, tokens } = this.#context;
    let me = this.#begin(username);
    const session = await tokens.session();
    if (me.device === null) {
      const shown = SigningKey.fromSeed(me.signingSeed).public;
      const device = await api.registerDevice(session.access, environment.deviceName, PLATFORM, shown);
      me = this.#change({ device });
    }
    await tokens.prove(me, session.access);
    if (me.ready) return me;
    await this.#list(me);
    await this.#prekeys.check();
    return this.#change({ ready: true });
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
    if (me.accountKey === null) {
      const pin = peers.pinOf(await this.#directory.refresh(me.account));
      if (pin !== null) {
        this.#findOn(pin, me);
        return;
      }
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
      throw new LinkingNeeded(WORDS.linkingNeeded);
    }
  }

  #findOn(pin: Pin, me: Me): void {
    const mine = ownDevice({ ...me, accountKey: pin.accountKey });
    const found = pin.newest.find(mine.device);
    const isMine =
      found !== null &&
      equal(found.signingKey, mine.signing.public) &&
      equal(found.identityKey, mine.identity.public);
    if (!isMine) throw new LinkingNeeded(WORDS.linkingNeeded);
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
