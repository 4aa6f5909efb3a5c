// Contents for single devices, outside of any conversation: stored, then encrypted in order, then sent.
//
// PROTOCOL.md, Content: control contents go to chosen devices; no message row, no status. What waits for keys of one
// device stops no other.

import { directory as directoryOf } from "../api/answers";
import * as forms from "../api/forms";
import { encodeBase64url } from "../lib/base64url";
import { equal, hex, random } from "../lib/bytes";
import { KeysRefused, Refused, Unreachable } from "../lib/errors";
import { uuid } from "../lib/uuid";
import type { Body } from "../protocol/body";
import { seal, Sealed } from "../protocol/content";
import type { Entropy } from "../protocol/entropy";
import { DAY } from "../protocol/limits";
import type { Recipient } from "../protocol/sender_key";
import { encrypt, type Pair } from "../protocol/session";
import * as controls from "../store/controls";
import type { Queued } from "../store/controls";
import * as peers from "../store/peers";
import { Control, type Me } from "../store/records";
import * as repairs from "../store/repairs";
import * as sessions from "../store/sessions";
import type { Transaction } from "../store/transaction";
import { requireMe, type Context } from "./context";
import { targetKey, type Bundles, type Directory, type Target } from "./directory";
import { NO_KEYS, placeOf } from "./encrypting";
import { hasChanged } from "./identity";
import { mayOpen, newestList, noteOpened, openedFor, openSession, recentlyOpened, usable, type Options } from "./opening";
import { conversationWith } from "./places";
import { isOver, Signal, Turn } from "./signals";
import { WORDS } from "./words";

const AT_ONCE = 8; // sends in flight
const KEPT = 14 * DAY; // ms; nobody waits for it any longer
const SOON = 4; // seconds before the keys of a device that is being linked are asked for again
const LATER = 600; // seconds before those of any other are
const LONGEST_WAIT = 30; // seconds that a flush waits when asked to go slowly

interface Wish {
  readonly fresh?: boolean;
  readonly only?: boolean;
  readonly psk?: Uint8Array | null;
}

/** Have a content of one's own go to a device. Nothing happens where it is not listed here, or one has no list. */
export function queueControl(
  tx: Transaction,
  me: Me,
  target: Target,
  body: Body,
  { now, entropy }: { now: number; entropy: Entropy },
  wish: Wish = {},
): void {
  const [mine, theirs] = [newestList(tx, me.account), newestList(tx, target.account)];
  const to = listedAs(tx, target);
  if (mine === null || theirs === null || to === null) return;
  const id = random(16);
  const content = {
    sent: now,
    messageId: id,
    conversation: conversationWith(me.account, target.account),
    body,
    heads: { own: mine.hash, recipient: theirs.hash },
    counter: 0,
  };
  controls.add(tx, Control.of({ id, ...to, padded: seal(content, entropy).toBytes(), at: now, ...wish }));
}

/** A device under the keys that its account's newest list gives it: under others, its id is another device's. */
export function listedAs(tx: Transaction, { account, device }: Target): Recipient | null {
  const listed = newestList(tx, account)?.find(device) ?? null;
  return listed === null ? null : { account, device, signingKey: listed.signingKey };
}

/** Whether that very device is listed still. */
export function isSame(tx: Transaction, { account, device, signingKey }: Pick<Control, keyof Recipient>): boolean {
  const listed = listedAs(tx, { account, device });
  return listed !== null && signingKey !== null && equal(listed.signingKey, signingKey);
}

/** Whether a device is to be sent anything: on its account's newest list, and not suspended. */
export function isReachable(tx: Transaction, { account, device }: Target): boolean {
  const peer = peers.byAccount(tx, account);
  const isSuspended = peer?.suspended.some((one) => equal(one, device)) === true;
  return !isSuspended && (newestList(tx, account)?.find(device) ?? null) !== null;
}

type Prepared = Queued | "gone" | "waits" | "keys";

export class Controls {
  /** Something waits that no flush is looking after. */
  readonly wanted = new Signal();
  /** Called with a device that something was sent to. */
  onSent: (device: Uint8Array) => void = () => undefined;
  readonly #context: Context;
  readonly #directory: Directory;
  readonly #turn = new Turn();

  constructor(context: Context, directory: Directory) {
    this.#context = context;
    this.#directory = directory;
  }

  /** Send what waits, for as long as the connection lasts. */
  async run(until: AbortSignal): Promise<void> {
    const { clock } = this.#context.environment;
    this.wanted.set(); // what could not be sent before
    while (!isOver(until)) {
      await this.wanted.wait(until);
      if (isOver(until)) return;
      let wait: number | null = null;
      try {
        wait = await this.flush();
      } catch (error) {
        // Of a connection that broke, whoever reads it knows more.
        if (!(error instanceof Unreachable || error instanceof Refused)) throw error;
        wait = error instanceof Unreachable ? (error.retryAfter ?? SOON) : LATER;
      }
      if (wait === null || this.wanted.isSet) continue;
      const first = new AbortController();
      const end = (): void => first.abort();
      until.addEventListener("abort", end);
      await Promise.race([clock.sleep(wait, first.signal), this.wanted.wait(first.signal)]);
      until.removeEventListener("abort", end);
      end();
      this.wanted.set();
    }
  }

  /** Send what can be sent; resolves with the seconds after which to try the rest, if there is one. */
  flush(): Promise<number | null> {
    return this.#turn.take(() => this.#flush());
  }

