// The ratchet reads each message once, in any order, and never what was changed on the way.

import { beforeAll, beforeEach, describe, expect, test } from "vitest";
import { Retry } from "../body";
import { equal, hex } from "../bytes";
import { Sealed } from "../content";
import * as errors from "../errors";
import * as kem from "../kem";
import { KEM_PERIOD, MAX_JUMP, MAX_SKIPPED, SKIPPED_MAX_AGE } from "../limits";
import { cseal, DhKey, hmac, ready } from "../primitives";
import * as ratchet from "../ratchet";
import type { Ratchet } from "../ratchet_state";
import { secret } from "../secret";
import { Session } from "../session";
import { Header, Message, peek } from "../wire";
import { Dice, makeCast, type Phone, some, talkingCast, wait } from "./cast";

beforeAll(ready);

const state = (phone: Phone, peer: Phone): Ratchet => phone.pair(peer).sessions[0]!.ratchet;
const header = (wire: Uint8Array): Header => Header.fromBytes(Message.fromBytes(wire).header);
const filled = (size: number, value = 0): Uint8Array => new Uint8Array(size).fill(value);
const WEAK_POINTS = [filled(32), Uint8Array.of(1, ...filled(31)), filled(32, 0xff)];

function changed(before: Header, change: Partial<Header>): Header {
  const { dh, pn, n, ek, ct } = Object.assign({}, before, change);
  return new Header(dh, pn, n, ek, ct);
}

/** The message with another header, as somebody on the way can make it. */
function forged(wire: Uint8Array, change: Partial<Header>): Uint8Array {
  const { sessionId, body, tag, init } = Message.fromBytes(wire);
  return new Message(sessionId, changed(header(wire), change).toBytes(), body, tag, init).toBytes();
}

/** The message is refused, and nothing has changed. */
function refuses(phone: Phone, peer: Phone, wire: Uint8Array, failure: new () => errors.ProtocolError): void {
  const before = phone.pair(peer);
  const kept = phone.stored();
  expect(() => phone.receive(peer, wire)).toThrow(failure);
  if (before.sessions.length > 0) expect(phone.pair(peer)).toBe(before);
  expect(phone.stored()).toBe(kept);
}

/** A message whose sender itself breaks the rules: another header, properly sealed. */
function resealed(sender: Phone, peer: Phone, change: Partial<Header>, init: Uint8Array | null = null): Uint8Array {
  const { sending, own, transcript } = state(sender, peer);
  const { key, pn, n, ek, ct } = some(sending);
  const lie = changed(new Header(own.public, pn, n, ek, ct), change).toBytes();
  const { padded, tag } = sender.seal("broken", peer.account);
  const body = cseal(hmac(key, Uint8Array.of(1)), "dr", ratchet.associatedData(transcript, lie, tag), padded);
  return new Message(sender.pair(peer).sessions[0]!.id, lie, body, tag, init).toBytes();
}

