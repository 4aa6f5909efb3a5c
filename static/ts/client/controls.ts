// Contents for single devices, outside of any conversation: stored, then encrypted in order, then sent.
//
// PROTOCOL.md, Content: control contents go to chosen devices; no message row, no status. One content for many devices,
// such as a sender key, goes to as many of them at once as one frame takes. What waits for keys of one device, or cannot
// be served to it, stops no other.

import { directory as directoryOf } from "../api/answers";
import * as forms from "../api/forms";
import { encodeBase64url } from "../lib/base64url";
import { equal, hex, random } from "../lib/bytes";
import { KeysRefused, Refused, Unreachable } from "../lib/errors";
import { uuid } from "../lib/uuid";
import type { Body } from "../protocol/body";
import { EMPTY } from "../protocol/bytes";
import { seal } from "../protocol/content";
import type { Entropy } from "../protocol/entropy";
import type { Recipient } from "../protocol/sender_key";
import * as controls from "../store/controls";
import type { Queued } from "../store/controls";
import * as peers from "../store/peers";
import { Control, type Me } from "../store/records";
import type { Transaction } from "../store/transaction";
import { requireMe, type Context } from "./context";
import { encryptControls, type Encrypted } from "./control_encrypting";
import { type Bundles, type Directory, type Target } from "./directory";
import { NO_KEYS } from "./encrypting";
import { newestList } from "./opening";
import { conversationWith } from "./places";
import { isOver, Signal, Turn } from "./signals";
import { WORDS } from "./words";

