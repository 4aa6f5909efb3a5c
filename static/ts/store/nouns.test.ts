import { afterEach, beforeEach, beforeAll, describe, expect, test } from "vitest";

import { random } from "../lib/bytes";
import { listed, Pin, signList } from "../protocol/device_list";
import type { DeviceList } from "../protocol/device_list";
import { SYSTEM } from "../protocol/entropy";
import { generateAccountKey, OwnDevice } from "../protocol/keys";
import { generatePrekeys } from "../protocol/prekeys";
import { ready } from "../protocol/primitives";

import { Store } from "./database";
import * as envelopes from "./envelopes";
import { memoryFiles } from "./files";
import * as outbox from "./outbox";
import * as peers from "./peers";
import { Me, Outgoing, Peer } from "./records";
import * as sessions from "./sessions";
import * as settings from "./settings";
import type { Transaction } from "./transaction";

const DAY = 86_400_000;
const SAM = new Uint8Array(16).fill(2);
const KIM = new Uint8Array(16).fill(3);

let store: Store;
beforeAll(() => ready());
beforeEach(async () => {
  store = await Store.open(memoryFiles(), new Uint8Array(32));
});
afterEach(() => store.close());
const within = <T>(work: (tx: Transaction) => T): T => store.transaction(work);

function firstList(account: Uint8Array): DeviceList {
  const key = generateAccountKey();
  const own = OwnDevice.generate(account, random(16), key.public, SYSTEM);
  return signList(key, account, [listed(own, { added: 1 })], { previous: null, now: 1 });
}

test("settings are kept as they were given", () => {
  expect(within((tx) => settings.me(tx))).toBeNull();
  const me = Me.of({ account: SAM, username: "sam", signingSeed: random(32), identityPrivate: random(32) });
  within((tx) => settings.saveMe(tx, me));
  within((tx) => settings.saveMe(tx, { ...me, device: KIM, ready: true }));
  expect(within((tx) => settings.me(tx))).toEqual({ ...me, device: KIM, ready: true });
  const state = within((tx) => settings.prekeyState(tx));
  expect(state).toEqual({ nextIds: {}, signedAt: 0, publishedAt: 0, checkedAt: 0, tidiedAt: 0 });
  within((tx) => settings.savePrekeyState(tx, { ...state, nextIds: { opk: 7 }, checkedAt: 9 }));
  expect(within((tx) => settings.prekeyState(tx))).toMatchObject({ nextIds: { opk: 7 }, checkedAt: 9 });
});

describe("peers", () => {
  test("are found by account and by name, in any case", () => {
    within((tx) => peers.change(tx, SAM, { username: "Sam" }));
    expect(within((tx) => peers.byName(tx, "sAM"))?.account).toEqual(SAM);
    within((tx) => peers.change(tx, SAM, { request: true }));
    expect(within((tx) => peers.byAccount(tx, SAM))).toMatchObject({ username: "Sam", request: true });
    expect(within((tx) => peers.byAccount(tx, KIM))).toBeNull();
  });

  test("with pinned keys keep their name, whatever the server says", () => {
    const pin = new Pin(firstList(SAM)).toBytes();
    within((tx) => peers.change(tx, SAM, { username: "sam", pin }));
    expect(within((tx) => peers.change(tx, SAM, { username: "other" })).username).toBe("sam");
    expect(within((tx) => peers.change(tx, KIM, { username: "SAM" })).username).toBe("");
    expect(within((tx) => peers.byName(tx, "sam"))?.account).toEqual(SAM);
  });

  test("without keys give their name up to the one that the server names", () => {
    within((tx) => peers.change(tx, SAM, { username: "sam" }));
    within((tx) => peers.change(tx, KIM, { username: "sam" }));
    expect(within((tx) => peers.byName(tx, "sam"))?.account).toEqual(KIM);
    expect(within((tx) => peers.byAccount(tx, SAM))?.username).toBe("");
  });

  test("have their lists kept", () => {
    const list = firstList(SAM);
    within((tx) => peers.saveList(tx, list));
    within((tx) => peers.saveList(tx, list));
    expect(within((tx) => peers.listNamed(tx, SAM, list.hash))?.signed).toEqual(list.signed);
    expect(within((tx) => peers.listNamed(tx, KIM, list.hash))).toBeNull();
    expect(within((tx) => peers.knowsList(tx, SAM, list.hash))).toBe(true);
    const pinned = Peer.of({ account: SAM, pin: new Pin(list).toBytes() });
    expect(peers.pinOf(pinned)?.newest.hash).toEqual(list.hash);
    expect(peers.pinOf(null)).toBeNull();
    expect(within((tx) => peers.lists(tx, SAM)).map((one) => one.seq)).toEqual([1]);
  });

  test("keep the names of lists that were given up, and nothing else of them", () => {
    const list = firstList(SAM);
    within((tx) => peers.saveList(tx, list));
    within((tx) => peers.forgetLists(tx, SAM));
    within((tx) => peers.forgetLists(tx, SAM));
    expect(within((tx) => [peers.listNamed(tx, SAM, list.hash), peers.lists(tx, SAM)])).toEqual([null, []]);
    expect(within((tx) => peers.knowsList(tx, SAM, list.hash))).toBe(true);
    expect(within((tx) => peers.knowsList(tx, KIM, list.hash))).toBe(false);
  });
});

