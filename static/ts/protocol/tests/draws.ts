// Recorded randomness, and the values that a vector describes.

import type { Entropy } from "../entropy";
import * as kem from "../kem";
import { OwnDevice } from "../keys";
import { OPK, PrivatePrekey, readLabel, SPK } from "../prekeys";
import { DhKey, SigningKey } from "../primitives";
import { secret } from "../secret";
import type { Given } from "./json";

export interface Recorded {
  readonly secrets?: Uint8Array[];
  readonly nonces?: Uint8Array[];
  readonly keys?: Uint8Array[];
  readonly kemSeeds?: Uint8Array[];
  readonly encapsulations?: kem.Encapsulated[];
}

/** Each kind is used up in order; what a step leaves over is a mistake. */
export class Draws implements Entropy {
  readonly #bySize: ReadonlyMap<number, Uint8Array[]>;
  readonly #encapsulations: kem.Encapsulated[];

  constructor({ secrets = [], nonces = [], keys = [], kemSeeds = [], encapsulations = [] }: Recorded) {
    this.#bySize = new Map([
      [16, secrets],
      [24, nonces],
      [32, keys],
      [64, kemSeeds],
    ]);
    this.#encapsulations = encapsulations;
  }

  static of(given: Given): Draws {
    return new Draws({
      secrets: given.byteStrings("secrets"),
      nonces: given.byteStrings("nonces"),
      keys: given.byteStrings("keys"),
      kemSeeds: given.byteStrings("kem_seeds"),
      encapsulations: given.objects("encapsulations").map((one) => [one.bytes("ct"), secret(one.bytes("ss"))]),
    });
  }

  random(size: number): Uint8Array {
    return taken(this.#bySize.get(size));
  }

  encapsulate(key: Uint8Array): kem.Encapsulated {
    kem.checkPublicKey(key);
    return taken(this.#encapsulations);
  }

  finish(): void {
    const left = [...this.#bySize.values(), this.#encapsulations].some((one) => one.length > 0);
    if (left) throw new RangeError("randomness left over");
  }
}

function taken<Item>(items: Item[] | undefined): Item {
  const first = items?.shift();
  if (first === undefined) throw new RangeError("no randomness left");
  return first;
}

export function ownDevice(given: Given): OwnDevice {
  return new OwnDevice(
    given.bytes("account"),
    given.bytes("device"),
    given.bytes("account_key"),
    SigningKey.fromSeed(given.bytes("signing_seed")),
    DhKey.fromPrivate(given.bytes("identity_private")),
  );
}

export function privatePrekey(given: Given): PrivatePrekey {
  const label = readLabel(given.text("label"));
  const own = secret(given.bytes("private"));
  const shown = label === SPK || label === OPK ? DhKey.fromPrivate(own).public : kem.publicKey(own);
  return new PrivatePrekey(label, given.number("key_id"), given.number("created"), own, shown);
}
