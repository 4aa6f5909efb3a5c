// What cannot be read heals by itself, in its place, and shows nothing twice. PROTOCOL.md, Unable to decrypt.

import { beforeEach, expect, test } from "vitest";
import { encodeBase64url } from "../../lib/base64url";
import { random } from "../../lib/bytes";
import { fromUuid } from "../../lib/uuid";
import { Retry, Text } from "../../protocol/body";
import { privateConversation, seal } from "../../protocol/content";
import { SYSTEM } from "../../protocol/entropy";
import { secret } from "../../protocol/secret";
import { Session } from "../../protocol/session";
import * as controls from "../../store/controls";
import * as peers from "../../store/peers";
import { Control } from "../../store/records";
import * as timeline from "../../store/timeline";
import type { Transaction } from "../../store/transaction";
import { requireMe } from "../context";
import { listedAs, queueControl } from "../controls";
import { answer } from "../doctor";
import { showAnImpostor, spoiled } from "./changing";
import { befriend, joined, pause, until, waits, type Party } from "./parties";
import { Relay } from "./relay";

const HOUR = 3_600_000;
const DAY = 24 * HOUR;

let relay: Relay;
let alice: Party;
let bob: Party;
beforeEach(async () => {
  relay = new Relay();
  [alice, bob] = [await joined(relay, "alice"), await joined(relay, "bob")];
  await befriend(alice, bob);
});

/** What each stored session of somebody becomes. */
function corrupt(party: Party, change: (value: Uint8Array) => Uint8Array): void {
  party.read((tx) => {
    for (const [id, value] of tx.all("SELECT id, value FROM session")) {
      if (value instanceof Uint8Array) tx.run("UPDATE session SET value = ? WHERE id = ?", [change(value), id ?? null]);
    }
  });
}

const garbage = (value: Uint8Array): Uint8Array => value.slice(0, value.length - 5);

/** It still reads, but its keys are others. */
function otherKeys(value: Uint8Array): Uint8Array {
  const session = Session.fromBytes(value);
  const { ratchet } = session;
  const [sending, receiving] = [ratchet.sending, ratchet.receiving];
  const key = secret(new Uint8Array(32).fill(9));
  return session
    .with({
      ratchet: {
        ...ratchet,
        root: key,
        sending: sending && { ...sending, key },
        receiving: receiving && { ...receiving, key },
      },
    })
    .toBytes();
}

/** How many contents somebody has sent to single devices; one that was sent twice, its answer being lost, is one. */
function sendsOf(party: Party): number {
  const frames = relay.requests.filter((one) => one.path === "device.send" && one.body["by"] === party.account);
  return new Set(frames.map((one) => JSON.stringify(one.body["envelopes"]))).size;
}
const tail = async (party: Party, other: Party): Promise<string[]> => (await party.texts(other)).slice(2);
const sessionsOf = (party: Party): number => Number(party.read((tx) => tx.one("SELECT COUNT(*) FROM session"))?.[0]);

for (const [what, change] of [["is damaged", garbage], ["has other keys", otherKeys]] as const) {
  test(`a receiver's session that ${what} heals, and nothing is lost or shown twice`, async () => {
    corrupt(bob, change);
    await alice.send(bob, "one");
    await until(async () => (await tail(bob, alice)).join() === "one");
    await alice.send(bob, "two");
    await until(async () => (await tail(bob, alice)).join() === "one,two");
    await bob.send(alice, "three");
    await until(async () => (await tail(alice, bob)).join() === "one,two,three");
    await pause(50);
    expect(await tail(bob, alice)).toEqual(["one", "two", "three"]);
    expect(relay.acks.flatMap((ack) => ack.unreadable).length).toBe(1);
  });

  test(`a sender's session that ${what} heals, and nothing is lost or shown twice`, async () => {
    corrupt(alice, change);
    await alice.send(bob, "one");
    await until(async () => (await tail(bob, alice)).join() === "one");
    await alice.send(bob, "two");
    await until(async () => (await tail(bob, alice)).join() === "one,two");
    await bob.send(alice, "three");
    await until(async () => (await tail(alice, bob)).join() === "one,two,three");
    await pause(50);
    expect(await tail(bob, alice)).toEqual(["one", "two", "three"]);
    expect(relay.acks.flatMap((ack) => ack.unreadable).length).toBe(what === "is damaged" ? 0 : 1);
  });
}