  async #flush(): Promise<number | null> {
    this.wanted.clear();
    const stuck = new Set<string>();
    let wait: number | null = null;
    for (let after = 0; ; ) {
      const waiting = this.#context.write((tx) => controls.pending(tx, after, AT_ONCE));
      const last = waiting.at(-1);
      if (last === undefined) return wait;
      const ready: Queued[] = [];
      for (const one of waiting) {
        const device = hex(one.control.device);
        const prepared = stuck.has(device) ? "waits" : await this.#prepare(one);
        if (prepared === "waits" || prepared === "keys") {
          stuck.add(device); // what follows for this device must not overtake it
          wait = Math.min(wait ?? LATER, one.control.psk === null ? LATER : SOON);
        } else if (prepared !== "gone") ready.push(prepared);
      }
      const results = await Promise.allSettled(ready.map((one) => this.#send(one)));
      for (const result of results) if (result.status === "rejected") throw result.reason;
      after = last.position;
    }
  }

  async #prepare(queued: Queued): Promise<Prepared> {
    const { control } = queued;
    let prepared = this.#encrypt(queued, NO_KEYS);
    if (prepared !== "keys") return prepared;
    // A claim counts, also one that finds nothing: a device that is being linked has no keys for a moment.
    if (control.psk !== null && !(await this.#directory.hasKeys(control))) return "waits";
    prepared = this.#encrypt(queued, await this.#directory.claim([control]));
    return prepared === "keys" ? "waits" : prepared;
  }

  #encrypt(queued: Queued, keys: Bundles): Prepared {
    const { entropy } = this.#context.environment;
    const falseKeys: Target[] = [];
    const options = { now: this.#context.now(), entropy, onFalseKeys: (target: Target) => void falseKeys.push(target) };
    const prepared = this.#context.write((tx) => encryptControl(tx, requireMe(tx), queued.position, keys, options));
    for (const target of falseKeys) this.#directory.warnKeys(target);
    return prepared;
  }

  async #send({ position, control }: Queued, again = true): Promise<void> {
    const { stream } = this.#context;
    if (stream === null) throw new Unreachable(WORDS.noConnection);
    const { id, account, device, wire } = control;
    const body = encodeBase64url(wire ?? new Uint8Array(0));
    const envelopes = [{ account: uuid(account), device: uuid(device), body }];
    try {
      await stream.request({ type: "device.send", message_id: uuid(id), envelopes });
    } catch (error) {
      if (error instanceof Unreachable && error.code === "too_many_requests" && again) {
        await this.#context.environment.clock.sleep(Math.min(error.retryAfter ?? 1, LONGEST_WAIT));
        return this.#send({ position, control }, false);
      }
      if (!(error instanceof Refused)) throw error;
      if (error.code === "devices_changed") await this.#learn(error);
    }
    // Also what was refused: the device is not one that anything is sent to, or never will take this.
    this.#context.write((tx) => controls.remove(tx, position));
    this.onSent(device);
  }

  async #learn(error: Refused): Promise<void> {
    try {
      await this.#directory.take(forms.items(error.problem["accounts"] ?? []).map(directoryOf));
    } catch (refused) {
      if (!(refused instanceof KeysRefused)) throw refused;
      this.#context.notify(refused.message);
    }
  }
}

/** Encrypt one row and store the result, or say what is missing and use up nothing. */
function encryptControl(tx: Transaction, me: Me, position: number, keys: Bundles, options: Options): Prepared {
  // The row as it stands: much may have happened since it was read.
  const control = controls.get(tx, position);
  if (control === null) return "gone";
  if (hasChanged(peers.byAccount(tx, control.account))) return "waits"; // for the person's word
  if (!isReachable(tx, control) || !isSame(tx, control) || options.now - control.at > KEPT) {
    controls.remove(tx, position);
    return "gone";
  }
  if (control.wire !== null) return { position, control };
  const chosen = choose(tx, me, control, keys, options);
  if (typeof chosen === "string") return chosen;
  const sent = encrypt(chosen.pair, Sealed.fromBytes(control.padded), { ...options, sessionId: chosen.sessionId });
  sessions.save(tx, control.account, control.device, sent.session);
  sessions.drop(tx, sent.dropped);
  if (control.only) sessions.dropOthers(tx, control.account, control.device, sent.session.id);
  if (control.logged) {
    const { id: message, account, device, signingKey } = control;
    repairs.logSent(tx, placeOf(sent), { message, account, device, signingKey }, options);
  }
  const changed = { position, control: { ...control, wire: sent.wire } };
  controls.update(tx, changed);
  return changed;
}

interface Chosen {
  readonly pair: Pair;
  readonly sessionId: Uint8Array | null; // null: the one that decrypted last
}

/** The session that a content goes on, opened if need be. */
function choose(tx: Transaction, me: Me, control: Control, keys: Bundles, options: Options): Chosen | "keys" | "waits" {
  const pair = usable(tx, control, options);
  if (!control.fresh && pair.sessions.length > 0) return { pair, sessionId: null };
  const recent = control.psk === null ? recentlyOpened(tx, control, pair, options) : openedFor(tx, control, pair);
  if (recent !== null) return { pair, sessionId: recent.id };
  const bundle = keys.found.get(targetKey(control));
  if (bundle === undefined) return "keys";
  const [mine, theirs] = [newestList(tx, me.account), newestList(tx, control.account)];
  if (mine === null || theirs === null) return "waits";
  const started = openSession(tx, me, control, { mine, theirs }, bundle, { ...options, psk: control.psk });
  if (started === null) return "waits";
  if (control.fresh || mayOpen(tx, control, options)) noteOpened(tx, control, started.session, options);
  return { pair: started.pair, sessionId: started.session.id };
}
