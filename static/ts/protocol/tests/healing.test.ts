// A conversation whose sessions are damaged heals: what failed can be named, sent again, and is read once.

import fc from "fast-check";
import { beforeAll, expect, test } from "vitest";
import { Reset, Retry, type Body } from "../body";
import { hex } from "../bytes";
import { seal, Sealed } from "../content";
import * as errors from "../errors";
import { ready } from "../primitives";
import * as session from "../session";
import { peek } from "../wire";
import { makeCast, type Phone, some, talkingCast } from "./cast";

beforeAll(ready);

type Log = Map<string, Uint8Array>;

const named = (id: Uint8Array, dh: Uint8Array, n: number) => `${hex(id)} ${hex(dh)} ${n}`;

function send(sender: Phone, peer: Phone, sealed: Sealed): session.Sent {
  const sent = session.encrypt(sender.pair(peer), sealed, { now: sender.now, entropy: sender.dice });
  sender.pairs.set(hex(peer.own.device), sent.pair);
  return sent;
}

function logged(log: Log, sent: session.Sent, sealed: Sealed): void {
  log.set(named(sent.session.id, sent.dh, sent.n), sealed.padded);
}

function control(sender: Phone, peer: Phone, body: Body): Sealed {
  return seal({ ...sender.text("", peer.account), body, counter: 0 }, sender.dice);
}

test("both sides name a message alike, also when it cannot be read", () => {
  const { alice, bob } = talkingCast();
  for (let chain = 0; chain < 2; chain++) {
    for (let number = 0; number < 3; number++) {
      const sent = send(alice, bob, alice.seal("x", bob.account));
      const damaged = sent.wire.with(-5, some(sent.wire.at(-5)) ^ 1);
      for (const wire of [sent.wire, damaged]) {
        const { sessionId, dh, n } = peek(wire);
        expect(named(sessionId, dh, n)).toBe(named(sent.session.id, sent.dh, sent.n));
      }
      bob.read(alice, sent.wire);
    }
    alice.read(bob, bob.send(alice, "a new chain"));
  }
});

/** A new session, a `retry` over it, and what was asked for from the send log. */
function askAndRepair(asking: Phone, sending: Phone, failed: Uint8Array, log: Log): string {
  const fresh = asking.start(sending);
  const { sessionId, dh, n } = peek(failed);
  const retry = control(asking, sending, new Retry(sessionId, dh, n));
  const asked = some(sending.receive(asking, asking.sendSealed(sending, retry, fresh.id)).content).body as Retry;
  const kept = some(log.get(named(asked.sessionId, asked.dh, asked.n)));
  const again = send(sending, asking, Sealed.fromBytes(kept));
  expect(again.session.id).toEqual(fresh.id); // the one that decrypted last
  return asking.read(sending, again.wire);
}

test("a lost session heals and the message is the same", () => {
  const { alice, bob } = talkingCast();
  const log: Log = new Map();
  const sealed = alice.seal("again", bob.account);
  const sent = send(alice, bob, sealed);
  logged(log, sent, sealed);
  bob.pairs.delete(hex(alice.own.device));
  expect(() => bob.read(alice, sent.wire)).toThrow(errors.UnknownSession);
  expect(askAndRepair(bob, alice, sent.wire, log)).toBe("again");
  expect(bob.read(alice, alice.send(bob, "next"))).toBe("next");
});

test("a session damaged anywhere heals and nothing is read twice", () => {
  const property = fc.property(fc.boolean(), fc.nat(), fc.nat(7), (answered, at, bit) => {
    const { alice, bob } = makeCast();
    alice.start(bob);
    bob.read(alice, alice.send(bob, "hello"));
    if (answered) alice.read(bob, bob.send(alice, "hi"));
    const pair = bob.pair(alice);
    const stored = Uint8Array.from(some(pair.sessions[0]).toBytes());
    const place = at % stored.length;
    stored[place] = some(stored[place]) ^ (1 << bit);
    bob.pairs.set(hex(alice.own.device), session.Pair.of(pair.account, pair.device, readable(stored)));

    const log: Log = new Map();
    for (const words of ["first", "second"]) {
      const sealed = alice.seal(words, bob.account);
      const sent = send(alice, bob, sealed);
      logged(log, sent, sealed);
      let read = "";
      try {
        read = bob.read(alice, sent.wire);
      } catch (failure) {
        expect(failure).toBeInstanceOf(errors.ProtocolError);
        read = askAndRepair(bob, alice, sent.wire, log);
        expect(() => bob.receive(alice, sent.wire)).toThrow(errors.ProtocolError);
      }
      expect(read).toBe(words);
    }
    expect(bob.read(alice, alice.send(bob, "next"))).toBe("next");
  });
  fc.assert(property, { numRuns: 60 });
});

// A row that does not read is dropped like one that never was.
function readable(stored: Uint8Array): session.Session[] {
  try {
    return [session.Session.fromBytes(stored)];
  } catch (failure) {
    expect(failure).toBeInstanceOf(errors.Malformed);
    return [];
  }
}

test("a reset leaves the session it came on", () => {
  const { alice, bob } = talkingCast();
  const old = some(alice.pair(bob).sessions[0]);
  const onItsWay = bob.send(alice, "on its way");
  const fresh = bob.start(alice);
  const received = alice.receive(bob, bob.sendSealed(alice, control(bob, alice, new Reset()), fresh.id));
  expect(some(received.content).body).toEqual(new Reset());
  expect(received.pair.sessions.length).toBe(2);
  const [kept, dropped] = received.pair.only(received.session.id);
  expect(kept.sessions.map((one) => one.id)).toEqual([fresh.id]);
  expect(dropped).toEqual([old.id]);
  alice.pairs.set(hex(bob.own.device), kept);
  expect(() => alice.read(bob, onItsWay)).toThrow(errors.UnknownSession);
  expect(bob.read(alice, alice.send(bob, "after it"))).toBe("after it");
});

test("a session that is alone stays alone", () => {
  const { alice, bob } = talkingCast();
  const pair = alice.pair(bob);
  expect(pair.only(some(pair.sessions[0]).id)).toEqual([pair, []]);
});
