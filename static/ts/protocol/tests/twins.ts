// Two devices, each of them in both cores, which take every step together.
//
// One core draws the randomness, the other repeats it: so the answer, the name of a failure, the bytes sent and the
// bytes stored must be the same.

import { expect } from "vitest";
import { hex, unhex } from "../bytes";
import { Sealed } from "../content";
import { openList } from "../device_list";
import { ProtocolError } from "../errors";
import type { Encapsulated } from "../kem";
import { pskId } from "../pqxdh";
import { Bundle, NONE_SEEN, verifyBundle } from "../prekeys";
import { secret } from "../secret";
import { encrypt, Pair, startSession } from "../session";
import { Dice, makeCast, some, type Phone } from "./cast";
import { Draws } from "./draws";
import { Given, type Json } from "./json";
import type { Die } from "./mangle";
import type { Python } from "./python";
import { receivedJson } from "./received";

export const PSK = secret(new Uint8Array(16).fill(7));

type Fields = Record<string, Json>;
export type Name = "alice" | "bob";

export function other(name: Name): Name {
  return name === "alice" ? "bob" : "alice";
}

const KINDS = new Map([
  [16, "secrets"],
  [24, "nonces"],
  [32, "keys"],
]);

/** Dice whose fall is written down. */
export class Recorder extends Dice {
  readonly draws: Record<string, Json[]> = {};

  override random(size: number): Uint8Array {
    const drawn = super.random(size);
    const kind = KINDS.get(size) ?? "kem_seeds";
    (this.draws[kind] ??= []).push(hex(drawn));
    return drawn;
  }

  override encapsulate(key: Uint8Array): Encapsulated {
    const [ct, ss] = super.encapsulate(key);
    (this.draws["encapsulations"] ??= []).push({ ct: hex(ct), ss: hex(ss) });
    return [ct, ss];
  }
}

/** What the device's store holds. */
function stored(phone: Phone): Json {
  return {
    pairs: [...phone.pairs.values()].map((one) => hex(one.toBytes())).sort(),
    prekeys: [...phone.privates.keys()].sort(),
    psks: [...phone.psks.keys()].sort(),
    seen_eks: [...phone.seenEks.keys()].sort(),
  };
}

/** One step, as client/tests/protocol/driver.py takes it. */
function take(phone: Phone, peer: Phone, step: Given): Json {
  const options = { now: (phone.now = step.number("now")), entropy: phone.dice };
  switch (step.text("do")) {
    case "start": {
      const newest = some(phone.newestList(peer.own.account));
      const own = some(phone.newestList(phone.own.account));
      const verified = verifyBundle(Bundle.fromBytes(step.bytes("bundle")), newest, peer.own.device, NONE_SEEN, options);
      const psk = step.maybe("psk");
      const started = startSession(phone.own, own, verified, { ...options, psk: psk && secret(psk) });
      const [pair, dropped] = phone.pair(peer).add(started);
      phone.pairs.set(hex(peer.own.device), pair);
      return { session_id: hex(started.id), dropped: dropped.map(hex) };
    }
    case "encrypt": {
      let sealed = Sealed.fromBytes(step.bytes("padded"));
      if (step.has("tag")) sealed = new Sealed(sealed.padded, step.bytes("tag"));
      const sent = encrypt(phone.pair(peer), sealed, { ...options, sessionId: step.maybe("session") });
      phone.pairs.set(hex(peer.own.device), sent.pair);
      return { wire: hex(sent.wire) };
    }
    case "receive": {
      const got = phone.receive(peer, step.bytes("wire"), { messageId: step.maybe("message_id") });
      return receivedJson(got);
    }
    case "tidy": {
      const gone: string[] = [];
      for (const [device, pair] of phone.pairs) {
        const [kept, dropped] = pair.tidy(options);
        phone.pairs.set(device, kept);
        gone.push(...dropped.map(hex));
      }
      return gone;
    }
    case "learn": {
      const lists = step.byteStrings("objects").map(openList);
      phone.knownLists.set(hex(peer.account.id), lists);
      return {};
    }
    case "only": {
      const [pair, dropped] = phone.pair(peer).only(step.bytes("session"));
      phone.pairs.set(hex(peer.own.device), pair);
      return { dropped: dropped.map(hex) };
    }
    case "forget":
      phone.pairs.delete(hex(peer.own.device));
      return {};
    default:
      throw new RangeError("no such step");
  }
}

/** alice and bob, each in both cores. */
export class Twins {
  readonly phones: Readonly<Record<Name, Phone>>;
  readonly #python: Python;
  readonly #roll: Die;
  readonly #name: string;
  #number = 0;
  #now: number;

  constructor(python: Python, roll: Die, name: string) {
    const { alice, bob } = makeCast(name);
    this.phones = { alice, bob };
    [this.#python, this.#roll, this.#name, this.#now] = [python, roll, name, alice.now];
  }

  async begin(): Promise<void> {
    for (const [who, phone] of Object.entries(this.phones)) {
      phone.makePrekeys(4);
      phone.psks.set(hex(pskId(PSK)), PSK);
      const { stored: held } = await this.#python.ask({
        do: "device",
        who,
        own: hex(phone.own.toBytes()),
        prekeys: [...phone.privates.values()].map((one) => hex(one.toBytes())),
        psks: [hex(PSK)],
        lists: [...phone.knownLists.values()].map((lists) => lists.map((one) => hex(one.signed))),
      });
      expect(held).toEqual(stored(phone));
    }
  }

  wait(milliseconds: number): void {
    this.#now += milliseconds;
  }

  /** Take a step in both cores, and hold the results against each other. */
  async step(who: Name, what: string, fields: Fields = {}): Promise<Json> {
    const phone = this.phones[who];
    const peer = other(who);
    const step: Fields = { do: what, who, peer, now: this.#now, ...fields };
    const seed = `${this.#name}/${++this.#number}`;
    let result: Json;
    let theirs;
    if (this.#roll(2) === 0) {
      const recorder = (phone.dice = new Recorder(seed));
      result = outcome(() => take(phone, this.phones[peer], new Given(step)));
      theirs = await this.#python.ask({ ...step, draws: recorder.draws });
    } else {
      theirs = await this.#python.ask({ ...step, seed });
      const draws = (phone.dice = Draws.of(new Given(theirs.draws)));
      result = outcome(() => take(phone, this.phones[peer], new Given(step)));
      draws.finish();
    }
    const place = `step ${this.#number}: ${what}`;
    expect(theirs.result, place).toEqual(result);
    expect(theirs.stored, place).toEqual(stored(phone));
    return result;
  }

  /** Both go on with what the other one has stored. */
  async restart(who: Name): Promise<void> {
    const phone = this.phones[who];
    const mine = [...phone.pairs.values()].map((one) => hex(one.toBytes()));
    const draws = {};
    const loaded = await this.#python.ask({ do: "load", who, pairs: mine, draws });
    const pairs = (loaded.stored as { pairs: string[] }).pairs.map((one) => Pair.fromBytes(unhex(one)));
    phone.pairs = new Map(pairs.map((one) => [hex(one.device), one]));
    phone.restart();
    expect(loaded.stored).toEqual(stored(phone));
  }
}

function outcome(work: () => Json): Json {
  try {
    return work();
  } catch (failure) {
    if (failure instanceof ProtocolError) return failure.code;
    throw failure;
  }
}
