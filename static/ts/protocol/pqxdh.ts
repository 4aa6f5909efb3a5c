// Session set-up: PQXDH, suite 1. One secret from both sides' keys, bound to all that either side knows.
//
// PROTOCOL.md, Session set-up. Refuses weak keys; who may start a session is `session`'s matter.

import { concat } from "./bytes";
import * as cbor from "./cbor";
import type { ListedDevice } from "./device_list";
import type { Entropy } from "./entropy";
import type { AccountId, DeviceId, SessionId } from "./ids";
import * as kem from "./kem";
import type { OwnDevice } from "./keys";
import type { PrivatePrekey, VerifiedBundle } from "./prekeys";
import { DhKey, hkdf, labelled, sha256, x25519 } from "./primitives";
import { secret, type Secret } from "./secret";
import { Init, PSK_ID_SIZE, SUITE } from "./wire";

const DOMAIN = "msgr/1/pqxdh";
const FILL = new Uint8Array(32).fill(0xff); // no X25519 key encodes so: the input is unlike any other use of the keys
const NO_SALT = new Uint8Array(32);

/** One side, by all its public names: leaving any out would allow an unknown key share. */
export interface Party {
  readonly account: AccountId;
  readonly device: DeviceId;
  readonly accountKey: Uint8Array;
  readonly signingKey: Uint8Array;
  readonly identityKey: Uint8Array;
}

export const Party = {
  ofOwn(own: OwnDevice): Party {
    return {
      account: own.account,
      device: own.device,
      accountKey: own.accountKey,
      signingKey: own.signing.public,
      identityKey: own.identity.public,
    };
  },

  ofListed(account: AccountId, accountKey: Uint8Array, peer: ListedDevice): Party {
    const { device, signingKey, identityKey } = peer;
    return { account, device, accountKey, signingKey, identityKey };
  },
};

/** What both sides hold after set-up. */
export interface Agreement {
  readonly transcript: Uint8Array; // T
  readonly secret: Secret; // SK
  readonly sessionId: SessionId; // T[:16]
}

/** H(s)[:16], the name by which init refers to a pre-shared key. */
export function pskId(psk: Uint8Array): Uint8Array {
  return sha256(psk).slice(0, PSK_ID_SIZE);
}

/** A's side. Throws BadKey. */
export function initiate(
  own: OwnDevice,
  ownListHash: Uint8Array,
  bundle: VerifiedBundle,
  psk: Secret | null,
  entropy: Entropy,
): [Agreement, Init] {
  const ephemeral = DhKey.generate(entropy);
  const [ct, ss] = entropy.encapsulate(bundle.kemKey);
  const init = new Init({
    account: own.account,
    device: own.device,
    listHash: ownListHash,
    ek: ephemeral.public,
    spkId: bundle.spkId,
    opkId: bundle.opkId,
    kemLabel: bundle.kemLabel,
    kemId: bundle.kemId,
    ct,
    pskId: psk === null ? null : pskId(psk),
  });
  const shares = [
    x25519(own.identity.private, bundle.spk),
    x25519(ephemeral.private, bundle.peer.identityKey),
    x25519(ephemeral.private, bundle.spk),
  ];
  if (bundle.opk !== null) shares.push(x25519(ephemeral.private, bundle.opk));
  const peer = Party.ofListed(bundle.account, bundle.accountKey, bundle.peer);
  const hashed = transcript(Party.ofOwn(own), peer, init, bundle.spk, bundle.opk, bundle.kemKey);
  return [agree(hashed, shares, ss, psk), init];
}

/** B's side; a tampered init gives another session id, never an error of its own. Throws BadKey. */
export function respond(
  own: OwnDevice,
  peer: Party,
  init: Init,
  spk: PrivatePrekey,
  opk: PrivatePrekey | null,
  kemKey: PrivatePrekey,
  psk: Secret | null,
): Agreement {
  const shares = [
    x25519(spk.private, peer.identityKey),
    x25519(own.identity.private, init.ek),
    x25519(spk.private, init.ek),
  ];
  if (opk !== null) shares.push(x25519(opk.private, init.ek));
  const ss = kem.decapsulate(kemKey.private, init.ct);
  const opkPublic = opk === null ? null : opk.public;
  const hashed = transcript(peer, Party.ofOwn(own), init, spk.public, opkPublic, kemKey.public);
  return agree(hashed, shares, ss, psk);
}

/** T = H(CBOR["msgr/1/pqxdh", 1, A, B, EK, SPKb, OPKb|null, KEMek, ct, psk id|null]). */
export function transcript(
  initiator: Party,
  responder: Party,
  init: Init,
  spk: Uint8Array,
  opk: Uint8Array | null,
  kemKey: Uint8Array,
): Uint8Array {
  return sha256(
    cbor.encode([
      DOMAIN,
      SUITE,
      partyFields(initiator),
      partyFields(responder),
      init.ek,
      spk,
      opk,
      kemKey,
      init.ct,
      init.pskId,
    ]),
  );
}

function partyFields(party: Party): Uint8Array[] {
  return [party.account, party.device, party.accountKey, party.signingKey, party.identityKey];
}

function agree(hashed: Uint8Array, shares: readonly Secret[], ss: Uint8Array, psk: Secret | null): Agreement {
  const material = concat(FILL, ...shares, ss, ...(psk === null ? [] : [psk]));
  const agreed = secret(hkdf(material, NO_SALT, concat(labelled("pqxdh"), hashed), 32));
  return { transcript: hashed, secret: agreed, sessionId: hashed.slice(0, 16) };
}