test("what was not read stands in its place, in the order in which it was written", async () => {
  const stamp = new Uint8Array(32).fill(7);
  await bob.messenger.close();
  await alice.send(bob, "one");
  const row = relay.waiting("bob")[0]!;
  row.body = spoiled(row.body!);
  row.stamp = encodeBase64url(stamp);
  row.accepted_at -= 5_000;
  await alice.send(bob, "two");
  await alice.send(bob, "three");
  alice.cut();
  await bob.reopen();
  await bob.online();
  await until(async () => (await tail(bob, alice)).join() === "(unreadable)");
  const [line] = (await bob.lines(alice)).slice(2);
  expect(line).toMatchObject({ repair: "asked", cause: "undecryptable", outgoing: false, acceptedAt: row.accepted_at });
  expect(line!.text).toContain("alice's device has been asked to send it again");
  bob.clock.add(10_000);
  // One line says it: no gap beside it.
  await until(async () => (await tail(bob, alice)).join() === "(unreadable),two,three");
  alice.mend();
  await until(async () => (await tail(bob, alice)).join() === "one,two,three");
  const { id, position, acceptedAt } = line!;
  expect((await bob.lines(alice)).slice(2)[0]).toMatchObject({ id, position, acceptedAt, repair: "none" });
  const kept = bob.read((tx) => timeline.get(tx, fromUuid(alice.account)!, fromUuid(row.message_id)!));
  expect([kept?.stamp, kept?.stampKey]).toEqual([stamp, "1"]); // of the first time, too
  await alice.send(bob, "four");
  await until(async () => (await tail(bob, alice)).join() === "one,two,three,four");
});

test("two that are repaired in the other order leave no gap behind them", async () => {
  await bob.messenger.close();
  for (const text of ["one", "two", "three"]) await alice.send(bob, text);
  for (const row of relay.waiting("bob").slice(0, 2)) row.body = spoiled(row.body!);
  alice.cut();
  await bob.reopen();
  await bob.online();
  await until(() => relay.waiting("alice").length === 2);
  relay.waiting("alice").reverse();
  alice.mend();
  await until(async () => (await tail(bob, alice)).join() === "one,two,three");
  bob.clock.add(10_000);
  await pause(50);
  expect(await tail(bob, alice)).toEqual(["one", "two", "three"]);
});

test("a message is asked for three times at most, over one new session an hour", async () => {
  await bob.messenger.close();
  await alice.send(bob, "lost");
  relay.waiting("bob")[0]!.body = spoiled(relay.waiting("bob")[0]!.body!);
  await alice.messenger.close();
  await bob.reopen();
  await until(() => sendsOf(bob) === 1);
  const claims = relay.times("POST", "keys/claim");
  const line = (await bob.lines(alice)).at(-1)!;
  await bob.messenger.askAgain(line.id);
  await until(() => sendsOf(bob) === 2);
  expect(relay.times("POST", "keys/claim")).toBe(claims);
  bob.clock.add(HOUR);
  await until(async () => (await bob.lines(alice)).at(-1)!.repair === "possible");
  await bob.messenger.askAgain(line.id);
  await until(() => sendsOf(bob) === 3);
  expect(relay.times("POST", "keys/claim")).toBe(claims + 1);
  bob.clock.add(HOUR);
  await until(async () => (await bob.lines(alice)).at(-1)!.repair === "none");
  await expect(bob.messenger.askAgain(line.id)).rejects.toMatchObject({ code: "wrong_use" });
  expect((await bob.lines(alice)).at(-1)!.text).toContain("Ask alice to send it again");
  expect(sendsOf(bob)).toBe(3);
});

test("a message is sent again three times at most, and not after fourteen days", async () => {
  corrupt(bob, otherKeys);
  bob.cut();
  await alice.send(bob, "one");
  const place = alice.read((tx) => tx.one("SELECT session, dh, n FROM sent ORDER BY at DESC LIMIT 1"))!;
  await bob.messenger.close();
  const body = new Retry(place[0] as Uint8Array, place[1] as Uint8Array, Number(place[2]));
  bob.browser.offline = false;
  await bob.reopen();
  await bob.online();
  await until(async () => (await tail(bob, alice)).join() === "one");
  const before = sendsOf(alice);
  const asks = async (): Promise<void> => {
    ask(bob, alice, body);
    await until(() => relay.waiting("alice").length === 0 && waits(bob) === 0 && waits(alice) === 0);
    await pause(30);
  };
  for (let time = 0; time < 4; time++) await asks();
  expect(sendsOf(alice) - before).toBe(2); // and once before that
  alice.read((tx) => tx.run("UPDATE sent SET answered = 0, at = at - ?", [15 * DAY]));
  await asks();
  expect(sendsOf(alice) - before).toBe(2);
  expect(await tail(bob, alice)).toEqual(["one"]);
});

test("somebody else who asks for it gets nothing", async () => {
  const carol = await joined(relay, "carol");
  await befriend(alice, carol);
  await alice.send(bob, "for bob");
  const place = alice.read((tx) => tx.one("SELECT session, dh, n FROM sent WHERE account = ? ORDER BY at DESC", [fromUuid(bob.account)]))!;
  const before = sendsOf(alice);
  ask(carol, alice, new Retry(place[0] as Uint8Array, place[1] as Uint8Array, Number(place[2])));
  await until(() => relay.waiting("alice").length === 0 && waits(carol) === 0);
  await pause(50);
  expect(sendsOf(alice)).toBe(before);
  expect((await carol.texts(alice)).length).toBe(2);
});

