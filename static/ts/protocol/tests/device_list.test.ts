// Device lists: only the account adds a device, and nobody takes a list back.

import { beforeAll, describe, expect, test } from "vitest";
import { compare, hex } from "../bytes";
import * as cbor from "../cbor";
import * as lists from "../device_list";
import { acceptLists, acknowledgeIdentity, openList, type ListedDevice } from "../device_list";
import { IdentityChanged, ListRefused, Malformed } from "../errors";
import { generateAccountKey, OwnDevice } from "../keys";
import { ready, SigningKey } from "../primitives";
import { Account, anId, Dice, makeCast, NOW, Phone, some } from "./cast";

beforeAll(ready);

const chain = (account: Account) => account.lists.map((one) => one.signed);
const pinned = (account: Account) => acceptLists(account.id, null, chain(account)).pin;
const hexes = (ids: readonly Uint8Array[]) => ids.map(hex);

type Fields = unknown[];

function payloadOf(signed: Uint8Array): Fields {
  const [payload] = cbor.decode(signed) as [Uint8Array];
  return cbor.decode(payload) as Fields;
}

function signedBy(key: SigningKey, fields: Fields, label = "devlist"): Uint8Array {
  const payload = cbor.encode(fields);
  return cbor.encode([payload, key.sign(label, payload)]);
}

/** The newest list with a changed payload, signed by the account. */
function resigned(account: Account, change: (fields: Fields) => unknown): Uint8Array {
  const fields = payloadOf(account.newest.signed);
  change(fields);
  return signedBy(account.key, fields);
}

/** What follows the newest list, under any account key. */
function followUp(account: Account, accountKey: Uint8Array, entries: readonly ListedDevice[]): Fields {
  const ordered = [...entries].sort((one, other) => compare(one.device, other.device));
  const rows = ordered.map((one) => [one.device, one.signingKey, one.identityKey, one.added, 0, one.bind]);
  return ["devlist", account.id, accountKey, 2, account.newest.hash, NOW, rows];
}

function renewed(): readonly [account: Account, phone: Phone] {
  const account = new Account("alice", generateAccountKey(new Dice("renewed")));
  const phone = new Phone(account, "alice's phone");
  account.publish(phone.own);
  return [account, phone];
}

describe("a chain that holds", () => {
  test("the first list pins the account key", () => {
    const { alice, tablet } = makeCast();
    const accepted = acceptLists(alice.account.id, null, chain(alice.account));
    expect(hex(accepted.pin.accountKey)).toBe(hex(alice.account.key.public));
    expect(new Set(hexes(accepted.added))).toEqual(new Set(hexes([alice.own.device, tablet.own.device])));
    expect(accepted.removed).toEqual([]);
    expect(lists.Pin.fromBytes(accepted.pin.toBytes())).toEqual(accepted.pin);
  });

  test("a list names its devices in the order of their ids", () => {
    const ids = hexes(makeCast().alice.account.newest.devices.map((one) => one.device));
    expect(ids).toEqual([...ids].sort());
  });

  test("a removed device is absent and named", () => {
    const { alice, tablet } = makeCast();
    const { account } = alice;
    const pin = pinned(account);
    account.publish(alice.own);
    const accepted = acceptLists(account.id, pin, chain(account));
    expect(hexes(accepted.removed)).toEqual([hex(tablet.own.device)]);
    expect(accepted.pin.newest.find(tablet.own.device)).toBeNull();
    expect(acceptLists(account.id, pin, chain(account).slice(1)).pin).toEqual(accepted.pin);
  });

  test("a device under new keys counts as removed and added", () => {
    const { alice, tablet } = makeCast();
    const { account } = alice;
    const pin = pinned(account);
    const { own } = tablet;
    const signing = SigningKey.generate(new Dice("new"));
    account.publish(alice.own, new OwnDevice(own.account, own.device, own.accountKey, signing, own.identity));
    const accepted = acceptLists(account.id, pin, chain(account));
    expect([hexes(accepted.removed), hexes(accepted.added)]).toEqual([[hex(own.device)], [hex(own.device)]]);
  });

  test("the last device may sign itself out", () => {
    const { account } = makeCast().alice;
    const pin = pinned(account);
    account.publish();
    expect(acceptLists(account.id, pin, chain(account)).removed).toHaveLength(2);
  });

  test("the same list again changes nothing", () => {
    const pin = pinned(makeCast().alice.account);
    const accepted = acceptLists(pin.account, pin, [pin.newest.signed]);
    expect([accepted.pin, accepted.added, accepted.removed]).toEqual([pin, [], []]);
  });

  test("ten devices are the most", () => {
    const account = new Account("many", generateAccountKey(new Dice("many")));
    const owns = Array.from({ length: 11 }, (_, index) => {
      return OwnDevice.generate(account.id, anId(`device ${index}`), account.key.public, new Dice(`device ${index}`));
    });
    account.publish(...owns.slice(0, 10));
    expect(() => account.publish(...owns)).toThrow(Malformed);
  });
});