describe("between two devices that have talked", () => {
  let { alice, bob, ...cast } = {} as ReturnType<typeof talkingCast>;
  beforeEach(() => ({ alice, bob, ...cast } = talkingCast()));
  const send = (words: string) => alice.send(bob, words);
  const read = (wire: Uint8Array) => bob.read(alice, wire);
  const answer = () => alice.read(bob, bob.send(alice, "answer"));
  const later = (time: number) => wait({ alice, bob, ...cast }, time);

  /** Bob answers, alice reads, and so makes a new chain: the header of its first message. */
  function oneRound(): Header {
    answer();
    const wire = send("new chain");
    read(wire);
    return header(wire);
  }

  test("messages are read out of order, once each", () => {
    const wires = Array.from({ length: 8 }, (_, n) => send(String(n)));
    for (const n of [3, 0, 7, 1, 2, 6, 5, 4]) expect(read(wires[n]!)).toBe(String(n));
    for (const wire of wires) refuses(bob, alice, wire, errors.Duplicate);
    expect(state(bob, alice).archive.skippedCount).toBe(0);
  });

  test("late messages of older chains are read", () => {
    const late = Array.from({ length: 6 }, (_, n) => {
      const wire = send(`late ${n}`);
      read(send("in time"));
      answer();
      return wire;
    });
    for (const [n, wire] of [...late.entries()].reverse()) {
      expect(read(wire)).toBe(`late ${n}`);
      refuses(bob, alice, wire, errors.Duplicate);
    }
  });

  test("a message of a finished chain without a key is a duplicate", () => {
    const wire = send("read");
    read(wire);
    answer();
    read(send("next chain"));
    refuses(bob, alice, wire, errors.Duplicate);
    refuses(bob, alice, forged(wire, { n: 77 }), errors.Duplicate);
  });

  test("a replay after a restart is a duplicate", () => {
    const [early, wire] = [send("skipped"), send("once")];
    read(wire);
    read(early);
    bob.restart();
    refuses(bob, alice, wire, errors.Duplicate);
    refuses(bob, alice, early, errors.Duplicate);
  });

  test("any flipped bit is refused and changes nothing", () => {
    const wire = send("untouched");
    for (let position = 0; position < wire.length; position += position < 90 ? 1 : 23) {
      const damaged = wire.slice();
      damaged[position]! ^= 1 << (position % 8);
      refuses(bob, alice, damaged, errors.ProtocolError as never);
    }
    expect(read(wire)).toBe("untouched");
  });

  test("a KEM key is due after fifty messages of this side", () => {
    // alice's first chain carried one and sent one message; each round of this test sends one more.
    oneRound();
    for (let n = 0; n < 47; n++) read(send("many"));
    expect(state(alice, bob).sentSinceEk).toBe(49);
    expect(oneRound().ek).toBeNull();
    expect(state(alice, bob).sentSinceEk).toBe(50);
    expect(oneRound().ek).not.toBeNull();
    expect(state(alice, bob).sentSinceEk).toBe(1);
  });

  test("a KEM key is due after a day", () => {
    later(KEM_PERIOD - 1);
    expect(oneRound().ek).toBeNull();
    later(1);
    expect(oneRound().ek).not.toBeNull();
    later(KEM_PERIOD - 1);
    expect(oneRound().ek).toBeNull();
  });

  test("an oversized counter in the current chain is refused", () => {
    read(send("0"));
    const wire = send("1");
    for (const n of [2_002, 2 ** 53 - 1]) refuses(bob, alice, forged(wire, { n }), errors.TooFar);
    refuses(bob, alice, forged(wire, { n: 2_001 }), errors.Undecryptable);
  });

  test.each(["n", "pn"] as const)("an oversized %s of a new chain is refused", (place) => {
    const wire = send("new chain");
    const most = MAX_JUMP + (place === "pn" ? some(state(bob, alice).receiving).n : 0);
    refuses(bob, alice, forged(wire, { [place]: most + 1 }), errors.TooFar);
    refuses(bob, alice, forged(wire, { [place]: most }), errors.Undecryptable);
  });

  test("the longest allowed jump is read and the next is not", () => {
    const wires = Array.from({ length: MAX_JUMP + 2 }, (_, n) => send(String(n)));
    refuses(bob, alice, wires.at(-1)!, errors.TooFar);
    expect(read(wires.at(-2)!)).toBe(String(MAX_JUMP));
    expect(read(wires.at(-1)!)).toBe(String(MAX_JUMP + 1));
    expect(state(bob, alice).archive.skippedCount).toBe(MAX_SKIPPED);
    expect(read(wires[0]!)).toBe("0");
  });

  test("the oldest skipped keys go first", () => {
    const first = Array.from({ length: 4 }, (_, n) => send(String(n)));
    read(first[3]!);
    answer();
    const second = Array.from({ length: MAX_SKIPPED }, (_, n) => send(String(n)));
    expect(read(second.at(-1)!)).toBe(String(MAX_SKIPPED - 1));
    // 3 + 1,999 keys: the two oldest are gone.
    for (const n of [0, 1]) refuses(bob, alice, first[n]!, errors.Duplicate);
    expect(read(first[2]!)).toBe("2");
    expect(read(second[0]!)).toBe("0");
  });

  test("a skipped key is kept thirty days", () => {
    const [late, tooLate] = [send("late"), send("later")];
    read(send("in time"));
    later(SKIPPED_MAX_AGE);
    expect(read(late)).toBe("late");
    later(1);
    refuses(bob, alice, tooLate, errors.Duplicate);
    const [pair, gone] = bob.pair(alice).tidy({ now: bob.now });
    expect(pair.sessions[0]!.ratchet.archive.skippedCount).toBe(0);
    expect(gone).toEqual([]);
  });

  test("storing a key drops those older than thirty days", () => {
    const skip = () => [send("skipped"), read(send("in time"))];
    skip();
    later(SKIPPED_MAX_AGE + 1);
    read(send("in order"));
    expect(state(bob, alice).archive.skippedCount).toBe(1);
    skip();
    expect(state(bob, alice).archive.skipped.map((one) => one.stored)).toEqual([bob.now]);
  });

  test("of several faults the first one of the specification's order is named", () => {
    const wire = send("x");
    const [ct, weak] = [filled(kem.CIPHERTEXT_SIZE), filled(32)];
    read(wire);
    answer();
    const next = send("y");
    refuses(bob, alice, forged(next, { ct, n: 2_001, pn: 3_000, dh: weak }), errors.KemStep);
    refuses(bob, alice, forged(next, { ct, n: 0, dh: header(wire).dh }), errors.Duplicate);
    refuses(bob, alice, forged(next, { pn: 3_000, dh: weak }), errors.TooFar);
    refuses(bob, alice, forged(next, { dh: weak }), errors.BadKey);
    expect(read(next)).toBe("y");
  });

  test("a previous counter below what was received skips nothing", () => {
    for (let n = 0; n < 3; n++) read(send("x"));
    answer();
    expect(read(resealed(alice, bob, { pn: 1 }))).toBe("broken");
    expect(state(bob, alice).archive.skippedCount).toBe(0);
  });

  test("one's own message sent back is refused", () => {
    // Reflection: the server hands alice what alice sent, in bob's name.
    for (const failure of [errors.KemStep, errors.Undecryptable]) {
      const mine = send("mine");
      refuses(alice, bob, mine, failure);
      expect(read(mine)).toBe("mine");
      answer();
    }
  });

  test("a restored older state repeats no key stream", () => {
    // State rollback: the same message key twice, and yet two independent sealings.
    const restore = alice.snapshot();
    const first = send("attack at dawn");
    restore();
    const second = send("attack at noon");
    const [one, two] = [Message.fromBytes(first), Message.fromBytes(second)];
    expect(one.header).toEqual(two.header);
    expect(equal(one.body.subarray(0, 24), two.body.subarray(0, 24))).toBe(false);
    const alike = one.body.slice(56).filter((value, index) => value === two.body[56 + index]);
    expect(alike.length).toBeLessThan(20); // with a repeated stream most of the padding would be alike
    expect(read(first)).toBe("attack at dawn");
    refuses(bob, alice, second, errors.Duplicate);
  });

  test("a weak ratchet key of the peer is refused", () => {
    const wire = send("x");
    for (const dh of WEAK_POINTS) refuses(bob, alice, forged(wire, { dh }), errors.BadKey);
  });

  test("what fails after opening still moves the ratchet", () => {
    const wire = alice.sendSealed(bob, new Sealed(alice.seal("x", bob.account).padded, filled(32)));
    const received = bob.receive(alice, wire);
    expect(received.failure).toBeInstanceOf(errors.BadFranking);
    expect(received.content).toBeNull();
    refuses(bob, alice, wire, errors.Duplicate);
    expect(read(send("y"))).toBe("y");
  });

  test("a retry names a message by what its outside says", () => {
    const seen = peek(send("x"));
    const retry = new Retry(seen.sessionId, seen.dh, seen.n);
    expect(retry.sessionId).toEqual(bob.pair(alice).sessions[0]!.id);
    expect(Session.fromBytes(alice.pair(bob).sessions[0]!.toBytes()).id).toEqual(retry.sessionId);
  });
});

