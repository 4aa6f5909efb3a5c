// A linked device takes from its own account's devices what holds, and each bad part spoils itself alone.

import { inspect } from "node:util";
import { beforeAll, beforeEach, describe, expect, test } from "vitest";
import { AccountData, DELIVERED, History, HistoryEntry, parts, READ, SharedContact } from "../account_data";
import type { HistoryEntryFields } from "../account_data";
import { readBody, Reset, type Body } from "../body";
import { compare, concat, hex, utf8 } from "../bytes";
import * as cbor from "../cbor";
import * as content from "../content";
import { Pin } from "../device_list";
import * as errors from "../errors";
import { checkFrank } from "../franking";
import { generateAccountKey } from "../keys";
import { MAX_SHARED } from "../limits";
import { pad } from "../padding";
import { ready } from "../primitives";
import { secret } from "../secret";
import { Account, anId, type Cast, Dice, makeCast, NOW, some, talkingCast } from "./cast";

beforeAll(ready);

const BODY_LIMIT = 64 * 1024;
const filled = (size: number, value = 0) => new Uint8Array(size).fill(value);

let { alice, tablet, bob, charlie } = {} as Cast;
beforeEach(() => ({ alice, tablet, bob, charlie } = makeCast()));

function contact(deviceList = bob.account.newest.signed): SharedContact {
  return new SharedContact(bob.account.id, "bob", deviceList, true);
}

function whole(): AccountData {
  const managing = [alice.own.device, tablet.own.device].sort(compare);
  return new AccountData({ contacts: [contact()], accountKeySeed: alice.account.key.seed, managing, history: 3 });
}

function entry(words = "hello"): HistoryEntry {
  const { padded } = bob.seal(words, alice.account);
  const [account, device] = [bob.account.id, bob.own.device];
  return new HistoryEntry({ account, device, accepted: NOW, padded, stamp: filled(32), stampKey: "k1", state: READ });
}

function changed(one: HistoryEntryFields, fields: Partial<HistoryEntryFields>): HistoryEntry {
  return new HistoryEntry({ ...one, ...fields });
}

function betweenOwnDevices(body: Body, conversation?: Uint8Array): content.Content {
  const own = alice.account.id;
  return {
    sent: NOW,
    messageId: anId("m"),
    conversation: conversation ?? content.privateConversation(own, own),
    body,
    heads: { own: filled(32), recipient: filled(32) },
    counter: 0,
  };
}

/** What alice's tablet reads of what her phone shares. */
function sent(body: Body): Body {
  if (alice.pair(tablet).sessions.length === 0) alice.start(tablet);
  const sealed = content.seal(betweenOwnDevices(body), alice.dice);
  return some(tablet.receive(alice, alice.sendSealed(tablet, sealed)).content).body;
}

test("account data and history arrive whole", () => {
  const bare = changed(entry(), { stamp: null, stampKey: null, state: DELIVERED });
  const all = [
    new AccountData(),
    whole(),
    new AccountData({ managing: [], history: 0 }),
    new History(bob.account.id, [entry(), bare], 2),
    new History(null, [entry(), bare], 3, anId("a group chat")),
  ];
  for (const one of all) expect(sent(one)).toEqual(one);
});

test("nobody else's device shares account data", () => {
  // bob cannot plant contacts, keys or messages in alice's name.
  ({ alice, tablet, bob, charlie } = talkingCast());
  const group = anId("a group chat");
  for (const body of [whole(), new History(bob.account.id, [], 0), new History(null, [entry()], 0, group)]) {
    const made = betweenOwnDevices(body, content.privateConversation(alice.account.id, bob.account.id));
    const received = alice.receive(bob, bob.sendSealed(alice, content.seal(made, bob.dice)));
    expect(received.failure).toBeInstanceOf(errors.Malformed);
    expect(received.content).toBeNull();
  }
});