describe("ghosts", () => {
  test("a device signed in by the server is refused", () => {
    const { alice, charlie } = makeCast();
    const { account } = alice;
    const { own } = charlie;
    const ghost = new OwnDevice(account.id, own.device, account.key.public, own.signing, own.identity);
    const entries = [...account.newest.devices, lists.listed(ghost, { added: NOW })];
    const server = SigningKey.generate(new Dice("server"));
    const fields = followUp(account, account.key.public, entries);
    openList(signedBy(account.key, fields));
    expect(() => openList(signedBy(server, fields))).toThrow(ListRefused);
  });

  test("a device under the server's own account key is a changed identity", () => {
    const { account } = makeCast().alice;
    const other = new Account("alice", generateAccountKey(new Dice("server")));
    other.publish(new Phone(other, "ghost").own);
    expect(() => acceptLists(account.id, pinned(account), chain(other))).toThrow(IdentityChanged);
  });

  test("a device that did not agree cannot be listed, not even by the account", () => {
    const { alice, tablet, charlie } = makeCast();
    const { account } = alice;
    const sign = (entry: ListedDevice) => {
      return lists.signList(account.key, account.id, [entry], { previous: account.newest, now: NOW });
    };
    const charlies = lists.listed(charlie.own, { added: NOW });
    expect(() => sign({ ...charlies, device: tablet.own.device })).toThrow(ListRefused);
    const own = lists.listed(tablet.own, { added: NOW });
    expect(() => sign({ ...own, identityKey: charlie.own.identity.public })).toThrow(ListRefused);
    expect(sign(own).seq).toBe(2);
  });
});

describe("a chain that does not hold", () => {
  test("a rolled back list is refused", () => {
    const { alice } = makeCast();
    alice.account.publish(alice.own);
    const again = () => acceptLists(alice.account.id, pinned(alice.account), chain(alice.account).slice(0, 1));
    expect(again).toThrow(ListRefused);
  });

  test("a fork at the pinned place is refused", () => {
    const { account } = makeCast().alice;
    const fork = resigned(account, (fields) => (fields[5] = NOW + 1));
    expect(() => acceptLists(account.id, pinned(account), [fork])).toThrow(ListRefused);
  });

  test("a chain that leaves the pinned list out by a fork is refused", () => {
    const { alice } = makeCast();
    const { account } = alice;
    account.publish(alice.own);
    const pin = pinned(account);
    const first = some(account.lists[0]);
    const next = (previous: lists.DeviceList, now: number) => {
      return lists.signList(account.key, account.id, first.devices, { previous, now });
    };
    const fork = next(first, NOW + 5);
    const beyond = next(fork, NOW + 6);
    for (const objects of [[first.signed, fork.signed, beyond.signed], [beyond.signed]]) {
      expect(() => acceptLists(account.id, pin, objects)).toThrow(ListRefused);
    }
  });

  test("a gap is refused until it is filled", () => {
    const { alice, tablet } = makeCast();
    const { account } = alice;
    const pin = pinned(account);
    account.publish(alice.own);
    account.publish(alice.own, tablet.own);
    const [first, second, third] = chain(account) as [Uint8Array, Uint8Array, Uint8Array];
    expect(() => acceptLists(account.id, pin, [third])).toThrow(ListRefused);
    expect(() => acceptLists(account.id, pin, [first, third])).toThrow(ListRefused);
    expect(acceptLists(account.id, pin, [second, third]).pin.newest.seq).toBe(3);
  });

  test("lists out of order, no lists, and another account's are refused", () => {
    const { alice, charlie } = makeCast();
    const { account } = alice;
    account.publish(alice.own);
    for (const objects of [chain(account).reverse(), [], chain(charlie.account)]) {
      expect(() => acceptLists(account.id, null, objects)).toThrow(ListRefused);
    }
  });

  test("a chain of two account keys is refused", () => {
    const { account } = makeCast().alice;
    const [other, phone] = renewed();
    const fields = followUp(account, other.key.public, [lists.listed(phone.own, { added: NOW })]);
    const objects = [...chain(account), signedBy(other.key, fields)];
    expect(() => acceptLists(account.id, null, objects)).toThrow(ListRefused);
  });

  test("a new account key is pinned only once it is acknowledged", () => {
    const { alice, tablet } = makeCast();
    const { account } = alice;
    const pin = pinned(account);
    const [other] = renewed();
    expect(() => acceptLists(account.id, pin, chain(other))).toThrow(IdentityChanged);
    const notSeen = new Dice("what the person did not see").random(32);
    expect(() => acknowledgeIdentity(pin, notSeen, chain(other))).toThrow(IdentityChanged);
    const accepted = acknowledgeIdentity(pin, other.key.public, chain(other));
    expect(hex(accepted.pin.accountKey)).toBe(hex(other.key.public));
    // All sessions with the old key go, also those of a device that stays.
    expect(new Set(hexes(accepted.removed))).toEqual(new Set(hexes([alice.own.device, tablet.own.device])));
    expect(() => acceptLists(account.id, accepted.pin, chain(account))).toThrow(IdentityChanged);
  });
});

