// Sessions start from a bundle, and from nothing else.

import { beforeAll, beforeEach, expect, test } from "vitest";
import { equal, hex, utf8 } from "../bytes";
import * as cbor from "../cbor";
import { listed, signList } from "../device_list";
import * as errors from "../errors";
import { OwnDevice } from "../keys";
import * as pqxdh from "../pqxdh";
import { NONE_SEEN, verifyBundle, type VerifiedBundle } from "../prekeys";
import { ready, sha256 } from "../primitives";
import { secret } from "../secret";
import * as session from "../session";
import { Init, Message } from "../wire";
import { type Cast, makeCast, NOW, type Phone, some } from "./cast";

beforeAll(ready);

let { alice, bob, tablet, charlie } = {} as Cast;
beforeEach(() => ({ alice, bob, tablet, charlie } = makeCast()));

const filled = (size: number, value = 0): Uint8Array => new Uint8Array(size).fill(value);

/** The message with one field of its init changed, as somebody on the way can do it. */
function forged(wire: Uint8Array, index: number, change: (field: unknown) => unknown): Uint8Array {
  const { sessionId, header, body, tag, init } = Message.fromBytes(wire);
  const fields = [...(cbor.decode(some(init)) as unknown[])];
  fields[index] = change(fields[index]);
  return new Message(sessionId, header, body, tag, cbor.encode(fields)).toBytes();
}

/** The first message is refused, and nothing has changed: no session, no prekey used, no EK remembered. */
function refuses(peer: Phone, wire: Uint8Array, failure: new () => errors.ProtocolError): void {
  const kept = bob.stored();
  expect(() => bob.receive(peer, wire)).toThrow(failure);
  expect(bob.stored()).toBe(kept);
}

/** alice's first message to bob. */
function first(options: Parameters<Phone["start"]>[1] = {}): Uint8Array {
  alice.start(bob, options);
  return alice.send(bob, "hello");
}

test.each([
  [true, true, [["opk", 1], ["okpk", 1]]],
  [true, false, [["opk", 1]]],
  [false, true, [["okpk", 1]]],
  [false, false, []],
] as const)("a first message opens with one-time keys %s %s", (opk, oneTimeKem, used) => {
  const received = bob.receive(alice, first({ opk, oneTimeKem }));
  expect([received.failure, received.isNewSession, received.deletePrekeys]).toEqual([null, true, used]);
  expect(alice.read(bob, bob.send(alice, "hi"))).toBe("hi");
});

test("init rides until an answer has been read", () => {
  alice.start(bob);
  const [one, two] = [alice.send(bob, "one"), alice.send(bob, "two")];
  expect(bob.read(alice, two)).toBe("two");
  const answer = bob.send(alice, "answer");
  expect(Message.fromBytes(alice.send(bob, "three")).init).not.toBeNull();
  expect(alice.read(bob, answer)).toBe("answer");
  expect(Message.fromBytes(alice.send(bob, "four")).init).toBeNull();
  expect(bob.read(alice, one)).toBe("one");
});

test("a replayed first message opens nothing", () => {
  const wire = first();
  bob.read(alice, wire);
  refuses(alice, wire, errors.Duplicate);
  bob.pairs.clear(); // the session is gone, the memory of H(EK) is not
  bob.restart();
  refuses(alice, wire, errors.Replayed);
});

test.each(["spk 1", "opk 1", "okpk 1"])("a first message for the deleted prekey %s is refused", (place) => {
  const wire = first();
  bob.privates.delete(place);
  refuses(alice, wire, errors.UnknownPrekey);
});

test("a pre-shared key takes part and is used once", () => {
  const psk = secret(filled(16, 7));
  bob.psks.set(hex(pqxdh.pskId(psk)), psk);
  const received = bob.receive(alice, first({ psk }));
  expect(received.usedPsk).toEqual(pqxdh.pskId(psk));
  const again = alice.start(bob, { psk });
  refuses(alice, alice.sendSealed(bob, alice.seal("again", bob.account), again.id), errors.UnknownPrekey);
});

test("a wrong pre-shared key under the right id opens nothing", () => {
  const psk = secret(filled(16, 7));
  bob.psks.set(hex(pqxdh.pskId(psk)), secret(filled(16, 8)));
  refuses(alice, first({ psk }), errors.Undecryptable);
});

