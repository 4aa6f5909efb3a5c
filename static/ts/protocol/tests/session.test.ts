// The sessions of a pair: which one sends, how many there are, when one goes.

import { beforeAll, beforeEach, describe, expect, test } from "vitest";
import { equal, unhex, utf8 } from "../bytes";
import * as cbor from "../cbor";
import * as errors from "../errors";
import { DAY, MAX_SESSIONS, UNANSWERED_MAX_AGE } from "../limits";
import { ready } from "../primitives";
import * as session from "../session";
import { Message, peek } from "../wire";
import { type Cast, makeCast, type Phone, talkingCast, wait } from "./cast";

beforeAll(ready);

const LASTING = { opk: false, oneTimeKem: false };
const nameOf = (wire: Uint8Array) => peek(wire).sessionId;

/** The message with another init. */
function withInit(wire: Uint8Array, init: Uint8Array | null): Uint8Array {
  const { sessionId, header, body, tag } = Message.fromBytes(wire);
  return new Message(sessionId, header, body, tag, init).toBytes();
}

function sendOn(from: Phone, to: Phone, words: string, id: Uint8Array): Uint8Array {
  return from.sendSealed(to, from.seal(words, to.account), id);
}

describe("from the start", () => {
  let cast: Cast;
  let { alice, bob, tablet, charlie } = {} as Cast;
  beforeEach(() => ({ alice, bob, tablet, charlie } = cast = makeCast()));

  test("the session that decrypted last sends", () => {
    const first = alice.start(bob);
    bob.read(alice, alice.send(bob, "a"));
    alice.read(bob, bob.send(alice, "b"));
    const second = alice.start(bob);
    expect(nameOf(alice.send(bob, "c"))).toEqual(first.id);
    bob.read(alice, sendOn(alice, bob, "d", second.id));
    const answer = bob.send(alice, "e");
    expect(nameOf(answer)).toEqual(second.id);
    alice.read(bob, answer);
    expect(nameOf(alice.send(bob, "f"))).toEqual(second.id);
  });

  test("which session sends does not hang on a clock set back", () => {
    const first = alice.start(bob);
    bob.read(alice, alice.send(bob, "a"));
    const second = alice.start(bob);
    bob.now -= DAY;
    bob.read(alice, sendOn(alice, bob, "b", second.id));
    expect(nameOf(bob.send(alice, "c"))).toEqual(second.id);
    bob.restart();
    expect(nameOf(bob.send(alice, "d"))).toEqual(second.id);
    expect(first.id).not.toEqual(second.id);
  });

  test("five sessions are the most and the idlest goes", () => {
    const started = Array.from({ length: 5 }, () => {
      const one = alice.start(bob, LASTING);
      wait(cast);
      return one;
    });
    const pair = alice.pair(bob);
    expect(pair.sessions).toHaveLength(MAX_SESSIONS);
    const given = { now: alice.now, entropy: alice.dice };
    const sixth = session.startSession(alice.own, alice.account.newest, alice.verified(bob), given);
    const [moved, dropped] = pair.add(sixth);
    expect(dropped).toEqual([started[0]!.id]);
    expect(moved.sessions).toHaveLength(MAX_SESSIONS);
    expect(moved.find(sixth.id)).toBe(sixth);
  });

  test("a sixth session of the peer drops the idlest", () => {
    for (let number = 0; number < 6; number++) {
      const started = alice.start(bob, LASTING);
      const received = bob.receive(alice, sendOn(alice, bob, "x", started.id));
      expect(received.dropped).toHaveLength(number === 5 ? 1 : 0);
      wait(cast);
    }
    expect(bob.pair(alice).sessions).toHaveLength(MAX_SESSIONS);
  });

  test("a session without an answer for thirty days is dropped", () => {
    const started = alice.start(bob);
    alice.send(bob, "hello?");
    wait(cast, UNANSWERED_MAX_AGE);
    alice.send(bob, "hello?");
    wait(cast, 1);
    const [pair, dropped] = alice.pair(bob).tidy({ now: alice.now });
    expect(dropped).toEqual([started.id]);
    expect(pair.sessions).toEqual([]);
    expect(() => alice.send(bob, "hello?")).toThrow(errors.UnknownSession);
  });

  test("nothing is sent without a session", () => {
    expect(() => alice.send(bob, "x")).toThrow(errors.UnknownSession);
  });

  test("an unknown suite is unsupported and changes nothing", () => {
    alice.start(bob);
    const wire = alice.send(bob, "x");
    expect(() => bob.receive(alice, withInit(wire, unhex("8102")))).toThrow(errors.Unsupported);
    expect(() => bob.receive(alice, withInit(wire, unhex("80")))).toThrow(errors.Malformed);
    expect(bob.pairs.size).toBe(0);
  });

  test("one content for all devices has one tag", () => {
    const sealed = bob.seal("to both", alice.account);
    const wires = [alice, tablet].map((device) => {
      bob.start(device);
      return bob.sendSealed(device, sealed);
    });
    for (const wire of wires) expect(peek(wire).tag).toEqual(sealed.tag);
    expect([alice.read(bob, wires[0]!), tablet.read(bob, wires[1]!)]).toEqual(["to both", "to both"]);
    // Nobody else's device opens either of them.
    for (const wire of wires) expect(() => charlie.receive(bob, wire)).toThrow(errors.ProtocolError);
  });

  test.each([
    ["in its own chat", "bob", null],
    ["moved to another chat", "charlie", errors.Malformed],
    ["without a chat", null, errors.Malformed],
  ] as const)("a copy for one's own other device, %s", (_, chatWith, failure) => {
    alice.start(tablet);
    const wire = alice.sendSealed(tablet, alice.seal("to bob", bob.account));
    const received = tablet.receive(alice, wire, { chatWith: chatWith && cast[chatWith].account });
    if (failure === null) expect(received.failure).toBeNull();
    else expect(received.failure).toBeInstanceOf(failure);
  });
});

