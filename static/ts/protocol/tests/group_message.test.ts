// A group chat's message is read once, by whoever has its chain, and as the device's that announced the chain.

import { beforeAll, beforeEach, describe, expect, test } from "vitest";
import { AnnouncedChain } from "../announced_chain";
import { Reset, Retry } from "../body";
import { compare } from "../bytes";
import * as cbor from "../cbor";
import { privateConversation, seal, Sealed, type Content } from "../content";
import type { FailureCode } from "../errors";
import { frank } from "../franking";
import { Add, Rekey, Remove } from "../group_args";
import { encrypt, listsHash, named, receive } from "../group_message";
import { GroupHeader, GroupMessage, peekGroup, signedPart } from "../group_wire";
import { MAX_INTEGER, MAX_JUMP } from "../limits";
import { pad } from "../padding";
import { copen, ready, sha256, type SigningKey } from "../primitives";
import { secret } from "../secret";
import { SenderKey } from "../sender_key";
import { anId, makeCast, NOW, some } from "./cast";
import { announce, bytes, failureOf, GID, refused, refusesIn, Room, sealedAnew, type Device } from "./group_cast";

beforeAll(ready);

let room: Room; // everybody in the group has alice's chain

beforeEach(() => {
  room = new Room(makeCast());
  announce(room.alice, room.bob, room.dora, room.tablet);
});

interface Header {
  readonly group?: Uint8Array;
  readonly epoch?: number;
  readonly account?: Uint8Array;
  readonly device?: Uint8Array;
  readonly chain?: Uint8Array;
  readonly n?: number;
}

/** The message with another header, signed anew by whoever has the key. */
function rewritten(wire: Uint8Array, signing: SigningKey, changes: Header): Uint8Array {
  const { header, body, tag } = GroupMessage.fromBytes(wire);
  const { group, epoch, account, device, chain, n } = GroupHeader.fromBytes(header);
  const fields = { group, epoch, account, device, chain, n, ...changes };
  const other = new GroupHeader(fields.group, fields.epoch, fields.account, fields.device, fields.chain, fields.n);
  const written = other.toBytes();
  return new GroupMessage(written, body, signing.sign("skmsg", signedPart(written, body, tag)), tag).toBytes();
}

function sealedOn(padded: Uint8Array, tag = frank(padded)): Uint8Array {
  const { own, dice } = room.alice.phone;
  const sent = encrypt(room.alice.chain(), own, new Sealed(secret(padded), tag), { entropy: dice });
  room.alice.ownChain = sent.chain;
  return sent.wire;
}

test("one message is for everybody", () => {
  const { alice, bob, dora, tablet } = room;
  const wire = alice.send("hello");
  for (const one of [bob, dora, tablet]) expect(one.read(alice, wire)).toBe("hello");
  announce(dora, alice, bob);
  expect(alice.read(dora, dora.send("hi"))).toBe("hi");
});

test("whoever comes later reads from there", () => {
  const { alice, bob, charlie } = room;
  const before = alice.send("before");
  room.do(bob, new Add(charlie.own));
  announce(alice, charlie);
  const after = alice.send("after");
  expect(charlie.read(alice, after)).toBe("after");
  refused(charlie, alice, before, "undecryptable");
  expect(bob.read(alice, after)).toBe("after");
  expect(bob.read(alice, before)).toBe("before");
});

test("an outsider has no chain", () => {
  refused(room.charlie, room.alice, room.alice.send("hello"), "unknown_session");
});

describe("who was removed", () => {
  test("reads nothing that follows", () => {
    const { alice, bob, dora } = room;
    room.do(alice, new Remove(bob.own, sealedAnew(alice)));
    expect(alice.isDue()).toBe(true);
    announce(alice, dora);
    const wire = alice.send("without bob");
    expect(dora.read(alice, wire)).toBe("without bob");
    refused(bob, alice, wire, "unknown_session");
    // What bob's store holds opens nothing: neither message nor title.
    const { body } = GroupMessage.fromBytes(wire);
    const [, key] = bob.chainOf(alice).take(0, { now: NOW });
    expect(failureOf(() => copen(key, "sk", new Uint8Array(), body))).toBe("undecryptable");
    expect(failureOf(() => copen(some(bob.key).key, "meta", GID, room.state.meta))).toBe("undecryptable");
  });

  test("is not read any more, whatever server passes it on", () => {
    const { alice, bob, dora } = room;
    announce(bob, alice, dora);
    const late = bob.send("late");
    room.do(alice, new Remove(bob.own, sealedAnew(alice)));
    refused(dora, bob, late, "not_listed");
    refusesIn(dora, () => dora.hear(bob, bob.announcement()), "not_listed");
  });
});