describe("the form", () => {
  test("leaves out what is not said", () => {
    const keys = (one: AccountData) => [...one.toMap().keys()];
    expect(keys(new AccountData())).toEqual([]);
    expect(keys(new AccountData({ history: 0 }))).toEqual([3]);
    expect(keys(whole())).toEqual([0, 1, 2, 3]);
  });

  const object = [utf8("payload"), filled(64)];
  const DATA: readonly (readonly [number, cbor.Value])[] = [
    [0, null],
    [0, new Map()],
    [0, [[]]],
    [0, [[filled(16), "bob", object]]],
    [0, [[filled(15), "bob", object, true]]],
    [0, [[filled(16), utf8("bob"), object, true]]],
    [0, [[filled(16), "bob", utf8("signed"), true]]],
    [0, [[filled(16), "bob", [utf8("payload"), filled(63)], true]]],
    [0, [[filled(16), "bob", object, 1]]],
    [1, null],
    [1, filled(31)],
    [1, "x".repeat(32)],
    [2, null],
    [2, [filled(15)]],
    [2, [filled(16), filled(16)]],
    [2, [filled(16, 2), filled(16, 1)]],
    [3, null],
    [3, true],
    [3, "1"],
  ];

  test.each(DATA)("of account data is checked: %i", (key, value) => {
    expect(() => readBody(9, new Map([[key, value]]))).toThrow(errors.Malformed);
  });

  const ROWS: readonly (readonly [number, cbor.Value])[] = [
    [0, filled(15)],
    [1, null],
    [2, null],
    [2, true],
    [3, null],
    [3, "x"],
    [4, filled(31)],
    [5, utf8("k1")],
    [6, 3],
    [6, null],
  ];

  test.each(ROWS)("of an entry is checked: %i", (place, value) => {
    const row = entry().toValue() as cbor.Value[];
    const history = (one: cbor.Value) => new Map<number, cbor.Value>([[0, filled(16)], [1, [one]], [2, 0]]);
    expect(readBody(10, history(row))).toBeInstanceOf(History);
    expect(() => readBody(10, history(row.with(place, value)))).toThrow(errors.Malformed);
  });

  const HISTORIES: readonly (readonly [number, cbor.Value])[] = [
    [0, null],
    [0, filled(15)],
    [1, null],
    [1, new Map()],
    [1, [[]]],
    [2, null],
    [2, true],
  ];

  test.each(HISTORIES)("of a history is checked: %i", (key, value) => {
    const good = new Map<number, cbor.Value>([[0, filled(16)], [1, []], [2, 0]]);
    expect(() => readBody(10, new Map([...good, [key, value]]))).toThrow(errors.Malformed);
    good.delete(key);
    expect(() => readBody(10, good)).toThrow(errors.Malformed);
  });

  test("of a history names one chat", () => {
    const parts = new Map<number, cbor.Value>([[1, []], [2, 0]]);
    const [account, group] = [[0, filled(16)], [3, filled(16)]] as const;
    expect(readBody(10, new Map([...parts, account]))).toMatchObject({ account: filled(16), group: null });
    expect(readBody(10, new Map([...parts, group]))).toMatchObject({ account: null, group: filled(16) });
    const bad: readonly (readonly (readonly [number, cbor.Value])[])[] = [
      [],
      [account, group],
      [account, [3, null]],
      [[0, null], group],
      [[3, null]],
      [[3, filled(15)]],
      [[3, "x".repeat(16)]],
    ];
    for (const keys of bad) expect(() => readBody(10, new Map([...parts, ...keys]))).toThrow(errors.Malformed);
    for (const one of [new History(null, [], 0), new History(filled(16), [], 0, filled(16))]) {
      expect(() => content.seal(betweenOwnDevices(one))).toThrow(errors.Malformed);
    }
  });

  test.each([9, 10])("of kind %i may grow, and critical keys need an update", (kind) => {
    const good = new Map<number, cbor.Value>(kind === 9 ? [] : [[0, filled(16)], [1, []], [2, 0]]);
    expect(readBody(kind, new Map([...good, [15, "later"]]))).toEqual(readBody(kind, good));
    expect(() => readBody(kind, new Map([...good, [16, "later"]]))).toThrow(errors.Unsupported);
  });
});

