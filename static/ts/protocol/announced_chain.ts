// Another device's chain in a group chat, as it was announced: a key for each message, late ones within limits.
//
// PROTOCOL.md, Groups.

import { equal } from "./bytes";
import * as cbor from "./cbor";
import { Duplicate, Malformed, TooFar, Undecryptable } from "./errors";
import * as form from "./form";
import type { AccountId, ChainId, DeviceId, GroupId } from "./ids";
import { CHAIN_RETENTION, MAX_JUMP, MAX_SKIPPED, SKIPPED_MAX_AGE } from "./limits";
import { HASH_SIZE, KEY_SIZE } from "./primitives";
import { secret, type Secret } from "./secret";
import { messageKey, nextKey, type SenderKey } from "./sender_key";

const STATE_VERSION = 1;
const ROW = 8 + KEY_SIZE + 8; // n, message key, time stored
const HIGH = 2 ** 32;

/** The key of a message that has not come yet. */
export interface SkippedKey {
  readonly key: Secret;
  readonly stored: number; // ms
}

export interface AnnouncedChainFields {
  readonly group: GroupId;
  readonly account: AccountId;
  readonly device: DeviceId;
  readonly id: ChainId;
  readonly epoch: number;
  readonly gsh: Uint8Array;
  readonly signingKey: Uint8Array;
  readonly first: number; // the first iteration received
  readonly received: number; // ms, when
  readonly n: number; // number of the next message in order
  readonly key: Secret; // CK
  readonly skipped: ReadonlyMap<number, SkippedKey>; // by number, oldest first
}

/** Another device's chain, from the iteration on that it announced. Known by group, account, device and id. */
export class AnnouncedChain implements AnnouncedChainFields {
  readonly group: GroupId;
  readonly account: AccountId;
  readonly device: DeviceId;
  readonly id: ChainId;
  readonly epoch: number;
  readonly gsh: Uint8Array;
  readonly signingKey: Uint8Array;
  readonly first: number;
  readonly received: number;
  readonly n: number;
  readonly key: Secret;
  readonly skipped: ReadonlyMap<number, SkippedKey>;

  constructor(fields: AnnouncedChainFields) {
    this.group = fields.group;
    this.account = fields.account;
    this.device = fields.device;
    this.id = fields.id;
    this.epoch = fields.epoch;
    this.gsh = fields.gsh;
    this.signingKey = fields.signingKey;
    this.first = fields.first;
    this.received = fields.received;
    this.n = fields.n;
    this.key = fields.key;
    this.skipped = fields.skipped;
  }

  /** Take a chain from a sender key that came over that device's session, once it has been judged. */
  static of(
    { group, chain: id, epoch, gsh, signingKey, n, key }: SenderKey,
    account: AccountId,
    device: DeviceId,
    { now: received }: { readonly now: number },
  ): AnnouncedChain {
    const skipped = new Map<number, SkippedKey>();
    return new AnnouncedChain({
      group, account, device, id, epoch, gsh, signingKey, first: n, received, n, key, skipped,
    });
  }

  /** Whether a sender key tells of this very chain. */
  isOf({ chain, signingKey, epoch, gsh }: SenderKey): boolean {
    const isSame = equal(this.id, chain) && equal(this.signingKey, signingKey) && equal(this.gsh, gsh);
    return isSame && this.epoch === epoch;
  }