describe("sessions", () => {
  test("keep prekeys until they are spent, with what stands under them", () => {
    const key = generateAccountKey();
    const own = OwnDevice.generate(SAM, KIM, key.public, SYSTEM);
    const [old] = generatePrekeys(own, "spk", { firstId: 1, count: 1, now: 0, entropy: SYSTEM });
    const [fresh] = generatePrekeys(own, "spk", { firstId: 2, count: 1, now: 150 * DAY, entropy: SYSTEM });
    const [once] = generatePrekeys(own, "opk", { firstId: 1, count: 1, now: 0, entropy: SYSTEM });
    const [hash, other] = [random(32), random(32)];
    within((tx) => {
      for (const one of [old!, fresh!, once!]) sessions.savePrekey(tx, one.private);
      sessions.rememberEk(tx, hash, 1);
      sessions.rememberEk(tx, other, 2);
      sessions.deleteSpentPrekeys(tx, { now: 151 * DAY });
    });
    expect(within((tx) => sessions.prekey(tx, "spk", 1))).toBeNull();
    expect(within((tx) => sessions.prekey(tx, "spk", 2))?.toBytes()).toEqual(fresh!.private.toBytes());
    expect(within((tx) => sessions.prekey(tx, "opk", 1))).not.toBeNull();
    expect(within((tx) => [sessions.hasSeenEk(tx, hash), sessions.hasSeenEk(tx, other)])).toEqual([false, true]);
    within((tx) => sessions.deletePrekey(tx, "opk", 1));
    expect(within((tx) => sessions.prekey(tx, "opk", 1))).toBeNull();
  });

  test("of nobody are none", () => {
    expect(within((tx) => sessions.pair(tx, SAM, KIM)).sessions).toEqual([]);
    expect(within((tx) => sessions.isKnown(tx, random(16)))).toBe(false);
    within((tx) => sessions.tidyPairs(tx, { now: 0 }));
  });
});

test("the outbox gives out the oldest first, and holds a chat back behind one that is stuck", () => {
  const outgoing = (byte: number, text: string): Outgoing =>
    Outgoing.of({ id: new Uint8Array(16).fill(byte), account: SAM, sent: byte, text });
  const rows = [1, 2, 3, 4].map((byte) => outgoing(byte, `text ${byte}`));
  within((tx) => {
    for (const [at, row] of rows.entries()) outbox.add(tx, row, at % 2 === 0 ? SAM : KIM);
  });
  const pending = (stuck: Uint8Array[] = [], limit = 100): number[] =>
    within((tx) => outbox.pending(tx, stuck, limit)).map((one) => one.sent);
  expect(pending()).toEqual([1, 2, 3, 4]);
  expect(pending([], 2)).toEqual([1, 2]);
  expect(pending([rows[0]!.id])).toEqual([2, 4]);
  expect(pending([rows[0]!.id, rows[3]!.id])).toEqual([]);
  const encrypted = { ...rows[0]!, padded: random(9), envelopes: [{ device: KIM, body: random(5) }], attempts: 1 };
  within((tx) => outbox.update(tx, encrypted));
  expect(within((tx) => outbox.get(tx, encrypted.id))).toEqual(encrypted);
  within((tx) => outbox.remove(tx, encrypted.id));
  expect(within((tx) => outbox.count(tx))).toBe(3);
});

test("envelopes are dealt with once, and wait where an identity has changed", () => {
  within((tx) => {
    envelopes.remember(tx, 5, { now: 1 });
    envelopes.remember(tx, 5, { now: 2 });
    peers.change(tx, SAM, { changedLists: [random(4)] });
    peers.change(tx, KIM, {});
    for (const [number, account] of [[9, SAM], [8, KIM], [7, KIM]] as const) {
      envelopes.park(tx, number, account, new Uint8Array([number]));
      envelopes.remember(tx, number, { now: 1 });
    }
  });
  expect(within((tx) => [envelopes.isKnown(tx, 5), envelopes.isKnown(tx, 6)])).toEqual([true, false]);
  expect(within((tx) => envelopes.parked(tx)).map((one) => one.envelope)).toEqual([7, 8]);
  within((tx) => envelopes.unpark(tx, 7));
  within((tx) => envelopes.unpark(tx, 5));
  expect(within((tx) => [envelopes.isKnown(tx, 7), envelopes.isKnown(tx, 5)])).toEqual([false, true]);
  within((tx) => peers.change(tx, SAM, { changedLists: [] }));
  expect(within((tx) => envelopes.parked(tx)).map((one) => one.envelope)).toEqual([8, 9]);
  within((tx) => envelopes.tidy(tx, { now: 46 * DAY }));
  expect(within((tx) => envelopes.isKnown(tx, 5))).toBe(false);
});