test("an AK is taken only if it is the one pinned", () => {
  const ak = alice.account.key;
  expect(some(whole().accountKey(ak.public)).public).toEqual(ak.public);
  expect(new AccountData().accountKey(ak.public)).toBeNull();
  expect(() => whole().accountKey(charlie.account.key.public)).toThrow(errors.BadKey);
  const another = new AccountData({ accountKeySeed: secret(filled(32)) });
  expect(() => another.accountKey(ak.public)).toThrow(errors.BadKey);
});

describe("a contact", () => {
  test("that is not known here is pinned as shared", () => {
    expect(contact().pin(null)).toEqual(new Pin(bob.account.newest));
  });

  test("that is pinned here keeps its pin", () => {
    const older = bob.account.newest;
    const newer = bob.account.publish(bob.own);
    expect(contact(older.signed).pin(new Pin(newer)).newest).toBe(newer);
    expect(contact(newer.signed).pin(new Pin(older)).newest).toBe(older);
  });

  test("under another AK is ignored", () => {
    const renewed = new Account("bob", generateAccountKey(new Dice("renewed")));
    const shared = contact(renewed.publish().signed);
    expect(() => shared.pin(new Pin(bob.account.newest))).toThrow(errors.IdentityChanged);
  });

  test("with a list that is not his is refused", () => {
    expect(() => contact(charlie.account.newest.signed).pin(null)).toThrow(errors.ListRefused);
    const [payload, signature] = cbor.decode(bob.account.newest.signed) as [Uint8Array, Uint8Array];
    const forged = concat(Uint8Array.of(some(signature[0]) ^ 1), signature.subarray(1));
    expect(() => contact(cbor.encode([payload, forged])).pin(null)).toThrow(errors.ListRefused);
    expect(() => contact(cbor.encode([utf8("payload"), signature])).pin(null)).toThrow(errors.Malformed);
  });
});

describe("a history", () => {
  const read = (one: HistoryEntry, chat = bob) => {
    return content.readHistory(one, { own: alice.account.id, chat: chat.account.id });
  };

  test("gives the messages of its chat", () => {
    const from = { bob: bob.text("from bob", alice.account), alice: alice.text("from alice", bob.account) };
    for (const [phone, one] of [[bob, from.bob], [alice, from.alice]] as const) {
      const kept = changed(entry(), { account: phone.account.id, padded: content.seal(one).padded });
      expect(read(kept)).toEqual(one);
    }
  });

  test("gives no message of another chat", () => {
    const charlies = changed(entry(), { padded: charlie.seal("x", alice.account).padded });
    const all = [
      charlies,
      changed(charlies, { account: charlie.account.id }),
      changed(entry(), { account: charlie.account.id }),
      changed(entry(), { padded: charlie.seal("x", bob.account).padded }),
    ];
    for (const kept of all) expect(() => read(kept)).toThrow(errors.Malformed);
    expect(() => read(entry(), charlie)).toThrow(errors.Malformed);
  });

  test("gives nothing that does not hold as a message", () => {
    const text = bob.text("x", alice.account);
    const control = content.seal({ ...text, body: new Reset(), counter: 0 }).padded;
    const { padded } = entry();
    const all = [filled(0), padded.subarray(1), concat(padded, filled(1)), pad(filled(32)), control];
    for (const broken of all) {
      expect(() => read(changed(entry(), { padded: secret(broken) }))).toThrow(errors.Malformed);
    }
    const value = new Map([...(cbor.decode(content.encodeContent(text)) as Map<number, cbor.Value>), [1, 40]]);
    const later = pad(concat(filled(32), cbor.encode(value)));
    expect(() => read(changed(entry(), { padded: secret(later) }))).toThrow(errors.Unsupported);
  });

  test("keeps the tag that a message was sent with", () => {
    const sealed = bob.seal("x", alice.account);
    expect(content.Sealed.fromBytes(changed(entry(), { padded: sealed.padded }).padded)).toEqual(sealed);
    expect(() => checkFrank(sealed.padded, sealed.tag)).not.toThrow();
  });
});

