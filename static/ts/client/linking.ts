// Linking, the new device's side: it shows a code, answers what a managing device offers, and is on the list then.
//
// PROTOCOL.md, Linking. What the server carries between the two is sealed under a secret that only the code has. The
// new device believes the account key in the offer, whatever the server showed before.

import { equal } from "../lib/bytes";
import { ClientError, KeysRefused, Refused, Unreachable, WrongUse } from "../lib/errors";
import { Pin, type DeviceList } from "../protocol/device_list";
import { ProtocolError } from "../protocol/errors";
import { LinkCode, newLinkCode, openOffer, sealAnswer } from "../protocol/linking";
import { secret } from "../protocol/secret";
import * as peers from "../store/peers";
import { Linking, type Me } from "../store/records";
import * as sessions from "../store/sessions";
import * as settings from "../store/settings";
import * as timeline from "../store/timeline";
import type { Transaction } from "../store/transaction";
import type { Enrolment } from "./account";
import { ownDevice, type Context } from "./context";
import type { Directory } from "./directory";
import type { LinkStep } from "./model";
import { isOver } from "./signals";
import { isOn } from "./standing";
import { WORDS } from "./words";

const POLL = 1.5; // seconds

export class Linker {
  readonly #context: Context;
  readonly #directory: Directory;
  readonly #enrolment: Enrolment;
  #waiting: AbortController | null = null;

  constructor(context: Context, directory: Directory, enrolment: Enrolment) {
    this.#context = context;
    this.#directory = directory;
    this.#enrolment = enrolment;
  }

  /** Whether a code is out. */
  get isWaiting(): boolean {
    return this.#waiting !== null;
  }

  /** Make the code that this browser shows; one that was shown before is worth nothing any more. */
  async begin(username: string, done: () => Promise<void>): Promise<string> {
    this.stop();
    await this.#enrolment.register(username);
    const { entropy } = this.#context.environment;
    const code = this.#context.write((tx) => {
      const made = newLinkCode(ownDevice(requireUnlinked(tx)), entropy);
      settings.saveLinking(tx, Linking.of({ secret: made.secret }));
      return made;
    });
    const waiting = (this.#waiting = new AbortController());
    void this.#wait(code, waiting.signal, done);
    return code.toText();
  }

  stop(): void {
    this.#waiting?.abort();
    this.#waiting = null;
  }

  async #wait(code: LinkCode, over: AbortSignal, done: () => Promise<void>): Promise<void> {
    let step: LinkStep;
    try {
      this.#tell({ step: "waiting" });
      await this.#becomeListed(code, over);
      if (isOver(over)) return;
      this.#tell({ step: "approved" });
      await this.#patiently(() => this.#enrolment.finish(), over);
      step = { step: "done" };
    } catch (error) {
      step = { step: "failed", why: error instanceof ClientError ? error.message : WORDS.defect };
    }
    if (isOver(over)) return;
    this.#waiting = null;
    await done(); // the store is closed: whoever hears of it may open it
    this.#tell(step);
  }

  async #becomeListed(code: LinkCode, over: AbortSignal): Promise<void> {
    const { api, environment } = this.#context;
    let answered: Uint8Array | null = null;
    let refused: Uint8Array | null = null; // said once
    while (!isOver(over)) {
      const slot = await this.#patiently(() => api.linkSlot(code.device), over);
      if (isOver(over)) return;
      const offer = slot?.offer ?? null;
      const isSeen = [answered, refused].some((one) => offer !== null && one !== null && equal(offer, one));
      if (offer !== null && !isSeen) {
        if (await this.#patiently(() => this.#answer(code, offer), over)) answered = offer;
        else refused = offer;
      } else if (slot === null && answered !== null && (await this.#patiently(() => this.#isListed(), over))) return;
      await environment.clock.sleep(POLL, over);
    }
  }

  /** False: what came was not made for this code, or was altered on its way. */
  async #answer(code: LinkCode, offer: Uint8Array): Promise<boolean> {
    const answer = this.#context.write((tx) => {
      const newest = opened(code, offer);
      return newest === null ? null : sealAnswer(code, ownDevice(pinOwn(tx, requireUnlinked(tx), newest)));
    });
    if (answer === null) {
      this.#context.notify(WORDS.falseOffer);
      return false;
    }
    try {
      await this.#context.api.answerLink(code.device, answer);
    } catch (error) {
      if (!(error instanceof Refused)) throw error; // its time is over, or another offer is there
    }
    return true;
  }

  async #isListed(): Promise<boolean> {
    try {
      const pin = peers.pinOf(await this.#directory.refresh(this.#context.account));
      const me = this.#context.write((tx) => settings.me(tx));
      if (pin === null || me === null || me.accountKey === null) return false;
      return equal(pin.accountKey, me.accountKey) && isOn(pin.newest, me);
    } catch (error) {
      if (!(error instanceof KeysRefused)) throw error;
      this.#context.notify(error.message);
      return false;
    }
  }

  /** The network may come back. */
  async #patiently<T>(work: () => Promise<T>, over: AbortSignal): Promise<T> {
    for (;;) {
      try {
        return await work();
      } catch (error) {
        if (!(error instanceof Unreachable) || isOver(over)) throw error;
        await this.#context.environment.clock.sleep(error.retryAfter ?? POLL, over);
        if (isOver(over)) throw error;
      }
    }
  }

  #tell(link: LinkStep): void {
    this.#context.telling.say({ type: "link", link });
  }
}

/** The code that was shown last, while nothing has used it. */
export function pendingSecret(tx: Transaction): LinkCode | null {
  const me = settings.me(tx);
  const kept = settings.linking(tx).secret;
  if (kept === null || me === null || me.device === null) return null;
  const { account, device, signing, identity } = ownDevice(me);
  const fields = { account, device, signingKey: signing.public, identityKey: identity.public };
  return new LinkCode({ ...fields, secret: secret(kept) });
}

function opened(code: LinkCode, offer: Uint8Array): DeviceList | null {
  try {
    return openOffer(code, offer);
  } catch (error) {
    if (error instanceof ProtocolError) return null;
    throw error;
  }
}

function requireUnlinked(tx: Transaction): Me {
  const me = settings.me(tx);
  if (me === null || me.device === null) throw new WrongUse(WORDS.notStarted);
  if (me.ready && me.unlinked === "") throw new WrongUse(WORDS.isLinked);
  return me;
}

/** Take the account key of the offer for one's own, and its list unless a newer one is here. */
function pinOwn(tx: Transaction, me: Me, newest: DeviceList): Me {
  const { account, username } = me;
  let pin = peers.pinOf(peers.byAccount(tx, account));
  if (pin !== null && !equal(pin.accountKey, newest.accountKey)) {
    peers.forgetLists(tx, account);
    sessions.dropAll(tx); // each is bound to the old key
    peers.change(tx, account, { pin: null });
    pin = null;
  }
  if (pin === null || pin.newest.seq < newest.seq) {
    peers.saveList(tx, newest);
    pin = new Pin(newest);
  }
  peers.change(tx, account, { username, pin: pin.toBytes(), changedLists: [], changedKey: null, suspended: [] });
  timeline.startFlowsAnew(tx);
  const isSame = me.accountKey !== null && equal(me.accountKey, newest.accountKey);
  const kept = isSame ? {} : { accountKeySeed: null, managing: [] };
  const changed: Me = { ...me, ...kept, accountKey: newest.accountKey };
  settings.saveMe(tx, changed);
  return changed;
}
