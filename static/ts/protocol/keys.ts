// The long-lived keys of an account and of a device: made, kept as bytes, never changed.

import * as cbor from "./cbor";
import { SYSTEM, type Entropy } from "./entropy";
import * as form from "./form";
import type { AccountId, DeviceId } from "./ids";
import { DhKey, KEY_SIZE, SigningKey } from "./primitives";
import { secret, type Secret } from "./secret";

/** Make an account key AK. Its seed lives on managing devices and in the backup only. */
export function generateAccountKey(entropy: Entropy = SYSTEM): SigningKey {
  return SigningKey.generate(entropy);
}

/** This device: who it is and its two independent private keys (PROTOCOL.md, Keys and the device list). */
export class OwnDevice {
  readonly account: AccountId;
  readonly device: DeviceId;
  readonly accountKey: Uint8Array; // AK, the public half: what this device takes its account to be
  readonly signing: SigningKey; // DSK
  readonly identity: DhKey; // IK

  constructor(
    account: AccountId,
    device: DeviceId,
    accountKey: Uint8Array,
    signing: SigningKey,
    identity: DhKey,
  ) {
    this.account = account;
    this.device = device;
    this.accountKey = accountKey;
    this.signing = signing;
    this.identity = identity;
  }

  /** Make DSK, then IK, for a device whose account's public key is known. */
  static generate(
    account: AccountId,
    device: DeviceId,
    accountKey: Uint8Array,
    entropy: Entropy = SYSTEM,
  ): OwnDevice {
    const signing = SigningKey.generate(entropy);
    return new OwnDevice(account, device, accountKey, signing, DhKey.generate(entropy));
  }

  /** Encode for the store, private keys included. */
  toBytes(): Secret {
    const fields = [this.account, this.device, this.accountKey, this.signing.seed, this.identity.private];
    return secret(cbor.encode(fields));
  }

  static fromBytes(data: Uint8Array): OwnDevice {
    const [account, device, accountKey, seed, own] = form.array(cbor.decode(data), 5);
    return new OwnDevice(
      form.identifier(account),
      form.identifier(device),
      form.octets(accountKey, KEY_SIZE),
      SigningKey.fromSeed(form.octets(seed, KEY_SIZE)),
      DhKey.fromPrivate(form.octets(own, KEY_SIZE)),
    );
  }
}