test("a ghost member is not read", () => {
  // The server says that charlie is in it; no operation does.
  const { bob, charlie } = room;
  expect(failureOf(() => announce(charlie, bob))).toBe("not_listed");
  const { account, device } = charlie.phone.own;
  bob.held = [...bob.held, AnnouncedChain.of(charlie.chain().announce(null), account, device, { now: NOW })];
  refused(bob, charlie, charlie.send("hello"), "not_listed");
});

test("a device off its list is not read", () => {
  const { alice, bob, tablet } = room;
  announce(tablet, bob);
  const wire = tablet.send("hello");
  alice.phone.account.publish(alice.phone.own);
  room.learn();
  refused(bob, tablet, wire, "not_listed");
  expect(failureOf(() => announce(tablet, bob))).toBe("not_listed");
});

describe("who says it", () => {
  test("a member does not speak in another's name", () => {
    const { alice, bob, dora } = room;
    announce(bob, dora);
    const { account, device } = alice.phone.own;
    const wire = bob.send("I am alice");
    const chain = alice.chain().id;
    const cases: readonly (readonly [Device, Header, FailureCode])[] = [
      [alice, { account, device }, "unknown_session"],
      [alice, { account, device, chain }, "bad_signature"],
      [bob, { chain }, "unknown_session"],
      [bob, { account }, "malformed"],
      [bob, { device }, "malformed"],
      [bob, { group: anId("another group") }, "malformed"],
    ];
    for (const [sender, changes, code] of cases) {
      refused(dora, sender, rewritten(wire, bob.chain().signing, changes), code);
    }
    refused(dora, alice, wire, "malformed"); // the server says that it is alice's
  });

  test("another's chain announced as one's own gives nothing", () => {
    // dora would take alice's messages for bob's: but the header names alice's device.
    const { alice, bob, dora } = room;
    dora.hear(bob, bob.announcement(alice.chain().announce(alice.key)));
    const wire = alice.send("mine");
    refused(dora, bob, wire, "malformed");
    const { account, device } = bob.phone.own;
    refused(dora, bob, rewritten(wire, bob.chain().signing, { account, device }), "bad_signature");
    expect(dora.read(alice, wire)).toBe("mine");
  });

  test("what is signed is what is read", () => {
    const { alice, bob } = room;
    const wire = alice.send("hello");
    const { header, body, signature, tag } = GroupMessage.fromBytes(wire);
    const flipped = (data: Uint8Array) => Uint8Array.of(...data.subarray(0, -1), data.at(-1)! ^ 1);
    for (const changed of [
      new GroupMessage(header, flipped(body), signature, tag),
      new GroupMessage(header, body, flipped(signature), tag),
      new GroupMessage(header, body, signature, flipped(tag)),
    ]) {
      refused(bob, alice, changed.toBytes(), "bad_signature");
    }
    // The signing key is the chain's own; whoever has it must still seal under the message key.
    const { signing } = alice.chain();
    refused(bob, alice, rewritten(wire, signing, { n: 1 }), "undecryptable");
    refused(bob, alice, rewritten(wire, signing, { epoch: 1 }), "malformed");
    const other = flipped(tag);
    const signed = signing.sign("skmsg", signedPart(header, body, other));
    refused(bob, alice, new GroupMessage(header, body, signed, other).toBytes(), "undecryptable");
    expect(bob.read(alice, wire)).toBe("hello");
  });

  test("a message does not cross a fork", () => {
    // alice and bob were shown different operations: what alice says in hers is not read in bob's.
    const { alice, bob, tablet, dora } = room;
    const one = alice.propose(new Rekey(new Uint8Array(72)));
    const other = bob.propose(new Rekey(new Uint8Array(73)));
    for (const device of [alice, tablet]) device.follow(one);
    for (const device of [bob, dora]) device.follow(other);
    const announced = alice.chain().announce(null);
    refusesIn(bob, () => bob.hear(alice, alice.announcement(announced)), "not_listed");
    // And where the sender key named bob's state, the message would not open: gsh is sealed in.
    const { group, epoch, chain, n, key, signingKey } = announced;
    const gsh = bob.group.hash;
    const forged = new SenderKey({ group, epoch, gsh, chain, n, key, signingKey, groupKey: null });
    bob.hear(alice, alice.announcement(forged));
    refused(bob, alice, alice.send("hello"), "undecryptable");
  });
});