  /**
   * The chain after message n, and its key: keep the chain once the message has opened.
   *
   * Throws Undecryptable (before the first iteration received), Duplicate, TooFar.
   */
  take(n: number, { now }: { readonly now: number }): [chain: AnnouncedChain, key: Secret] {
    const stored = this.skipped.get(n);
    if (stored !== undefined && !isStale(stored, now)) {
      const rest = new Map(this.skipped);
      rest.delete(n);
      return [this.#with({ skipped: rest }), stored.key];
    }
    if (n < this.first) throw new Undecryptable("before the first iteration");
    if (n < this.n) throw new Duplicate();
    if (n - this.n > MAX_JUMP) throw new TooFar();
    const skipped = n === this.n ? new Map(this.skipped) : this.#fresh(now);
    let key = this.key;
    for (let number = this.n; number < n; number++) {
      skipped.set(number, { key: messageKey(key), stored: now });
      key = nextKey(key);
    }
    for (const oldest of skipped.keys()) {
      if (skipped.size <= MAX_SKIPPED) break;
      skipped.delete(oldest);
    }
    return [this.#with({ n: n + 1, key: nextKey(key), skipped }), messageKey(key)];
  }

  /** Drop keys stored for more than 30 days, or the whole chain (null) once nothing of it can come any more. */
  tidy({ now }: { readonly now: number }): AnnouncedChain | null {
    return now - this.received > CHAIN_RETENTION ? null : this.#with({ skipped: this.#fresh(now) });
  }

  toBytes(): Secret {
    const { group, account, device, id, epoch, gsh, signingKey, first, received, n, key } = this;
    const rows = writeRows(this.skipped);
    return secret(
      cbor.dump([STATE_VERSION, group, account, device, id, epoch, gsh, signingKey, first, received, n, key, rows]),
    );
  }

  static fromBytes(data: Uint8Array): AnnouncedChain {
    const [version, group, account, device, ...rest] = form.array(cbor.decode(data), 13);
    const [id, epoch, gsh, signingKey, first, received, n, key, rows] = rest;
    form.unsigned(version, STATE_VERSION, STATE_VERSION);
    return new AnnouncedChain({
      group: form.identifier(group),
      account: form.identifier(account),
      device: form.identifier(device),
      id: form.identifier(id),
      epoch: form.unsigned(epoch),
      gsh: form.octets(gsh, HASH_SIZE),
      signingKey: form.octets(signingKey, KEY_SIZE),
      first: form.unsigned(first),
      received: form.unsigned(received),
      n: form.unsigned(n),
      key: secret(form.octets(key, KEY_SIZE)),
      skipped: readRows(form.anyOctets(rows)),
    });
  }

  #with(changes: Partial<AnnouncedChainFields>): AnnouncedChain {
    const { group, account, device, id, epoch, gsh, signingKey, first, received, n, key, skipped } = this;
    const fields = { group, account, device, id, epoch, gsh, signingKey, first, received, n, key, skipped };
    return new AnnouncedChain({ ...fields, ...changes });
  }

  #fresh(now: number): Map<number, SkippedKey> {
    return new Map([...this.skipped].filter(([, one]) => !isStale(one, now)));
  }
}

function isStale(one: SkippedKey, now: number): boolean {
  return now - one.stored > SKIPPED_MAX_AGE;
}

function writeRows(skipped: ReadonlyMap<number, SkippedKey>): Uint8Array {
  const rows = new Uint8Array(skipped.size * ROW);
  const view = new DataView(rows.buffer);
  let at = 0;
  for (const [n, one] of skipped) {
    writeNumber(view, at, n);
    rows.set(one.key, at + 8);
    writeNumber(view, at + 8 + KEY_SIZE, one.stored);
    at += ROW;
  }
  return rows;
}

function readRows(rows: Uint8Array): Map<number, SkippedKey> {
  if (rows.length % ROW !== 0) throw new Malformed("skipped keys");
  const view = new DataView(rows.buffer, rows.byteOffset, rows.length);
  const skipped = new Map<number, SkippedKey>();
  for (let at = 0; at < rows.length; at += ROW) {
    const key = secret(rows.slice(at + 8, at + 8 + KEY_SIZE));
    skipped.set(readNumber(view, at), { key, stored: readNumber(view, at + 8 + KEY_SIZE) });
  }
  return skipped;
}

function writeNumber(view: DataView, at: number, value: number): void {
  view.setUint32(at, Math.floor(value / HIGH));
  view.setUint32(at + 4, value % HIGH);
}

function readNumber(view: DataView, at: number): number {
  return view.getUint32(at) * HIGH + view.getUint32(at + 4);
}
