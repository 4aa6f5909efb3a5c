// Linking a new device N with a managing device M: the code that N shows, M's offer, N's answer.
//
// PROTOCOL.md, Linking. The code passes from screen to camera or hand, offer and answer through the server, which can
// open neither. Whoever has seen the code could answer it: it is used once and forgotten.

import * as base32 from "./base32";
import { equal } from "./bytes";
import * as cbor from "./cbor";
import { bindDevice, checkBind, openList, type DeviceList, type ListedDevice } from "./device_list";
import { SYSTEM, type Entropy } from "./entropy";
import { ListRefused, Malformed } from "./errors";
import * as form from "./form";
import type { AccountId, DeviceId } from "./ids";
import type { OwnDevice } from "./keys";
import { pskId } from "./pqxdh";
import { copen, cseal, KEY_SIZE, SIGNATURE_SIZE } from "./primitives";
import { secret, type Secret } from "./secret";

export const SECRET_SIZE = 16;
export const CODE_SIZE = 125; // bytes of the encoded code: 200 characters, no bit left over
const KIND = "link";
const OFFER = "link1";
const ANSWER = "link2";

export interface LinkCodeFields {
  readonly account: AccountId;
  readonly device: DeviceId;
  readonly signingKey: Uint8Array; // DSK
  readonly identityKey: Uint8Array; // IK
  readonly secret: Secret; // s, also the pre-shared key of M's first session to N
}

/** What N shows: who it is, and a secret s that only whoever sees the code knows. */
export class LinkCode implements LinkCodeFields {
  readonly account: AccountId;
  readonly device: DeviceId;
  readonly signingKey: Uint8Array;
  readonly identityKey: Uint8Array;
  readonly secret: Secret;

  constructor(fields: LinkCodeFields) {
    this.account = fields.account;
    this.device = fields.device;
    this.signingKey = fields.signingKey;
    this.identityKey = fields.identityKey;
    this.secret = fields.secret;
  }

  get pskId(): Uint8Array {
    return pskId(this.secret);
  }

  /** Write the code as its 200 characters. Hazard: s is in them; they belong on a screen, not in a log. */
  toText(): string {
    return base32.encode(this.toBytes());
  }

  /** Read what was scanned, pasted or typed. Throws Malformed. Whose it is, the caller checks. */
  static fromText(text: string): LinkCode {
    return LinkCode.fromBytes(base32.decode(text, CODE_SIZE));
  }

  /** CBOR["link", account, device, DSK, IK, s]. */
  toBytes(): Secret {
    return secret(
      cbor.encode([KIND, this.account, this.device, this.signingKey, this.identityKey, this.secret]),
    );
  }

  static fromBytes(data: Uint8Array): LinkCode {
    const [kind, account, device, signingKey, identityKey, shared] = form.array(cbor.decode(data), 6);
    if (kind !== KIND) throw new Malformed("not a link code");
    return new LinkCode({
      account: form.identifier(account),
      device: form.identifier(device),
      signingKey: form.octets(signingKey, KEY_SIZE),
      identityKey: form.octets(identityKey, KEY_SIZE),
      secret: secret(form.octets(shared, SECRET_SIZE)),
    });
  }
}

/** Make N's code, with a fresh s. `own.accountKey` is not looked at: N learns AK from the offer. */
export function newLinkCode(own: OwnDevice, entropy: Entropy = SYSTEM): LinkCode {
  return new LinkCode({
    account: own.account,
    device: own.device,
    signingKey: own.signing.public,
    identityKey: own.identity.public,
    secret: secret(entropy.random(SECRET_SIZE)),
  });
}

/**
 * M's offer: AK and the account's newest list, for the device that showed the code.
 *
 * Throws ListRefused when the code is another account's.
 */
export function sealOffer(code: LinkCode, newest: DeviceList, entropy: Entropy = SYSTEM): Uint8Array {
  if (!equal(newest.account, code.account)) throw new ListRefused("another account");
  const offer = cbor.encode([newest.accountKey, cbor.decode(newest.signed)]);
  return cseal(code.secret, OFFER, code.device, offer, entropy);
}

/**
 * Open M's offer at N, which then pins the list. Throws Undecryptable, Malformed, ListRefused.
 *
 * ListRefused: the list does not verify, is another account's, or is not signed by the AK that M named.
 */
export function openOffer(code: LinkCode, sealed: Uint8Array): DeviceList {
  const opened = copen(code.secret, OFFER, code.device, sealed);
  const [accountKey, signed] = form.array(cbor.decode(opened), 2);
  const named = form.octets(accountKey, KEY_SIZE);
  const newest = openList(cbor.encode(signed));
  if (!equal(newest.account, code.account)) throw new ListRefused("another account");
  if (!equal(newest.accountKey, named)) throw new ListRefused("another account key");
  return newest;
}

/** N's answer: its `bind` under the AK of the offer, which `own.accountKey` must be by now. */
export function sealAnswer(code: LinkCode, own: OwnDevice, entropy: Entropy = SYSTEM): Uint8Array {
  if (!equal(own.account, code.account) || !equal(own.device, code.device)) {
    throw new RangeError("the code is another device's"); // the caller's mistake
  }
  return cseal(code.secret, ANSWER, code.device, bindDevice(own), entropy);
}

/**
 * Open N's answer at M: N's entry for the next list. Throws Undecryptable, Malformed, BadSignature.
 *
 * BadSignature: who answered does not hold the keys of the code, or agreed to another AK.
 */
export function openAnswer(
  code: LinkCode,
  accountKey: Uint8Array,
  sealed: Uint8Array,
  { added }: { readonly added: number },
): ListedDevice {
  const { account, device, signingKey, identityKey } = code;
  const bind = form.octets(copen(code.secret, ANSWER, device, sealed), SIGNATURE_SIZE);
  const entry = { device, signingKey, identityKey, added, bind };
  checkBind(accountKey, account, entry);
  return entry;
}