const AT_ONCE = 8; // sends in flight
const PAGE = 200; // rows of the queue that are looked at together
const ENVELOPES = 20; // of one frame, and its bytes, where no `hello` has said it
const FRAME_BYTES = 2 * 1024 * 1024;
const AROUND = 4_096; // bytes that a frame has around a padded content: a first message with its keys, ids
const ROUNDS = 3; // lists that change
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
      await this.wanted.waitAtMost(wait, clock, until);
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
    const stay = (rows: readonly Queued[]): void => {
      for (const { control } of rows) {
        stuck.add(hex(control.device)); // what follows for this device must not overtake it
        wait = Math.min(wait ?? LATER, control.psk === null ? LATER : SOON);
      }
    };
    for (let after = 0; ; ) {
      const waiting = this.#context.write((tx) => controls.pending(tx, after, PAGE));
      const last = waiting.at(-1);
      if (last === undefined) return wait;
      const batches = batchesOf(waiting, limitsOf(this.#context.stream?.hello["limits"]));
      for (let start = 0; start < batches.length; start += AT_ONCE) {
        const ready: (readonly Queued[])[] = [];
        for (const batch of batches.slice(start, start + AT_ONCE)) {
          stay(batch.filter(({ control }) => stuck.has(hex(control.device))));
          const prepared = await this.#prepare(batch.filter(({ control }) => !stuck.has(hex(control.device))));
          stay(prepared.waits);
          ready.push(prepared.ready);
        }
        const results = await Promise.allSettled(ready.map((batch) => this.#deliver(batch)));
        for (const result of results) {
          if (result.status === "rejected") throw result.reason;
          stay(result.value);
        }
      }
      after = last.position;
    }
  }

  /** Encrypt, with keys from the server where it takes some. */
  async #prepare(batch: readonly Queued[]): Promise<Pick<Encrypted, "ready" | "waits">> {
    const first = this.#encrypt(batch, NO_KEYS);
    if (first.keyless.length === 0) return first;
    const waits = [...first.waits];
    const claimed: Queued[] = [];
    for (const row of first.keyless) {
      // A claim counts, also one that finds nothing: a device that is being linked has no keys for a moment.
      const isEarly = row.control.psk !== null && !(await this.#directory.hasKeys(row.control));
      (isEarly ? waits : claimed).push(row);
    }
    const keys = await this.#directory.claim(claimed.map(({ control }) => control));
    const second = this.#encrypt(claimed, keys);
    return { ready: [...first.ready, ...second.ready], waits: [...waits, ...second.waits, ...second.keyless] };
  }

  #encrypt(rows: readonly Queued[], keys: Bundles): Encrypted {
    const { entropy } = this.#context.environment;
    const falseKeys: Target[] = [];
    const options = { now: this.#context.now(), entropy, onFalseKeys: (target: Target) => void falseKeys.push(target) };
    const encrypted = this.#context.write((tx) => encryptControls(tx, requireMe(tx), rows, keys, options));
    for (const target of falseKeys) this.#directory.warnKeys(target);
    return encrypted;
  }

  /** Give one content to the server, for one device or many. Resolves with what has to wait. */
  async #deliver(rows: readonly Queued[]): Promise<readonly Queued[]> {
    let left = rows;
    let isStale = false; // by what the server says the lists are, which are no others here
    const later: Queued[] = [];
    for (let round = 0; round < ROUNDS && left.length > 0; round++) {
      const refused = await this.#post(left);
      if (refused === null) {
        this.#done(left);
        return later;
      }
      isStale = refused.code === "devices_changed";
      if (!isStale) break;
      const bad = await this.#learn(refused);
      later.push(...left.filter(({ control }) => bad.has(hex(control.account))));
      // Who is to get nothing any more is out with this.
      const again = this.#encrypt(left.filter(({ control }) => !bad.has(hex(control.account))), NO_KEYS);
      later.push(...again.waits, ...again.keyless);
      left = again.ready;
    }
    // Nobody waits for the one that cannot be served: which one is it?
    const half = Math.ceil(left.length / 2);
    if (left.length > 1) return [...later, ...(await this.#deliver(left.slice(0, half))), ...(await this.#deliver(left.slice(half)))];
    if (isStale) return [...later, ...left]; // it may be taken yet
    this.#done(left); // it never will be
    return later;
  }

  /** Null once the server has taken it. Throws Unreachable. */
  async #post(rows: readonly Queued[], again = true): Promise<Refused | null> {
    const { stream } = this.#context;
    if (stream === null) throw new Unreachable(WORDS.noConnection);
    const envelopes = rows.map(({ control: { account, device, wire } }) => {
      return { account: uuid(account), device: uuid(device), body: encodeBase64url(wire ?? EMPTY) };
    });
    try {
      const [first] = rows;
      await stream.request({ type: "device.send", message_id: uuid(first?.control.id ?? EMPTY), envelopes });
      return null;
    } catch (error) {
      if (error instanceof Unreachable && error.code === "too_many_requests" && again) {
        await this.#context.environment.clock.sleep(Math.min(error.retryAfter ?? 1, LONGEST_WAIT));
        return this.#post(rows, false);
      }
      if (error instanceof Refused) return error;
      throw error;
    }
  }

  #done(rows: readonly Queued[]): void {
    this.#context.write((tx) => rows.forEach(({ position }) => controls.remove(tx, position)));
    for (const { control } of rows) this.onSent(control.device);
  }

  /** Take the lists of a refusal, one account after the other. Resolves with the accounts whose lists do not hold. */
  async #learn(error: Refused): Promise<ReadonlySet<string>> {
    const bad = new Set<string>();
    for (const answer of forms.items(error.problem["accounts"] ?? []).map(directoryOf)) {
      try {
        await this.#directory.take([answer]);
      } catch (refused) {
        if (!(refused instanceof KeysRefused)) throw refused;
        this.#context.notify(refused.message);
        bad.add(hex(answer.account));
      }
    }
    return bad;
  }
}

/** What one frame takes. */
interface Limits {
  readonly envelopes: number;
  readonly bytes: number;
}

function limitsOf(said: unknown): Limits {
  const { envelopes_per_send: envelopes, frame_bytes: bytes } = (said ?? {}) as Record<string, unknown>;
  const isSaid = typeof envelopes === "number" && typeof bytes === "number" && envelopes >= 1;
  return isSaid ? { envelopes, bytes } : { envelopes: ENVELOPES, bytes: FRAME_BYTES };
}

/** Rows that leave together: of one content, to as many devices as one frame takes, each once. */
function batchesOf(rows: readonly Queued[], { envelopes, bytes }: Limits): readonly (readonly Queued[])[] {
  const batches: Queued[][] = [];
  for (const row of rows) {
    const batch = batches.at(-1) ?? [];
    const [first] = batch;
    const isSameContent =
      first !== undefined && equal(first.control.id, row.control.id) && equal(first.control.padded, row.control.padded);
    const size = ((batch.length + 1) * 4 * (row.control.padded.length + AROUND)) / 3; // base64 takes four for three
    const isNew = !batch.some((one) => equal(one.control.device, row.control.device));
    if (isSameContent && isNew && batch.length < envelopes && size <= bytes) batch.push(row);
    else batches.push([row]);
  }
  return batches;
}
