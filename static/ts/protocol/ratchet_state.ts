// The state of one Double Ratchet, as values, and its bytes for the store.

import * as cbor from "./cbor";
import { Malformed } from "./errors";
import * as form from "./form";
import * as kem from "./kem";
import { MAX_OLD_CHAINS, MAX_SKIPPED, SKIPPED_MAX_AGE } from "./limits";
import { HASH_SIZE, KEY_SIZE } from "./primitives";
import { secret, type Secret } from "./secret";

const PLACE = KEY_SIZE + 8; // dh, n: what a message is known by
const ROW = PLACE + KEY_SIZE + 8; // with the message key and the time it was stored
const HIGH = 2 ** 32;

/** The key of a message that has not come yet. */
export interface SkippedKey {
  readonly dh: Uint8Array;
  readonly n: number;
  readonly key: Secret;
  readonly stored: number; // ms
}

export interface SendingChain {
  readonly key: Secret; // CK
  readonly n: number; // number of the next message
  readonly pn: number; // messages in the chain before
  readonly ek: Uint8Array | null; // a KEM key for the peer to answer, in every header of the chain
  readonly ct: Uint8Array | null; // the answer to the peer's
}

export interface ReceivingChain {
  readonly dh: Uint8Array;
  readonly key: Secret; // CK
  readonly n: number; // number of the next message in order
}

/**
 * What late messages need: the dh of the receiving chains before the current one, and the keys of messages that
 * have not come yet, both oldest first. Changes seldom, and may be large: so it is held as the bytes that the store
 * gets, is searched in them, and is shared between states. Nobody writes into them.
 */
export class Archive {
  static readonly EMPTY = new Archive(new Uint8Array(0), new Uint8Array(0));

  readonly #chains: Uint8Array;
  readonly #rows: Uint8Array; // the skipped keys
  #encoded: Secret | null = null;

  private constructor(chains: Uint8Array, rows: Uint8Array) {
    this.#chains = chains;
    this.#rows = rows;
  }

