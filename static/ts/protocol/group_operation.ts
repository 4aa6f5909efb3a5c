// One signed operation of a group chat. An operation travels as `[payload bytes, signature]`.
//
// PROTOCOL.md, Groups. Form is read here; whether the operation may be done is judged by `group_chain`.

import type { Fields } from "./body";
import * as cbor from "./cbor";
import { Malformed, Unsupported } from "./errors";
import * as form from "./form";
import {
  Add,
  Approve,
  CloseLink,
  Create,
  Join,
  Leave,
  OpenLink,
  Rekey,
  Remove,
  SetMeta,
  SetRole,
  type Args,
} from "./group_args";
import type { AccountId, DeviceId, GroupId } from "./ids";
import type { OwnDevice } from "./keys";
import { HASH_SIZE, sha256, SIGNATURE_SIZE, verify } from "./primitives";

export const NO_PREVIOUS = new Uint8Array(HASH_SIZE); // `prev` of the first operation

const KIND = "groupop";
const LABEL = "groupop";

export interface OperationFields {
  readonly group: GroupId;
  readonly index: number;
  readonly previous: Uint8Array; // hash of the operation before
  readonly time: number; // ms
  readonly account: AccountId; // the author
  readonly device: DeviceId;
  readonly listHash: Uint8Array; // of the author's account's list
  readonly args: Args;
  readonly payload: Uint8Array;
  readonly signature: Uint8Array;
}

/** An operation whose form has been checked, and nothing else. */
export class Operation implements OperationFields {
  readonly group: GroupId;
  readonly index: number;
  readonly previous: Uint8Array;
  readonly time: number;
  readonly account: AccountId;
  readonly device: DeviceId;
  readonly listHash: Uint8Array;
  readonly args: Args;
  readonly payload: Uint8Array;
  readonly signature: Uint8Array;

  constructor(fields: OperationFields) {
    this.group = fields.group;
    this.index = fields.index;
    this.previous = fields.previous;
    this.time = fields.time;
    this.account = fields.account;
    this.device = fields.device;
    this.listHash = fields.listHash;
    this.args = fields.args;
    this.payload = fields.payload;
    this.signature = fields.signature;
  }

  /** H(payload): gsh, once this operation is the last. */
  get hash(): Uint8Array {
    return sha256(this.payload);
  }

  /** The object as it travels. */
  get signed(): Uint8Array {
    return cbor.dump([this.payload, this.signature]);
  }

  /** Check it with the DSK of the author's device. Throws BadSignature. */
  checkSignature(signingKey: Uint8Array): void {
    verify(signingKey, LABEL, this.payload, this.signature);
  }
}

export interface Unsigned {
  readonly listHash: Uint8Array;
  readonly group: GroupId;
  readonly index: number;
  readonly previous: Uint8Array;
  readonly args: Args;
  readonly time: number;
}

/** Sign an operation as this device. `group_chain.propose` is what a client calls. Throws Malformed. */
export function signOperation(own: OwnDevice, { listHash, group, index, previous, args, time }: Unsigned): Operation {
  const { account, device, signing } = own;
  const fields = [KIND, group, index, previous, time, account, device, listHash, args.code, args.toMap()];
  const payload = cbor.encode(fields);
  // Opened at once: what others would refuse never leaves.
  return openOperation(cbor.encode([payload, signing.sign(LABEL, payload)]));
}

/** Read an operation. Throws Malformed, Unsupported (a code, or a key of its args, that is not known). */
export function openOperation(signed: Uint8Array): Operation {
  const [payloadValue, signatureValue] = form.array(cbor.decode(signed), 2);
  const payload = form.anyOctets(payloadValue);
  const signature = form.octets(signatureValue, SIGNATURE_SIZE);
  const fields = form.array(cbor.decode(payload), 10);
  const [kind, group, index, previous, time, account, device, listHash, code, args] = fields;
  if (kind !== KIND) throw new Malformed("not a group operation");
  return new Operation({
    group: form.identifier(group),
    index: form.unsigned(index),
    previous: form.octets(previous, HASH_SIZE),
    time: form.unsigned(time),
    account: form.identifier(account),
    device: form.identifier(device),
    listHash: form.octets(listHash, HASH_SIZE),
    args: readArgs(form.unsigned(code), args),
    payload,
    signature,
  });
}

interface Reader {
  readonly read: (given: Fields) => Args;
  readonly keys: readonly number[]; // that must be there
  readonly optional?: readonly number[]; // that may be
}

const READERS: ReadonlyMap<number, Reader> = new Map<number, Reader>([
  [Create.code, { read: (given) => Create.fromMap(given), keys: [0, 1, 2] }],
  [Add.code, { read: (given) => Add.fromMap(given), keys: [0] }],
  [Remove.code, { read: (given) => Remove.fromMap(given), keys: [0, 1] }],
  [Leave.code, { read: () => new Leave(), keys: [] }],
  [SetRole.code, { read: (given) => SetRole.fromMap(given), keys: [0, 1] }],
  [SetMeta.code, { read: (given) => SetMeta.fromMap(given), keys: [0, 1] }],
  [OpenLink.code, { read: (given) => OpenLink.fromMap(given), keys: [0, 3], optional: [1, 2] }],
  [CloseLink.code, { read: (given) => CloseLink.fromMap(given), keys: [0] }],
  [Join.code, { read: (given) => Join.fromMap(given), keys: [0, 1] }],
  [Approve.code, { read: (given) => Approve.fromMap(given), keys: [0] }],
  [Rekey.code, { read: (given) => Rekey.fromMap(given), keys: [0] }],
]);

/** Read the args of a code. Throws Malformed, Unsupported (a code or a key that is not known). */
export function readArgs(code: number, value: unknown): Args {
  const reader = READERS.get(code);
  if (reader === undefined) throw new Unsupported("operation code");
  const given = form.mapping(value);
  if (!reader.keys.every((key) => given.has(key))) throw new Malformed("args");
  const known = new Set([...reader.keys, ...(reader.optional ?? [])]);
  // Hazard: a key that some readers ignored would leave them with another group than the rest.
  for (const key of given.keys()) if (!known.has(key)) throw new Unsupported("operation key");
  return reader.read(given);
}