test("another identity under the same device id gets nothing of before, by asking or by waiting for it", async () => {
  await alice.send(bob, "for bob");
  const retry = alice.read((tx) => {
    const [session, dh, n] = tx.one("SELECT session, dh, n FROM sent ORDER BY at DESC LIMIT 1")!;
    return new Retry(session as Uint8Array, dh as Uint8Array, Number(n));
  });
  await until(async () => (await tail(bob, alice)).includes("for bob"));
  const before = sendsOf(alice);
  const target = { account: fromUuid(bob.account)!, device: fromUuid(relay.deviceOf("bob"))! };
  const visit = { now: Date.now(), entropy: SYSTEM };
  showAnImpostor(bob);
  bob.cut();
  relay.push("alice", { type: "devices.changed", account: bob.account });
  await until(async () => (await alice.chat(bob)).identityChanged);
  alice.read((tx) => answer(tx, requireMe(tx), target, retry, visit)); // as if it had been asked for just before
  alice.messenger.inside.controls.wanted.set();
  await pause(50);
  expect([waits(alice), sendsOf(alice)]).toEqual([1, before]);
  await alice.messenger.acknowledge(bob.account);
  alice.read((tx) => answer(tx, requireMe(tx), target, retry, visit));
  alice.messenger.inside.controls.wanted.set();
  await pause(50);
  expect([waits(alice), sendsOf(alice)]).toEqual([0, before]);
});

test("a content that waits for a device is not for the one that has its id under other keys", async () => {
  alice.cut();
  ask(alice, bob, new Retry(random(16), random(32), 7));
  const [row] = alice.read((tx) => controls.pending(tx, 0, 9));
  alice.read((tx) => controls.update(tx, { ...row!, control: { ...row!.control, signingKey: random(32) } }));
  const before = sendsOf(alice);
  alice.mend();
  await until(() => waits(alice) === 0);
  expect(sendsOf(alice)).toBe(before);
});

test("a text that nobody asked for is not shown where it comes in a control envelope", async () => {
  const [me, account] = [fromUuid(alice.account)!, fromUuid(bob.account)!];
  const id = random(16);
  const slipped = seal({
    sent: 1,
    messageId: id,
    conversation: privateConversation(me, account),
    body: new Text("you did not ask"),
    heads: { own: head(alice, alice), recipient: head(alice, bob) },
    counter: 2,
  });
  alice.read((tx) => {
    const to = listedAs(tx, { account, device: fromUuid(relay.deviceOf("bob"))! })!;
    controls.add(tx, Control.of({ id, ...to, padded: slipped.padded, at: Date.now() }));
  });
  alice.messenger.inside.controls.wanted.set();
  await until(() => waits(alice) === 0 && relay.waiting("bob").length === 0);
  await alice.send(bob, "hello again");
  await until(async () => (await tail(bob, alice)).includes("hello again"));
  expect(await tail(bob, alice)).toEqual(["hello again"]);
});

test("a control content that cannot be read begins anew, and nobody is shown anything", async () => {
  corrupt(bob, otherKeys);
  const places = [random(16), random(32), 7] as const;
  ask(alice, bob, new Retry(...places)); // on a new session: read, and of nothing here
  await until(() => relay.waiting("bob").length === 0 && waits(alice) === 0);
  corrupt(bob, otherKeys);
  ask(alice, bob, new Retry(...places));
  await until(() => relay.acks.flatMap((ack) => ack.unreadable).length === 1);
  await until(() => sendsOf(bob) === 1 && waits(bob) === 0 && relay.waiting("alice").length === 0);
  await pause(30);
  expect([sessionsOf(alice), sessionsOf(bob)]).toEqual([1, 1]);
  await alice.send(bob, "all new");
  await until(async () => (await tail(bob, alice)).join() === "all new");
  await bob.send(alice, "indeed");
  await until(async () => (await tail(alice, bob)).join() === "all new,indeed");
});

test("a stranger is asked for nothing until the person has accepted", async () => {
  const carol = await joined(relay, "carol");
  await bob.messenger.close();
  await carol.send(bob, "it is me");
  relay.waiting("bob")[0]!.body = spoiled(relay.waiting("bob")[0]!.body!);
  await bob.reopen();
  await until(async () => (await bob.texts(carol)).join() === "(unreadable)");
  await pause(50);
  expect(sendsOf(bob)).toBe(0);
  expect((await bob.lines(carol))[0]).toMatchObject({ repair: "none" });
  await bob.messenger.accept(carol.account);
  await until(async () => (await bob.texts(carol)).join() === "it is me");
});

function ask(party: Party, other: Party, body: Retry): void {
  const { context, controls: queue } = party.messenger.inside;
  const target = { account: fromUuid(other.account)!, device: fromUuid(relay.deviceOf(other.name))! };
  const visit = { now: context.now(), entropy: context.environment.entropy };
  party.read((tx) => queueControl(tx, requireMe(tx), target, body, visit, { fresh: true }));
  queue.wanted.set();
}

function head(party: Party, of: Party): Uint8Array {
  const pin = party.read((tx: Transaction) => peers.pinOf(peers.byAccount(tx, fromUuid(of.account)!)));
  return pin!.newest.hash;
}