describe("a group chat's history", () => {
  const [group, other] = [anId("a group chat"), anId("another group chat")];
  const inGroup = (changes: Partial<content.Content> = {}): HistoryEntry => {
    const text = bob.text("to all", alice.account);
    const one = { ...text, conversation: group, heads: { ...text.heads, recipient: null }, ...changes };
    return changed(entry(), { padded: content.seal(one).padded });
  };
  const read = (one: HistoryEntry, of = group) => content.readHistory(one, { own: alice.account.id, group: of });

  test("gives its messages, whoever has sent them", () => {
    for (const { account } of [bob, alice, charlie]) {
      expect(read(changed(inGroup(), { account: account.id })).conversation).toEqual(group);
    }
  });

  test("gives no message of another chat, and no control content", () => {
    expect(() => read(inGroup(), other)).toThrow(errors.Malformed);
    expect(() => read(entry())).toThrow(errors.Malformed);
    expect(() => read(entry(), content.privateConversation(alice.account.id, bob.account.id))).toThrow(errors.Malformed);
    expect(() => read(inGroup({ body: new Reset(), counter: 0 }))).toThrow(errors.Malformed);
    expect(() => content.readHistory(inGroup(), { own: alice.account.id, chat: bob.account.id })).toThrow(errors.Malformed);
    expect(() => content.readHistory(inGroup(), { own: alice.account.id })).toThrow(errors.Malformed);
  });
});

describe("parts", () => {
  const length = (one: HistoryEntry | SharedContact) => cbor.encode(one.toValue()).length;
  const wireOf = (body: Body) => alice.sendSealed(tablet, content.seal(betweenOwnDevices(body)));

  test("share everything in order in contents that a server takes", () => {
    const entries = Array.from({ length: 120 }, (_, number) => entry(`${number}${"x".repeat((number * 37) % 3000)}`));
    const split = parts(entries);
    expect(split.flat()).toEqual(entries);
    expect(split.length).toBeGreaterThan(1);
    alice.start(tablet);
    for (const [index, part] of split.entries()) {
      expect(wireOf(new History(bob.account.id, part, index)).length).toBeLessThanOrEqual(BODY_LIMIT);
      // Nothing is cut sooner than it must be.
      const next = split[index + 1]?.[0];
      if (next) expect([...part, next].reduce((sum, one) => sum + length(one), 0)).toBeGreaterThan(MAX_SHARED);
    }
    expect(parts(Array<SharedContact>(300).fill(contact())).flat().length).toBe(300);
    expect(parts([])).toEqual([]);
  });

  test("are within what a server takes where they are largest", () => {
    alice.start(tablet);
    const biggest = changed(entry(), { padded: secret(filled(MAX_SHARED)) });
    const fitting = changed(biggest, { padded: secret(filled(MAX_SHARED - 90)) });
    expect(parts([biggest, fitting])).toEqual([[fitting]]);
    // The first message of a session is the largest: init and a KEM key ride on it.
    expect(wireOf(new History(bob.account.id, [fitting], 2 ** 32)).length).toBeLessThanOrEqual(BODY_LIMIT);
  });
});

test("account data does not print keys, names or words", () => {
  const all = [whole(), contact(), new History(bob.account.id, [entry("hidden words")], 0)];
  const shown = inspect(all, { depth: null, maxArrayLength: null }) + JSON.stringify(all);
  const { seed } = alice.account.key;
  for (const hidden of ["bob", "hidden words", hex(seed), [...seed].join(", ")]) expect(shown).not.toContain(hidden);
});