describe("order and repetition", () => {
  test("messages are read once in any order", () => {
    const { alice, bob } = room;
    const wires = Array.from({ length: 6 }, (_, number) => alice.send(`${number}`));
    for (const number of [3, 0, 5, 1, 4, 2]) {
      expect(bob.read(alice, wires[number]!)).toBe(`${number}`);
      bob.restart();
      refused(bob, alice, wires[number]!, "duplicate");
    }
    for (const wire of wires) refused(bob, alice, wire, "duplicate");
  });

  test("a jump has a limit", () => {
    const { alice, bob } = room;
    let chain = alice.chain();
    for (let n = 0; n < MAX_JUMP; n++) [chain] = chain.next();
    const wires = [0, 1].map(() => {
      const sent = encrypt(chain, alice.phone.own, seal(alice.text("far"), alice.phone.dice));
      chain = sent.chain;
      return sent.wire;
    });
    refused(bob, alice, wires[1]!, "too_far");
    for (const wire of wires) expect(bob.read(alice, wire)).toBe("far");
  });

  test("a message far ahead that does not open costs nothing", () => {
    const { alice, bob } = room;
    const wire = alice.send("hello");
    refused(bob, alice, rewritten(wire, bob.chain().signing, { n: MAX_INTEGER }), "bad_signature");
    refused(bob, alice, rewritten(wire, alice.chain().signing, { n: MAX_INTEGER }), "too_far");
    refused(bob, alice, rewritten(wire, alice.chain().signing, { n: 1_999 }), "undecryptable");
    expect(bob.chainOf(alice).skipped.size).toBe(0);
  });
});

test("what fails after opening is not read twice", () => {
  const { alice, bob } = room;
  const good = alice.text("hello");
  const { padded } = seal(good, alice.phone.dice);
  const private_ = privateConversation(alice.own, bob.own);
  const wrong = (changes: Partial<Content>) => sealedOn(seal({ ...good, ...changes }, alice.phone.dice).padded);
  const made: readonly (readonly [Uint8Array, FailureCode])[] = [
    [sealedOn(padded, new Uint8Array(32)), "bad_franking"],
    [sealedOn(new Uint8Array(256)), "malformed"],
    [sealedOn(pad(bytes(32, "f"))), "malformed"],
    [wrong({ conversation: private_ }), "malformed"],
    [wrong({ conversation: anId("another group") }), "malformed"],
    [wrong({ body: new Reset(), counter: 0 }), "malformed"],
    [wrong({ heads: { own: good.heads.own, recipient: new Uint8Array(32) } }), "malformed"],
  ];
  for (const [wire, code] of made) {
    const { content, failure } = bob.receive(alice, wire);
    expect([content, failure?.code]).toEqual([null, code]);
    refused(bob, alice, wire, "duplicate");
  }
});

test("a message of another id than the server names is not shown", () => {
  const one = room.alice.text("hello");
  const wire = room.alice.send("", one);
  const { account: sender, device: senderDevice } = room.alice.phone.own;
  const envelope = { group: GID, sender, senderDevice, wire };
  expect(receive({ ...envelope, messageId: one.messageId }, room.bob, { now: NOW }).failure).toBeNull();
  const wrong = receive({ ...envelope, messageId: new Uint8Array(16) }, room.bob, { now: NOW });
  expect(wrong.failure?.code).toBe("malformed");
});

test("a message of another form is malformed", () => {
  const { alice, bob } = room;
  const good = cbor.decode(alice.send("hello")) as readonly cbor.Value[];
  const header = cbor.decode(good[1] as Uint8Array) as readonly cbor.Value[];
  const replaced = (fields: readonly unknown[], place: number, value: unknown) => {
    return cbor.encode(fields.map((field, index) => (index === place ? value : field)));
  };
  for (const [place, value] of [
    [1, "header"],
    [2, new Uint8Array(71)],
    [3, new Uint8Array(63)],
    [3, null],
    [4, new Uint8Array(31)],
    [1, new Uint8Array()],
  ] as const) {
    refused(bob, alice, replaced(good, place, value), "malformed");
  }
  for (const [place, value] of [
    [0, new Uint8Array(15)],
    [1, null],
    [1, true],
    [2, new Uint8Array(17)],
    [3, null],
    [4, new Uint8Array(15)],
    [5, null],
  ] as const) {
    refused(bob, alice, replaced(good, 1, replaced(header, place, value)), "malformed");
  }
  for (const fields of [[], good.slice(1), good.slice(0, -1), [...good, 0], new Map()]) {
    refused(bob, alice, cbor.encode(fields), "malformed");
  }
  for (const outer of [1, 3]) refused(bob, alice, replaced(good, 0, outer), "unsupported");
});

test("a message is named by its outside", () => {
  const { alice } = room;
  const sealed = seal(alice.text("hello"), alice.phone.dice);
  const sent = encrypt(alice.chain(), alice.phone.own, sealed);
  const seen = peekGroup(sent.wire);
  expect(seen.tag).toEqual(sealed.tag);
  expect(named(seen.header)).toEqual(sent.name);
  expect(sent.name).toEqual(new Retry(alice.chain().id as Uint8Array, new Uint8Array(32), 0));
  expect(Retry.fromMap(sent.name.toMap())).toEqual(sent.name);
});

test("a send names its lists by one hash", () => {
  const lists = room.accounts.map((one) => one.newest);
  const rows = [...lists].sort((one, other) => compare(one.account, other.account));
  expect(listsHash([...lists].reverse())).toEqual(sha256(cbor.encode(rows.map((one) => [one.account, one.hash]))));
});