test("a message of an unknown session without init is refused", () => {
  bob.read(alice, first());
  alice.read(bob, bob.send(alice, "hi"));
  const wire = alice.send(bob, "hello");
  bob.pairs.clear();
  refuses(alice, wire, errors.UnknownSession);
});

test("a first message passed off as another device's is refused", () => {
  const wire = first();
  refuses(charlie, wire, errors.Malformed);
  refuses(tablet, wire, errors.Malformed);
  expect(bob.read(alice, wire)).toBe("hello");
});

test("a first message under another session id opens nothing", () => {
  const wire = first();
  const { header, body, tag, init } = Message.fromBytes(wire);
  refuses(alice, new Message(utf8("another id, 16 b"), header, body, tag, init).toBytes(), errors.Undecryptable);
  expect(bob.read(alice, wire)).toBe("hello");
});

/** alice's device under other keys, as a renewed list may show it. */
function renewed(change: Partial<OwnDevice>): OwnDevice {
  const { account, device, accountKey, signing, identity } = Object.assign({}, alice.own, change);
  return new OwnDevice(account, device, accountKey, signing, identity);
}

test.each<[string, () => void]>([
  ["whose lists are not known", () => bob.knownLists.clear()],
  [
    "whose named list is not known",
    () => {
      alice.account.publish(alice.own, tablet.own);
      bob.knownLists.set(hex(alice.account.id), [alice.account.newest]);
    },
  ],
  [
    "that was removed since",
    () => {
      alice.account.publish(tablet.own);
      bob.learn(alice.account);
    },
  ],
  [
    "whose keys changed between the lists",
    () => {
      alice.account.publish(renewed({ signing: makeCast("other").alice.own.signing }));
      bob.learn(alice.account);
    },
  ],
  [
    "whose account key changed between the lists",
    () => {
      const { key } = makeCast("other").alice.account;
      const entry = listed(renewed({ accountKey: key.public }), { added: NOW });
      const other = signList(key, alice.account.id, [entry], { previous: null, now: NOW });
      some(bob.knownLists.get(hex(alice.account.id))).push(other);
    },
  ],
])("a device %s starts nothing", (_, change) => {
  const wire = first();
  change();
  refuses(alice, wire, errors.NotListed);
});

test("of several faults the first one of the specification's order is named", () => {
  const wire = first();
  bob.seenEks.set(hex(sha256(Init.fromBytes(some(Message.fromBytes(wire).init)).ek)), 1);
  const kept = [...bob.privates];
  bob.knownLists.clear();
  bob.privates.clear();
  const renamed = (data: Uint8Array) => {
    const { header, body, tag, init } = Message.fromBytes(data);
    return new Message(filled(16), header, body, tag, init).toBytes();
  };
  const weak = renamed(forged(wire, 4, () => filled(32)));
  bob.seenEks.set(hex(sha256(filled(32))), 1);
  refuses(alice, forged(weak, 0, () => 2), errors.Unsupported);
  refuses(charlie, weak, errors.Malformed);
  refuses(alice, weak, errors.Replayed);
  bob.seenEks.clear();
  refuses(alice, weak, errors.NotListed);
  bob.learn(alice.account);
  refuses(alice, weak, errors.UnknownPrekey);
  for (const [place, one] of kept) bob.privates.set(place, one);
  refuses(alice, weak, errors.BadKey);
  refuses(alice, renamed(wire), errors.Undecryptable);
  expect(bob.read(alice, wire)).toBe("hello");
});

test("a ghost device, never on a list, starts nothing and is sent nothing", () => {
  const ghost = makeCast("ghost").tablet; // of alice's account by its own word, not by her signature
  for (const one of [bob.account, ghost.account]) ghost.learn(one);
  ghost.start(bob);
  refuses(ghost, ghost.send(bob, "hello"), errors.NotListed);
  const newest = some(bob.newestList(alice.account.id));
  const call = () => verifyBundle(ghost.bundle(), newest, ghost.own.device, NONE_SEEN, { now: NOW });
  expect(call).toThrow(errors.NotListed);
});