  get chains(): readonly Uint8Array[] {
    return split(this.#chains, KEY_SIZE);
  }

  get skipped(): readonly SkippedKey[] {
    return split(this.#rows, ROW).map(readRow);
  }

  get skippedCount(): number {
    return this.#rows.length / ROW;
  }

  hasChain(dh: Uint8Array): boolean {
    return search(this.#chains, KEY_SIZE, dh) >= 0;
  }

  find(dh: Uint8Array, n: number): SkippedKey | null {
    const at = search(this.#rows, ROW, place(dh, n));
    return at < 0 ? null : readRow(this.#rows.subarray(at, at + ROW));
  }

  withChain(dh: Uint8Array): Archive {
    return new Archive(joined(this.#chains, dh, MAX_OLD_CHAINS * KEY_SIZE), this.#rows);
  }

  /** Add keys; beyond 2,000 the oldest go first. */
  withSkipped(keys: readonly SkippedKey[]): Archive {
    const old = this.#rows.slice();
    const added = new Uint8Array(keys.length * ROW);
    let end = 0;
    for (const one of keys) {
      const row = writeRow(one);
      // A chain's dh comes again only when a peer breaks the rules: then its new key takes the old one's place.
      const at = search(old, ROW, row.subarray(0, PLACE));
      if (at >= 0) {
        old.set(row, at);
      } else {
        added.set(row, end);
        end += ROW;
      }
    }
    return new Archive(this.#chains, joined(old, added.subarray(0, end), MAX_SKIPPED * ROW));
  }

  without(dh: Uint8Array, n: number): Archive {
    const at = search(this.#rows, ROW, place(dh, n));
    if (at < 0) return this;
    const rows = new Uint8Array(this.#rows.length - ROW);
    rows.set(this.#rows.subarray(0, at));
    rows.set(this.#rows.subarray(at + ROW), at);
    return new Archive(this.#chains, rows);
  }

  /** Drop keys stored for more than 30 days. */
  fresh(now: number): Archive {
    // Keys are in the order they were stored, so the first one tells whether there is anything to do.
    if (this.#rows.length === 0 || !isStale(readRow(this.#rows.subarray(0, ROW)), now)) return this;
    const rows = split(this.#rows, ROW).filter((row) => !isStale(readRow(row), now));
    const kept = new Uint8Array(rows.length * ROW);
    rows.forEach((row, index) => kept.set(row, index * ROW));
    return new Archive(this.#chains, kept);
  }

  get encoded(): Secret {
    this.#encoded ??= secret(cbor.dump([this.#chains, this.#rows]));
    return this.#encoded;
  }

  static decode(data: Uint8Array): Archive {
    const [chainsValue, rowsValue] = form.array(cbor.decode(data), 2);
    const chains = form.anyOctets(chainsValue);
    const rows = form.anyOctets(rowsValue);
    if (chains.length % KEY_SIZE !== 0 || rows.length % ROW !== 0) throw new Malformed("ratchet archive");
    return new Archive(chains, rows);
  }
}

export function isStale(skipped: SkippedKey, now: number): boolean {
  return now - skipped.stored > SKIPPED_MAX_AGE;
}

/** An X25519 key pair as the store has it: the public half is not computed anew. */
export interface KeyPair {
  readonly private: Secret;
  readonly public: Uint8Array;
}

/** One side's state. */
export interface Ratchet {
  readonly transcript: Uint8Array; // T
  readonly root: Secret; // RK
  readonly own: KeyPair; // the current ratchet key pair; B's first one is its signed prekey
  readonly sending: SendingChain | null; // null only inside B's reading of the first message
  readonly receiving: ReceivingChain | null;
  readonly awaited: Secret | null; // the seed of the KEM key in our current chain: the next chain must answer it
  readonly sentSinceEk: number; // messages sent since the last chain with a KEM key was made
  readonly ekMade: number | null; // ms, when that was
  readonly archive: Archive;
}

export function toValue(ratchet: Ratchet): unknown[] {
  const { sending, receiving } = ratchet;
  return [
    ratchet.transcript,
    ratchet.root,
    ratchet.own.private,
    ratchet.own.public,
    sending && [sending.key, sending.n, sending.pn, sending.ek, sending.ct],
    receiving && [receiving.dh, receiving.key, receiving.n],
    ratchet.awaited,
    ratchet.sentSinceEk,
    ratchet.ekMade,
    ratchet.archive.encoded,
  ];
}

export function fromValue(value: unknown): Ratchet {
  const fields = form.array(value, 10);
  const [transcript, root, own, shown, sending, receiving, awaited, since, made, archive] = fields;
  return {
    transcript: form.octets(transcript, HASH_SIZE),
    root: secret(form.octets(root, KEY_SIZE)),
    own: { private: secret(form.octets(own, KEY_SIZE)), public: form.octets(shown, KEY_SIZE) },
    sending: sending === null ? null : readSending(sending),
    receiving: receiving === null ? null : readReceiving(receiving),
    awaited: awaited === null ? null : secret(form.octets(awaited, kem.SEED_SIZE)),
    sentSinceEk: form.unsigned(since),
    ekMade: made === null ? null : form.unsigned(made),
    archive: Archive.decode(form.anyOctets(archive)),
  };
}

function readSending(value: unknown): SendingChain {
  const [key, n, pn, ek, ct] = form.array(value, 5);
  return {
    key: secret(form.octets(key, KEY_SIZE)),
    n: form.unsigned(n),
    pn: form.unsigned(pn),
    ek: ek === null ? null : form.octets(ek, kem.PUBLIC_SIZE),
    ct: ct === null ? null : form.octets(ct, kem.CIPHERTEXT_SIZE),
  };
}

function readReceiving(value: unknown): ReceivingChain {
  const [dh, key, n] = form.array(value, 3);
  return { dh: form.octets(dh, KEY_SIZE), key: secret(form.octets(key, KEY_SIZE)), n: form.unsigned(n) };
}

// Rows of bytes

function place(dh: Uint8Array, n: number): Uint8Array {
  const bytes = new Uint8Array(PLACE);
  bytes.set(dh);
  writeNumber(bytes, KEY_SIZE, n);
  return bytes;
}

function writeRow(one: SkippedKey): Uint8Array {
  const row = new Uint8Array(ROW);
  row.set(one.dh);
  writeNumber(row, KEY_SIZE, one.n);
  row.set(one.key, PLACE);
  writeNumber(row, PLACE + KEY_SIZE, one.stored);
  return row;
}

function readRow(row: Uint8Array): SkippedKey {
  return {
    dh: row.slice(0, KEY_SIZE),
    n: readNumber(row, KEY_SIZE),
    key: secret(row.slice(PLACE, PLACE + KEY_SIZE)),
    stored: readNumber(row, PLACE + KEY_SIZE),
  };
}

/** Where the first row with that beginning starts, or -1. */
function search(rows: Uint8Array, size: number, beginning: Uint8Array): number {
  const last = beginning.length - 1;
  for (let at = 0; at < rows.length; at += size) {
    // From the end, where the rows of one chain differ.
    let index = last;
    while (index >= 0 && rows[at + index] === beginning[index]) index--;
    if (index < 0) return at;
  }
  return -1;
}

/** Both, less what is too much at the front. */
function joined(old: Uint8Array, added: Uint8Array, most: number): Uint8Array {
  const drop = Math.max(0, old.length + added.length - most);
  const kept = old.subarray(Math.min(drop, old.length));
  const rest = added.subarray(Math.max(0, drop - old.length));
  const result = new Uint8Array(kept.length + rest.length);
  result.set(kept);
  result.set(rest, kept.length);
  return result;
}

function split(rows: Uint8Array, size: number): Uint8Array[] {
  return Array.from({ length: rows.length / size }, (_, index) => rows.slice(index * size, (index + 1) * size));
}

function writeNumber(bytes: Uint8Array, at: number, value: number): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  view.setUint32(at, Math.floor(value / HIGH));
  view.setUint32(at + 4, value % HIGH);
}

function readNumber(bytes: Uint8Array, at: number): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  return view.getUint32(at) * HIGH + view.getUint32(at + 4);
}
