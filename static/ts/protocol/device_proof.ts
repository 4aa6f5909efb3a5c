// A device's proof to a server that it holds its key. Names the server: no other one can use it.

import * as cbor from "./cbor";
import { Malformed } from "./errors";
import { ID_SIZE, type AccountId, type DeviceId } from "./ids";
import type { OwnDevice } from "./keys";
import { MAX_NONCE, MIN_NONCE } from "./limits";
import { verify } from "./primitives";

export const LABEL = "session";

/**
 * Sign CBOR[server origin, account, device, server nonce] with DSK.
 *
 * `origin` is the origin the client itself connected to, as in `https://chat.example`: lower case, no
 * default port, no slash at the end. Never take it from the server. Throws Malformed.
 */
export function proveDevice(own: OwnDevice, origin: string, nonce: Uint8Array): Uint8Array {
  return own.signing.sign(LABEL, proofPayload(origin, own.account, own.device, nonce));
}

/** Check a proof against the device's DSK. Throws Malformed, BadSignature. */
export function verifyProof(
  signingKey: Uint8Array,
  origin: string,
  account: AccountId,
  device: DeviceId,
  nonce: Uint8Array,
  signature: Uint8Array,
): void {
  verify(signingKey, LABEL, proofPayload(origin, account, device, nonce), signature);
}

export function proofPayload(origin: string, account: AccountId, device: DeviceId, nonce: Uint8Array): Uint8Array {
  const ids = account.length === ID_SIZE && device.length === ID_SIZE;
  if (!ids || nonce.length < MIN_NONCE || nonce.length > MAX_NONCE) throw new Malformed("device proof");
  return cbor.encode([origin, account, device, nonce]);
}
