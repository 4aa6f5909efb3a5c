// Sender keys: what a device announces of its chain in a group chat, and its own chain.
//
// PROTOCOL.md, Groups. A chain gives a key a message; it does not heal, so that its sender makes a new one often.

import type { Fields } from "./body";
import { hex } from "./bytes";
import * as cbor from "./cbor";
import { SYSTEM, type Entropy } from "./entropy";
import { Malformed } from "./errors";
import * as form from "./form";
import type { GroupState } from "./group_state";
import { ID_SIZE, type AccountId, type ChainId, type DeviceId, type GroupId } from "./ids";
import { CHAIN_MESSAGES, CHAIN_PERIOD } from "./limits";
import { HASH_SIZE, hmac, KEY_SIZE, SigningKey } from "./primitives";
import { secret, type Secret } from "./secret";

const STATE_VERSION = 1;

/** What title and picture are sealed under. */
export interface GroupKey {
  readonly version: number; // the index of the operation that brought it
  readonly key: Secret;
}

export interface SenderKeyFields {
  readonly group: GroupId;
  readonly epoch: number;
  readonly gsh: Uint8Array; // the group as its sender knew it when it made the chain
  readonly chain: ChainId;
  readonly n: number; // the iteration
  readonly key: Secret; // CK
  readonly signingKey: Uint8Array;
  readonly groupKey: GroupKey | null; // null: the sender has not got it yet itself
}

/** A chain from one of its iterations on: whoever has it reads from there. */
export class SenderKey implements SenderKeyFields {
  static readonly kind = 6;
  readonly kind = SenderKey.kind;
  readonly group: GroupId;
  readonly epoch: number;
  readonly gsh: Uint8Array;
  readonly chain: ChainId;
  readonly n: number;
  readonly key: Secret;
  readonly signingKey: Uint8Array;
  readonly groupKey: GroupKey | null;

  constructor(fields: SenderKeyFields) {
    this.group = fields.group;
    this.epoch = fields.epoch;
    this.gsh = fields.gsh;
    this.chain = fields.chain;
    this.n = fields.n;
    this.key = fields.key;
    this.signingKey = fields.signingKey;
    this.groupKey = fields.groupKey;
  }

  toMap(): Fields {
    const fields = [this.group, this.epoch, this.gsh, this.chain, this.n, this.key, this.signingKey];
    if (this.groupKey !== null) fields.push(this.groupKey.key, this.groupKey.version);
    return new Map(fields.entries());
  }

  static fromMap(fields: Fields): SenderKey {
    if (fields.has(7) !== fields.has(8)) throw new Malformed("half a group key");
    return new SenderKey({
      group: form.identifier(fields.get(0)),
      epoch: form.unsigned(fields.get(1)),
      gsh: form.octets(fields.get(2), HASH_SIZE),
      chain: form.identifier(fields.get(3)),
      n: form.unsigned(fields.get(4)),
      key: secret(form.octets(fields.get(5), KEY_SIZE)),
      signingKey: form.octets(fields.get(6), KEY_SIZE),
      groupKey: fields.has(7)
        ? { version: form.unsigned(fields.get(8)), key: secret(form.octets(fields.get(7), KEY_SIZE)) }
        : null,
    });
  }
}

/** A device that is to have this device's chain, or has got it: under new keys it is another one. */
export interface Recipient {
  readonly account: AccountId;
  readonly device: DeviceId;
  readonly signingKey: Uint8Array; // DSK
}

/** One name for one recipient: to keep, to compare, as the key of a Map. */
export function recipientName(one: Recipient): string {
  return hex(one.account) + hex(one.device) + hex(one.signingKey);
}

export interface OwnChainFields {
  readonly group: GroupId;
  readonly epoch: number;
  readonly gsh: Uint8Array;
  readonly id: ChainId;
  readonly n: number; // number of the next message
  readonly key: Secret; // CK
  readonly signing: SigningKey;
  readonly created: number; // ms
}