describe("between two devices that begin", () => {
  let { alice, bob } = {} as ReturnType<typeof makeCast>;
  beforeEach(() => {
    ({ alice, bob } = makeCast());
    alice.start(bob);
  });

  test("the first KEM steps go both ways", () => {
    const carried: string[] = [];
    let [from, to] = [alice, bob];
    for (const words of ["1", "2", "3", "4"]) {
      const wire = from.send(to, words);
      const { ek, ct } = header(wire);
      carried.push([ek && "ek", ct && "ct"].filter(Boolean).join(" "));
      expect(to.read(from, wire)).toBe(words);
      [from, to] = [to, from];
    }
    expect(carried).toEqual(["ek", "ek ct", "ct", ""]);
  });

  test("every message of a chain carries its KEM values", () => {
    const wires = ["0", "1", "2"].map((words) => alice.send(bob, words));
    expect(new Set(wires.map((wire) => hex(some(header(wire).ek)))).size).toBe(1);
    expect(bob.read(alice, wires[2]!)).toBe("2"); // whichever arrives first brings the key
    const answers = ["0", "1", "2"].map((words) => bob.send(alice, words));
    expect(new Set(answers.map((wire) => hex(some(header(wire).ct)))).size).toBe(1);
    expect(alice.read(bob, answers[1]!)).toBe("1");
  });

  test("stripping the awaited KEM answer is refused", () => {
    bob.read(alice, alice.send(bob, "1"));
    const answer = bob.send(alice, "2");
    refuses(alice, bob, forged(answer, { ct: null }), errors.KemStep);
    refuses(alice, bob, resealed(bob, alice, { ct: null }), errors.KemStep);
    expect(alice.read(bob, answer)).toBe("2");
  });

  test("a KEM answer that nobody awaits is refused", () => {
    const ct = filled(kem.CIPHERTEXT_SIZE);
    const first = alice.send(bob, "1");
    refuses(bob, alice, forged(first, { ct }), errors.KemStep);
    expect(bob.read(alice, first)).toBe("1");
    for (let n = 0; n < 2; n++) {
      alice.read(bob, bob.send(alice, "x"));
      bob.read(alice, alice.send(bob, "y"));
    }
    const wire = bob.send(alice, "z");
    refuses(alice, bob, forged(wire, { ct }), errors.KemStep);
    expect(alice.read(bob, wire)).toBe("z");
  });

  test.each(["ek", "ct"] as const)("a tampered %s does not open", (field) => {
    bob.read(alice, alice.send(bob, "1"));
    const answer = bob.send(alice, "2");
    const value = some(header(answer)[field]).slice();
    value[0]! ^= 1;
    refuses(alice, bob, forged(answer, { [field]: value }), errors.Undecryptable);
    expect(alice.read(bob, answer)).toBe("2");
  });

  test("a stripped KEM key does not open", () => {
    refuses(bob, alice, forged(alice.send(bob, "1"), { ek: null }), errors.Undecryptable);
  });

  test("an authentic KEM key that is no key keeps nothing", () => {
    const { init } = Message.fromBytes(alice.send(bob, "1"));
    const bad = resealed(alice, bob, { ek: filled(kem.PUBLIC_SIZE, 0xff), n: 1 }, init);
    refuses(bob, alice, bad, errors.BadKey);
    expect(bob.privatePrekey("opk", 1)).not.toBeNull();
    expect(bob.seenEks.size).toBe(0);
  });

  test("one's own first message sent back is refused", () => {
    const mine = alice.send(bob, "mine");
    for (let n = 0; n < 2; n++) refuses(alice, bob, mine, errors.KemStep);
    alice.pairs.clear();
    refuses(alice, bob, mine, errors.Malformed);
  });
});

test("a responder sends nothing before it has read", () => {
  const waiting = ratchet.answer(filled(32), secret(filled(32)), DhKey.generate(new Dice("spk")));
  const entropy = new Dice("x");
  expect(() => ratchet.encrypt(waiting, filled(256), filled(32), { entropy })).toThrow(errors.UnknownSession);
});

test("a root step depends on everything that goes in", () => {
  interface Inputs {
    root?: number;
    share?: number;
    ss?: number | null;
    ct?: number | null;
  }
  const step = ({ root = 1, share = 2, ss = 3, ct = 4 }: Inputs) => {
    const kem = [ss === null ? null : filled(32, ss), ct === null ? null : filled(1088, ct)] as const;
    return ratchet.kdfRk(secret(filled(32, root)), filled(32, share), ...kem).map(hex).join();
  };
  const steps = [{}, { root: 9 }, { share: 9 }, { ss: 9 }, { ct: 9 }, { ss: null, ct: null }].map(step);
  expect(new Set(steps).size).toBe(6);
});
