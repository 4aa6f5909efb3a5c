// The bytes of a group chat's message. Reads form only: no key is touched here.
//
// PROTOCOL.md, Groups.

import * as cbor from "./cbor";
import { Malformed, Unsupported } from "./errors";
import * as form from "./form";
import type { AccountId, ChainId, DeviceId, GroupId } from "./ids";
import { CSEAL_OVERHEAD, HASH_SIZE, SIGNATURE_SIZE } from "./primitives";

export const GROUP = 2; // outer type of a group chat's message

/** hdr = CBOR[gid, epoch, account, device, chain id, n]. */
export class GroupHeader {
  readonly group: GroupId;
  readonly epoch: number;
  readonly account: AccountId;
  readonly device: DeviceId;
  readonly chain: ChainId;
  readonly n: number;

  constructor(group: GroupId, epoch: number, account: AccountId, device: DeviceId, chain: ChainId, n: number) {
    this.group = group;
    this.epoch = epoch;
    this.account = account;
    this.device = device;
    this.chain = chain;
    this.n = n;
  }

  toBytes(): Uint8Array {
    return cbor.dump([this.group, this.epoch, this.account, this.device, this.chain, this.n]);
  }

  static fromBytes(data: Uint8Array): GroupHeader {
    const [group, epoch, account, device, chain, n] = form.array(cbor.decode(data), 6);
    return new GroupHeader(
      form.identifier(group),
      form.unsigned(epoch),
      form.identifier(account),
      form.identifier(device),
      form.identifier(chain),
      form.unsigned(n),
    );
  }
}

/** CBOR[2, hdr bytes, body, sig, F]. */
export class GroupMessage {
  readonly header: Uint8Array;
  readonly body: Uint8Array;
  readonly signature: Uint8Array;
  readonly tag: Uint8Array; // F

  constructor(header: Uint8Array, body: Uint8Array, signature: Uint8Array, tag: Uint8Array) {
    this.header = header;
    this.body = body;
    this.signature = signature;
    this.tag = tag;
  }

  toBytes(): Uint8Array {
    return cbor.dump([GROUP, this.header, this.body, this.signature, this.tag]);
  }

  /** Read a group chat's message. Throws Malformed, Unsupported (another outer type). */
  static fromBytes(data: Uint8Array): GroupMessage {
    const fields = form.array(cbor.decode(data));
    if (fields.length === 0) throw new Malformed("message");
    if (form.unsigned(fields[0]) !== GROUP) throw new Unsupported("outer type");
    const [, header, body, signature, tag] = form.array(fields, 5);
    return new GroupMessage(
      form.anyOctets(header),
      form.anyOctets(body, CSEAL_OVERHEAD),
      form.octets(signature, SIGNATURE_SIZE),
      form.octets(tag, HASH_SIZE),
    );
  }
}

/** CBOR[hdr bytes, body, F]: what the chain's signing key signs. */
export function signedPart(header: Uint8Array, body: Uint8Array, tag: Uint8Array): Uint8Array {
  return cbor.dump([header, body, tag]);
}

/** What a message says of itself before anything is checked: enough to ask for it, or to name it in a report. */
export interface GroupPeek {
  readonly header: GroupHeader;
  readonly tag: Uint8Array; // F
}

/** Read a message's outside. Throws Malformed, Unsupported. */
export function peekGroup(wire: Uint8Array): GroupPeek {
  const message = GroupMessage.fromBytes(wire);
  return { header: GroupHeader.fromBytes(message.header), tag: message.tag };
}
