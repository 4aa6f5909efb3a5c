// The bytes of a message and of its parts. Reads form only: no key is touched here.
//
// PROTOCOL.md, Session set-up and Messages.

import * as cbor from "./cbor";
import { Malformed, Unsupported } from "./errors";
import * as form from "./form";
import type { AccountId, DeviceId, SessionId } from "./ids";
import * as kem from "./kem";
import { readKemLabel, type KemLabel } from "./prekeys";
import { CSEAL_OVERHEAD, HASH_SIZE, KEY_SIZE } from "./primitives";

export const PAIRWISE = 1; // outer type of a pairwise message; 2 is a group's
export const SUITE = 1;
export const PSK_ID_SIZE = 16;

/** hdr = CBOR[dh, pn, n, ek|null, ct|null]. */
export class Header {
  readonly dh: Uint8Array;
  readonly pn: number;
  readonly n: number;
  readonly ek: Uint8Array | null;
  readonly ct: Uint8Array | null;

  constructor(dh: Uint8Array, pn: number, n: number, ek: Uint8Array | null, ct: Uint8Array | null) {
    this.dh = dh;
    this.pn = pn;
    this.n = n;
    this.ek = ek;
    this.ct = ct;
  }

  toBytes(): Uint8Array {
    return cbor.dump([this.dh, this.pn, this.n, this.ek, this.ct]);
  }

  static fromBytes(data: Uint8Array): Header {
    const [dh, pn, n, ek, ct] = form.array(cbor.decode(data), 5);
    return new Header(
      form.octets(dh, KEY_SIZE),
      form.unsigned(pn),
      form.unsigned(n),
      ek === null ? null : form.octets(ek, kem.PUBLIC_SIZE),
      ct === null ? null : form.octets(ct, kem.CIPHERTEXT_SIZE),
    );
  }
}

export interface InitFields {
  readonly account: AccountId;
  readonly device: DeviceId;
  readonly listHash: Uint8Array; // of A's list
  readonly ek: Uint8Array; // EK, X25519
  readonly spkId: number;
  readonly opkId: number | null;
  readonly kemLabel: KemLabel;
  readonly kemId: number;
  readonly ct: Uint8Array;
  readonly pskId: Uint8Array | null;
}

/** init: what starts a session, riding on A's messages until A has decrypted an answer. */
export class Init implements InitFields {
  readonly account: AccountId;
  readonly device: DeviceId;
  readonly listHash: Uint8Array;
  readonly ek: Uint8Array;
  readonly spkId: number;
  readonly opkId: number | null;
  readonly kemLabel: KemLabel;
  readonly kemId: number;
  readonly ct: Uint8Array;
  readonly pskId: Uint8Array | null;

  constructor(fields: InitFields) {
    this.account = fields.account;
    this.device = fields.device;
    this.listHash = fields.listHash;
    this.ek = fields.ek;
    this.spkId = fields.spkId;
    this.opkId = fields.opkId;
    this.kemLabel = fields.kemLabel;
    this.kemId = fields.kemId;
    this.ct = fields.ct;
    this.pskId = fields.pskId;
  }

  toBytes(): Uint8Array {
    return cbor.dump([
      SUITE,
      this.account,
      this.device,
      this.listHash,
      this.ek,
      this.spkId,
      this.opkId,
      this.kemLabel,
      this.kemId,
      this.ct,
      this.pskId,
    ]);
  }

  /** Read an init. Throws Malformed, Unsupported (another suite). */
  static fromBytes(data: Uint8Array): Init {
    const fields = form.array(cbor.decode(data));
    // Another suite may have other fields: only the first one is ours to judge.
    if (fields.length === 0) throw new Malformed("init");
    if (form.unsigned(fields[0]) !== SUITE) throw new Unsupported("suite");
    const [, account, device, listHash, ek, spkId, opkId, label, kemId, ct, psk] = form.array(fields, 11);
    return new Init({
      account: form.identifier(account),
      device: form.identifier(device),
      listHash: form.octets(listHash, HASH_SIZE),
      ek: form.octets(ek, KEY_SIZE),
      spkId: form.unsigned(spkId, 1),
      opkId: opkId === null ? null : form.unsigned(opkId, 1),
      kemLabel: readKemLabel(label),
      kemId: form.unsigned(kemId, 1),
      ct: form.octets(ct, kem.CIPHERTEXT_SIZE),
      pskId: psk === null ? null : form.octets(psk, PSK_ID_SIZE),
    });
  }
}

/** msg = CBOR[1, session id, hdr bytes, body, F, init bytes|null]. */
export class Message {
  readonly sessionId: SessionId;
  readonly header: Uint8Array;
  readonly body: Uint8Array;
  readonly tag: Uint8Array; // F
  readonly init: Uint8Array | null;

  constructor(sessionId: SessionId, header: Uint8Array, body: Uint8Array, tag: Uint8Array, init: Uint8Array | null) {
    this.sessionId = sessionId;
    this.header = header;
    this.body = body;
    this.tag = tag;
    this.init = init;
  }

  toBytes(): Uint8Array {
    return cbor.dump([PAIRWISE, this.sessionId, this.header, this.body, this.tag, this.init]);
  }

  /** Read a pairwise message. Throws Malformed, Unsupported (another outer type). */
  static fromBytes(data: Uint8Array): Message {
    const fields = form.array(cbor.decode(data));
    if (fields.length === 0) throw new Malformed("message");
    if (form.unsigned(fields[0]) !== PAIRWISE) throw new Unsupported("outer type");
    const [, sessionId, header, body, tag, init] = form.array(fields, 6);
    return new Message(
      form.identifier(sessionId),
      form.anyOctets(header),
      form.anyOctets(body, CSEAL_OVERHEAD),
      form.octets(tag, HASH_SIZE),
      init === null ? null : form.anyOctets(init),
    );
  }
}

/** What a message says of itself before anything is checked: enough to fetch what `receive` will need. */
export interface Peek {
  readonly sessionId: SessionId;
  readonly dh: Uint8Array; // with n: how a `retry` names the message
  readonly n: number;
  readonly tag: Uint8Array; // F, which is what a send is known by to moderators
  readonly init: Init | null;
}

/** Read a message's outside. Throws Malformed, Unsupported. */
export function peek(wire: Uint8Array): Peek {
  const message = Message.fromBytes(wire);
  const header = Header.fromBytes(message.header);
  const init = message.init === null ? null : Init.fromBytes(message.init);
  return { sessionId: message.sessionId, dh: header.dh, n: header.n, tag: message.tag, init };
}