/** This device's own chain in a group chat; it has one at a time. */
export class OwnChain implements OwnChainFields {
  readonly group: GroupId;
  readonly epoch: number;
  readonly gsh: Uint8Array;
  readonly id: ChainId;
  readonly n: number;
  readonly key: Secret;
  readonly signing: SigningKey;
  readonly created: number;

  constructor(fields: OwnChainFields) {
    this.group = fields.group;
    this.epoch = fields.epoch;
    this.gsh = fields.gsh;
    this.id = fields.id;
    this.n = fields.n;
    this.key = fields.key;
    this.signing = fields.signing;
    this.created = fields.created;
  }

  /** Make a chain for the group as it is now. Announce it before the first message, to every device. */
  static begin(state: GroupState, { now, entropy = SYSTEM }: { now: number; entropy?: Entropy }): OwnChain {
    const id = entropy.random(ID_SIZE);
    const key = secret(entropy.random(KEY_SIZE));
    const signing = SigningKey.generate(entropy);
    return new OwnChain({ group: state.group, epoch: state.epoch, gsh: state.hash, id, n: 0, key, signing, created: now });
  }

  /**
   * Whether the next message needs a new chain.
   *
   * `told`: who was ever told this one; `recipients`: who is to read what follows (`group_message.recipients`).
   * After this device's own reset, too, a new one is due: the caller knows.
   */
  isDue(
    state: GroupState,
    told: Iterable<Recipient>,
    recipients: Iterable<Recipient>,
    { now }: { readonly now: number },
  ): boolean {
    if (this.epoch !== state.epoch) return true;
    const names = new Set(Array.from(recipients, recipientName));
    if (Array.from(told, recipientName).some((name) => !names.has(name))) return true;
    return this.n >= CHAIN_MESSAGES || now - this.created >= CHAIN_PERIOD;
  }

  /** What a device is told: from the next message on. A new member or device cannot read what was before. */
  announce(groupKey: GroupKey | null): SenderKey {
    const { group, epoch, gsh, id: chain, n, key, signing } = this;
    return new SenderKey({ group, epoch, gsh, chain, n, key, signingKey: signing.public, groupKey });
  }

  /** The chain after its next message, and that message's key. */
  next(): [chain: OwnChain, key: Secret] {
    const { group, epoch, gsh, id, n, key, signing, created } = this;
    const moved = new OwnChain({ group, epoch, gsh, id, n: n + 1, key: nextKey(key), signing, created });
    return [moved, messageKey(key)];
  }

  toBytes(): Secret {
    const { group, epoch, gsh, id, n, key, signing, created } = this;
    return secret(cbor.dump([STATE_VERSION, group, epoch, gsh, id, n, key, signing.seed, created]));
  }

  static fromBytes(data: Uint8Array): OwnChain {
    const [version, group, epoch, gsh, id, n, key, seed, created] = form.array(cbor.decode(data), 9);
    form.unsigned(version, STATE_VERSION, STATE_VERSION);
    return new OwnChain({
      group: form.identifier(group),
      epoch: form.unsigned(epoch),
      gsh: form.octets(gsh, HASH_SIZE),
      id: form.identifier(id),
      n: form.unsigned(n),
      key: secret(form.octets(key, KEY_SIZE)),
      signing: SigningKey.fromSeed(form.octets(seed, KEY_SIZE)),
      created: form.unsigned(created),
    });
  }
}

const MESSAGE = Uint8Array.of(1);
const NEXT = Uint8Array.of(2);

/** HMAC(CK, 01). */
export function messageKey(chainKey: Secret): Secret {
  return secret(hmac(chainKey, MESSAGE));
}

/** HMAC(CK, 02): the next CK. */
export function nextKey(chainKey: Secret): Secret {
  return secret(hmac(chainKey, NEXT));
}