describe("between two devices that have talked", () => {
  let cast: Cast;
  let { alice, bob, charlie } = {} as Cast;
  beforeEach(() => ({ alice, bob, charlie } = cast = talkingCast()));

  test("an answered session stays", () => {
    wait(cast, 10 * UNANSWERED_MAX_AGE);
    expect(bob.read(alice, alice.send(bob, "long ago"))).toBe("long ago");
  });

  test("pairs and sessions survive the store", () => {
    const late = alice.send(bob, "late");
    bob.read(alice, alice.send(bob, "x"));
    const pair = bob.pair(alice);
    expect(session.Pair.fromBytes(pair.toBytes())).toEqual(pair);
    expect(session.Pair.fromBytes(pair.toBytes()).toBytes()).toEqual(pair.toBytes());
    const rows = [...pair.sessions].reverse().map((one) => session.Session.fromBytes(one.toBytes()));
    expect(session.Pair.of(pair.account, pair.device, rows)).toEqual(pair);
    bob.restart();
    expect(bob.read(alice, late)).toBe("late");
  });

  test("a stored session of another version is malformed", () => {
    const fields = cbor.decode(alice.pair(bob).sessions[0]!.toBytes()) as unknown[];
    expect(() => session.Session.fromBytes(cbor.encode([2, ...fields.slice(1)]))).toThrow(errors.Malformed);
  });

  test.each(["8102", "8100", "8600", "8703", "81f5", "80", "00", "f6", "a0"])("another form is refused: %s", (data) => {
    const failure = ["8102", "8100"].includes(data) ? errors.Unsupported : errors.Malformed;
    expect(() => bob.receive(alice, unhex(data))).toThrow(failure);
  });

  test("init of a known session is not read", () => {
    expect(bob.read(alice, withInit(alice.send(bob, "x"), utf8("rubbish")))).toBe("x");
  });

  test("a message does not open on another device's pair", () => {
    // The server says that alice's message is charlie's.
    const wire = alice.send(bob, "x");
    expect(() => bob.receive(charlie, wire)).toThrow(errors.UnknownSession);
  });

  test("an envelope goes with its own pair", () => {
    const { account: sender, device: senderDevice } = charlie.own;
    const envelope = { sender, senderDevice, wire: new Uint8Array() };
    const call = () => session.receive(bob.own, bob.pair(alice), envelope, bob, { now: bob.now });
    expect(call).toThrow(RangeError);
  });

  test("a retry of one content is encrypted anew under the same tag", () => {
    const sealed = alice.seal("again", bob.account);
    const [first, second] = [alice.sendSealed(bob, sealed), alice.sendSealed(bob, sealed)];
    expect(equal(first, second)).toBe(false);
    expect(peek(first).tag).toEqual(peek(second).tag);
    expect(bob.read(alice, second)).toBe("again");
  });

  test("a message in the wrong conversation is not shown, nor one under another id", () => {
    const moved = alice.sendSealed(bob, alice.seal("for charlie", charlie.account));
    expect(bob.receive(alice, moved).failure).toBeInstanceOf(errors.Malformed);
    const renamed = bob.receive(alice, alice.send(bob, "x"), { messageId: new Uint8Array(16) });
    expect(renamed.failure).toBeInstanceOf(errors.Malformed);
  });
});
