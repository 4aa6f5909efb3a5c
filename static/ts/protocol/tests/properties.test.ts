// Two devices over a network that loses, reorders, repeats and damages, and that are switched off at any time.
//
// Never another plaintext, each message at most once, every message that arrives within the limits is read, only
// failures of the closed set, and a failure changes nothing.

import fc from "fast-check";
import { beforeAll, expect, test } from "vitest";
import { equal } from "../bytes";
import * as errors from "../errors";
import { MAX_SESSIONS, MAX_SKIPPED, MINUTE } from "../limits";
import { ready } from "../primitives";
import { Message } from "../wire";
import { makeCast, type Phone } from "./cast";

beforeAll(ready);

type Who = 0 | 1;

interface Posted {
  readonly wire: Uint8Array;
  readonly words: string;
  read: boolean;
}

/** alice and bob; the network is what either has sent, and it forgets and repeats at will. */
class TwoDevices {
  readonly phones: readonly [Phone, Phone];
  readonly sent: readonly [Posted[], Posted[]] = [[], []];
  readonly starts: [number, number] = [0, 0];
  #number = 0;

  constructor() {
    const { alice, bob } = makeCast();
    this.phones = [alice, bob];
    for (const phone of this.phones) phone.makePrekeys(4);
  }

  // The device of that number, and the other one.
  #both(who: Who): [Phone, Phone] {
    return who === 0 ? [this.phones[0], this.phones[1]] : [this.phones[1], this.phones[0]];
  }

  start(who: Who): void {
    if (this.starts[0] + this.starts[1] >= MAX_SESSIONS || this.starts[who] >= 3) return;
    this.starts[who]++;
    const [from, to] = this.#both(who);
    from.start(to);
  }

  send(who: Who): void {
    const [from, to] = this.#both(who);
    if (from.pair(to).sessions.length === 0) return;
    const words = `message ${++this.#number}`;
    this.sent[who].push({ wire: from.send(to, words), words, read: false });
  }

  deliver(who: Who, one: Posted): void {
    const [from, to] = this.#both(who);
    if (one.read) {
      this.#refuses(to, () => to.receive(from, one.wire), [errors.Duplicate, errors.Replayed]);
    } else {
      expect(to.read(from, one.wire)).toBe(one.words);
      one.read = true;
    }
  }

  damage(who: Who, { wire }: Posted, data: Uint8Array): void {
    const [from, to] = this.#both(who);
    // A known session does not read init, so damage there is no damage.
    if (to.pair(from).find(Message.fromBytes(wire).sessionId) !== null && differsInInitOnly(wire, data)) return;
    this.#refuses(to, () => to.receive(from, data));
  }

  /** Hand a device its own message in the other's name. */
  reflect(who: Who, { wire }: Posted): void {
    const [own, other] = this.#both(who);
    this.#refuses(own, () => own.receive(other, wire));
  }

  #refuses(phone: Phone, call: () => unknown, failures: unknown[] = Object.values(errors.FAILURES)): void {
    const kept = phone.stored();
    let failure: unknown = null;
    try {
      call();
    } catch (error) {
      failure = (error as object).constructor;
    }
    expect(failures).toContain(failure);
    expect(phone.stored()).toBe(kept);
  }

  check(): void {
    for (const who of [0, 1] as const) {
      const [phone, peer] = this.#both(who);
      const { sessions } = phone.pair(peer);
      expect(sessions.length).toBeLessThanOrEqual(MAX_SESSIONS);
      for (const one of sessions) expect(one.ratchet.archive.skippedCount).toBeLessThanOrEqual(MAX_SKIPPED);
    }
  }
}

function differsInInitOnly(wire: Uint8Array, data: Uint8Array): boolean {
  try {
    const [one, other] = [Message.fromBytes(wire), Message.fromBytes(data)];
    return !equal(one.init ?? new Uint8Array(), other.init ?? new Uint8Array());
  } catch {
    return false;
  }
}

type Step = (devices: TwoDevices) => void;

const who = fc.constantFrom<Who>(0, 1);
const part = fc.nat({ max: 2 ** 30 });

/** A step on any message that one side has ever sent: late, early, or again. */
function onAny(step: (devices: TwoDevices, who: Who, one: Posted, part: number) => void): fc.Arbitrary<Step> {
  return fc.tuple(who, part, part).map(([side, which, part]) => (devices) => {
    const sent = devices.sent[side];
    if (sent.length > 0) step(devices, side, sent[which % sent.length]!, part);
  });
}

function weighted(weight: number, arbitrary: fc.Arbitrary<Step>) {
  return { weight, arbitrary };
}

const sendSome = fc.tuple(who, fc.integer({ min: 1, max: 4 })).map(([side, count]): Step => (devices) => {
  for (let n = 0; n < count; n++) devices.send(side);
});
const deliverNewest = who.map((side): Step => (devices) => {
  const newest = devices.sent[side].at(-1);
  if (newest) devices.deliver(side, newest);
});
const flipBit = onAny((devices, side, one, part) => {
  const damaged = one.wire.slice();
  damaged[(part >> 3) % damaged.length]! ^= 1 << (part & 7);
  devices.damage(side, one, damaged);
});
// At most 50 steps of at most ten hours: less than the 30 days after which keys go.
const wait = fc.integer({ min: 1, max: 600 }).map((minutes): Step => (devices) => {
  for (const phone of devices.phones) phone.now += minutes * MINUTE;
});

const STEPS: fc.Arbitrary<Step> = fc.oneof(
  weighted(3, sendSome),
  weighted(3, onAny((devices, side, one) => devices.deliver(side, one))),
  weighted(2, deliverNewest),
  who.map((side): Step => (devices) => devices.start(side)),
  flipBit,
  onAny((devices, side, one, part) => devices.damage(side, one, one.wire.slice(0, part % one.wire.length))),
  onAny((devices, side, one) => devices.reflect(side, one)),
  who.map((side): Step => (devices) => devices.phones[side].restart()),
  wait,
);

test("whatever the network does, each message is read once, as it was written", () => {
  const runs = fc.tuple(fc.boolean(), fc.array(STEPS, { minLength: 5, maxLength: 50, size: "max" }));
  fc.assert(
    fc.property(runs, ([both, steps]) => {
      const devices = new TwoDevices();
      devices.start(0);
      if (both) devices.start(1); // at once
      for (const step of steps) {
        step(devices);
        devices.check();
      }
      // Whatever was not lost for good is read in the end, newest first.
      for (const side of [0, 1] as const) for (const one of devices.sent[side].reverse()) devices.deliver(side, one);
      expect(devices.sent.flat().every((one) => one.read)).toBe(true);
    }),
    { numRuns: 60 },
  );
});