describe("another form", () => {
  const set = (index: number, value: unknown) => (fields: Fields) => (fields[index] = value);
  const rows = (fields: Fields) => fields[6] as Fields[];
  const setEntry = (index: number, value: unknown) => (fields: Fields) => (some(rows(fields)[0])[index] = value);
  const CHANGES: readonly (readonly [name: string, change: (fields: Fields) => unknown])[] = [
    ["another kind", set(0, "devlisT")],
    ["its kind in bytes", set(0, new TextEncoder().encode("devlist"))],
    ["a short account", set(1, new Uint8Array(15))],
    ["a short key", set(2, new Uint8Array(31))],
    ["seq 0", set(3, 0)],
    ["seq true", set(3, true)],
    ["no previous", set(4, null)],
    ["a text for a time", set(5, "now")],
    ["a map for devices", set(6, new Map())],
    ["a long device id", setEntry(0, new Uint8Array(17))],
    ["a long signing key", setEntry(1, new Uint8Array(33))],
    ["no identity key", setEntry(2, null)],
    ["added false", setEntry(3, false)],
    ["caps 1", setEntry(4, 1)],
    ["caps false", setEntry(4, false)],
    ["a short bind", setEntry(5, new Uint8Array(63))],
    ["a field more", (fields) => fields.push(0)],
    ["a field less", (fields) => fields.pop()],
    ["devices out of order", (fields) => rows(fields).reverse()],
    ["a device twice", (fields) => rows(fields).push(some(rows(fields)[1]))],
    ["twelve devices", (fields) => (fields[6] = Array.from({ length: 6 }, () => rows(fields)).flat())],
  ];
  test.each(CHANGES)("is malformed: %s", (_, change) => {
    expect(() => openList(resigned(makeCast().alice.account, change))).toThrow(Malformed);
  });

  test.each([
    ["seq", set(3, 2)],
    ["previous", set(4, new Uint8Array(32).fill(1))],
  ])("a chain starts at one with nothing before it: %s", (_, change) => {
    expect(() => openList(resigned(makeCast().alice.account, change))).toThrow(ListRefused);
  });

  test("a signature of another kind makes no list", () => {
    const { account } = makeCast().alice;
    for (const label of ["devbind", "spk", "groupop", "devlis"]) {
      const signed = signedBy(account.key, payloadOf(account.newest.signed), label);
      expect(() => openList(signed)).toThrow(ListRefused);
    }
  });

  test("no flipped bit of a list is accepted", () => {
    const { signed } = makeCast().bob.account.newest;
    for (const position of signed.keys()) {
      const forged = signed.slice();
      forged[position]! ^= 1 << position % 8;
      expect(() => openList(forged)).toThrow(/^(?:malformed|list_refused)/);
    }
  });
});