test("a prekey that the server put in a bundle starts nothing", () => {
  const { own } = makeCast("server").bob;
  const fake = makeCast("server").bob.bundle();
  const newest = some(alice.newestList(bob.account.id));
  expect(own.device).not.toEqual(bob.own.device);
  const bundle = Object.assign(bob.bundle(), { spk: fake.spk });
  expect(() => verifyBundle(bundle, newest, bob.own.device, NONE_SEEN, { now: NOW })).toThrow(errors.BadSignature);
});

test("a device missing from its own list starts no session", () => {
  const verified = alice.verified(bob);
  const call = () => session.startSession(alice.own, charlie.account.newest, verified, { now: alice.now });
  expect(call).toThrow(errors.NotListed);
});

test("an unknown key share gives no session", () => {
  // charlie lists bob's identity key as his own: what alice sends to charlie must not open at bob's.
  const { account, accountKey } = charlie.own;
  const asCharlie: VerifiedBundle = { ...alice.verified(bob), account, accountKey };
  const given = { now: alice.now, entropy: alice.dice };
  const started = session.startSession(alice.own, alice.account.newest, asCharlie, given);
  const [pair] = new session.Pair(account, bob.own.device).add(started);
  const sealed = alice.seal("for charlie", charlie.account);
  refuses(alice, session.encrypt(pair, sealed, { now: alice.now }).wire, errors.Undecryptable);
});

test.each([["ephemeral key", 4], ["KEM ciphertext", 9]] as const)("a tampered %s opens nothing", (_, index) => {
  const flip = (field: unknown) => (field as Uint8Array).map((value, at) => (at === 0 ? value ^ 1 : value));
  const wire = first();
  refuses(alice, forged(wire, index, flip), errors.Undecryptable);
  expect(bob.read(alice, wire)).toBe("hello");
});

test.each([filled(32), Uint8Array.of(1, ...filled(31)), filled(32, 0xff)])("a weak ephemeral key: %#", (point) => {
  refuses(alice, forged(first(), 4, () => point), errors.BadKey);
});

test("leaving a one-time key out of init opens nothing", () => {
  refuses(alice, forged(first(), 6, () => null), errors.Undecryptable);
});

test("a weak key in a bundle starts nothing", () => {
  const weak = { ...alice.verified(bob), spk: filled(32) };
  const call = () => session.startSession(alice.own, alice.account.newest, weak, { now: alice.now });
  expect(call).toThrow(errors.BadKey);
});

test("both sides starting at once end in two sessions and no loss", () => {
  alice.start(bob);
  bob.start(alice);
  const [fromAlice, fromBob] = [alice.send(bob, "a"), bob.send(alice, "b")];
  expect(alice.read(bob, fromBob)).toBe("b");
  expect(bob.read(alice, fromAlice)).toBe("a");
  expect([alice.pair(bob).sessions.length, bob.pair(alice).sessions.length]).toEqual([2, 2]);
  for (const words of ["c", "d"]) {
    expect(bob.read(alice, alice.send(bob, words))).toBe(words);
    expect(alice.read(bob, bob.send(alice, words))).toBe(words);
  }
});

test("the transcript covers every public name of both sides", () => {
  const verified = alice.verified(bob);
  const { spk, opk, kemKey, account, accountKey, peer } = verified;
  const [agreement, init] = pqxdh.initiate(alice.own, alice.account.newest.hash, verified, null, alice.dice);
  const [a, b] = [pqxdh.Party.ofOwn(alice.own), pqxdh.Party.ofListed(account, accountKey, peer)];
  expect(pqxdh.transcript(a, b, init, spk, opk, kemKey)).toEqual(agreement.transcript);
  expect(Init.fromBytes(init.toBytes())).toEqual(init);
  for (const name of ["account", "device", "accountKey", "signingKey", "identityKey"] as const) {
    const other = (party: pqxdh.Party) => ({ ...party, [name]: sha256(party[name]).slice(0, party[name].length) });
    for (const [one, two] of [[other(a), b], [a, other(b)]] as const) {
      expect(equal(pqxdh.transcript(one, two, init, spk, opk, kemKey), agreement.transcript)).toBe(false);
    }
  }
});
