// The outbox: stored first, sent until answered, the same bytes, in order. One message's trouble is no other's.

import { beforeEach, expect, test, vi } from "vitest";
import * as cbor from "../../protocol/cbor";
import { decodeBase64url } from "../../lib/base64url";
import * as chats from "../../store/chats";
import { ADDED_ID, addDevice, changed, forged, newIdentity } from "./changing";
import { befriend, joined, Party, pause, until } from "./parties";
import { problem, Relay, type Json } from "./relay";

let relay: Relay;
let alice: Party;
let bob: Party;
beforeEach(async () => {
  relay = new Relay();
  [alice, bob] = [await joined(relay, "alice"), await joined(relay, "bob")];
});

const SEND = "FRAME message.send";
const sends = (): Json[] => relay.bodies("message.send").map((frame) => ({ ...frame, id: "" }));
const arrived = (party: Party, from: Party, ...texts: string[]): Promise<void> =>
  until(async () => JSON.stringify((await party.texts(from)).slice(-texts.length)) === JSON.stringify(texts));

test("a lost answer is followed by the same bytes, and the message arrives once", async () => {
  await befriend(alice, bob);
  const before = sends().length;
  relay.faults.of(SEND).push(() => null);
  const { id } = await alice.write(bob, "once");
  await until(() => sends().length === before + 1);
  await arrived(bob, alice, "once");
  expect((await alice.line(bob, id)).state).toBe("queued");
  relay.drop("alice");
  await until(async () => (await alice.line(bob, id)).state !== "queued");
  const [first, second] = sends().slice(before);
  expect(second).toEqual(first);
  await alice.send(bob, "next");
  await arrived(bob, alice, "once", "next");
});

test("twenty messages with a cut in the middle arrive once, in order, and every state shown was true", async () => {
  await befriend(alice, bob);
  const texts = Array.from({ length: 20 }, (_, number) => `number ${number}`);
  const seen = new Map<string, string[]>();
  let isLie = false;
  alice.messenger.listen((told) => {
    if (told.type !== "lines") return;
    for (const line of told.lines.filter((one) => one.outgoing)) {
      seen.set(line.text, [...(seen.get(line.text) ?? []), line.state]);
      isLie ||= line.state !== "queued" && !relay.answers.has(line.id);
    }
  });
  for (const [at, text] of texts.entries()) {
    await alice.write(bob, text);
    if (at === 7) await until(() => relay.times("FRAME", "message.send") > 4);
    if (at === 9) alice.cut();
  }
  await pause(30);
  expect((await alice.texts(bob)).slice(-20)).toEqual(texts);
  alice.mend();
  await arrived(bob, alice, ...texts);
  expect((await bob.texts(alice)).length).toBe(22);
  await until(async () => Object.values(await alice.states(bob)).every((state) => state === "delivered"));
  const ranks = ["queued", "accepted", "delivered"];
  for (const states of seen.values()) {
    expect(states.map((state) => ranks.indexOf(state))).toEqual(states.map((state) => ranks.indexOf(state)).sort());
  }
  expect(isLie).toBe(false);
});

test("what is written offline, to a stranger too, is there after a restart and leaves by itself", async () => {
  alice.cut();
  const chat = await alice.chat(bob);
  for (const text of ["before we met", "and more"]) await alice.write(bob, text);
  await alice.reload();
  expect(await alice.texts(bob)).toEqual(["before we met", "and more"]);
  expect((await alice.messenger.chats()).map((one) => one.id)).toEqual([chat.id]);
  alice.mend();
  await arrived(bob, alice, "before we met", "and more");
});

test.each(["FRAME message.send", "POST keys/claim", "GET keys/directory"])(
  "a page that dies when %s is asked for loses nothing and sends once",
  async (call) => {
    let dies = (): void => undefined;
    const dead = new Promise<void>((resolve) => (dies = resolve));
    relay.faults.of(call).push(() => {
      void alice.messenger.close().then(dies);
      return null;
    });
    await alice.write(bob, "on the way");
    await dead;
    await alice.reopen();
    await arrived(bob, alice, "on the way");
    await until(async () => (await alice.states(bob))["on the way"] !== "queued");
    await pause(30);
    expect(await bob.texts(alice)).toEqual(["on the way"]);
  },
);

test("a refused message has failed with its reason, holds up nothing, and leaves no gap", async () => {
  await befriend(alice, bob);
  relay.refusals.of(SEND).push(problem(403, "contact_blocked"), problem(403, "contact_blocked"));
  const refused = [await alice.write(bob, "no"), await alice.write(bob, "no, too")];
  await until(async () => (await alice.line(bob, refused[1]!.id)).state === "failed");
  expect((await alice.line(bob, refused[0]!.id)).cause).toContain("You have blocked bob");
  expect((await alice.send(bob, "yes")).state).not.toBe("failed");
  await arrived(bob, alice, "yes");
  bob.clock.add(60_000);
  expect(await bob.texts(alice)).toEqual(["hello", "hello yourself", "yes"]);
});

test("a failed message is written once more, as the last line, or taken away", async () => {
  await befriend(alice, bob);
  relay.refusals.of(SEND).push(problem(403, "contact_blocked"), problem(403, "contact_blocked"));
  const again = await alice.send(bob, "again");
  const away = await alice.send(bob, "away");
  expect([again.state, away.state]).toEqual(["failed", "failed"]);
  await alice.send(bob, "between");
  await alice.messenger.discard(away.id);
  const resent = await alice.messenger.resend(again.id);
  expect(resent).toMatchObject({ id: again.id, text: "again" });
  await arrived(bob, alice, "between", "again");
  expect(await alice.texts(bob)).toEqual(["hello", "hello yourself", "between", "again"]);
  await expect(alice.messenger.discard(resent.id)).rejects.toThrow("Only a message that could not be sent");
  await expect(alice.messenger.resend(away.id)).rejects.toThrow("not here any more");
});

test("a failed message gives its counter back", async () => {
  await befriend(alice, bob);
  const conversation = (await alice.chat(bob)).id;
  const counter = (): number =>
    alice.read((tx) => chats.chats(tx)).find((chat) => chat.account.length > 0)?.counter ?? -1;
  const before = counter();
  relay.refusals.of(SEND).push(problem(403, "contact_blocked"));
  await alice.send(bob, "no");
  expect(counter()).toBe(before);
  expect(conversation).toBe((await alice.chat(bob)).id);
});

test("going too fast waits as told, and sends", async () => {
  await befriend(alice, bob);
  relay.refusals.of(SEND).push(problem(429, "too_many_requests", "", { retry_after: 7 }));
  const { id } = await alice.write(bob, "patience");
  await until(() => alice.clock.slept.includes(7));
  expect((await alice.line(bob, id)).state).toBe("queued");
  alice.clock.add(7_000);
  await arrived(bob, alice, "patience");
});

test("after devices_changed the same content goes under the same id to the devices that are there now", async () => {
  await befriend(alice, bob);
  addDevice(bob);
  const before = sends().length;
  relay.refusals.of(SEND).push(changed(bob));
  const line = await alice.send(bob, "to all of you");
  expect(line).toMatchObject({ skipped: 1 });
  const [first, second] = sends().slice(before) as { message_id: string; lists: Json; envelopes: { body: string }[]; skipped: string[] }[];
  expect(second?.message_id).toBe(first?.message_id);
  expect(second?.lists).not.toEqual(first?.lists);
  expect(second?.envelopes).not.toEqual(first?.envelopes);
  // One F for all of them (PROTOCOL.md, Content).
  const tag = (frame: typeof first): unknown => (cbor.decode(decodeBase64url(frame!.envelopes[0]!.body)!) as unknown[])[4];
  expect(tag(second)).toEqual(tag(first));
  expect(second?.skipped).toEqual([ADDED_ID]);
  await arrived(bob, alice, "to all of you");
});

test("what was encrypted for a list that has changed since is encrypted anew, before the server refuses it", async () => {
  await befriend(alice, bob);
  relay.strict = true;
  relay.refusals.of(SEND).push(problem(429, "too_many_requests", "", { retry_after: 7 }));
  const before = sends().length;
  const { id } = await alice.write(bob, "to all of you");
  await until(() => alice.clock.slept.includes(7));
  addDevice(bob);
  await alice.messenger.inside.directory.refresh(bobId());
  alice.clock.add(7_000);
  await until(async () => (await alice.line(bob, id)).state !== "queued");
  const [first, second, ...others] = sends().slice(before);
  expect(others).toEqual([]);
  expect([second?.message_id, second?.skipped]).toEqual([first?.message_id, [ADDED_ID]]);
  expect(second?.lists).not.toEqual(first?.lists);
  await arrived(bob, alice, "to all of you");
});

test("a list that changes while others are encrypted for is used for all that leave together", async () => {
  await befriend(alice, bob);
  const carol = await joined(relay, "carol");
  relay.strict = true;
  relay.refusals.of(SEND).push(problem(429, "too_many_requests", "", { retry_after: 7 }));
  await alice.write(bob, "to all of you");
  await until(() => alice.clock.slept.includes(7));
  await alice.write(carol, "hello");
  const { directory } = alice.messenger.inside;
  const claim = directory.claim.bind(directory);
  vi.spyOn(directory, "claim").mockImplementationOnce(async (targets) => {
    addDevice(bob);
    await directory.refresh(bobId());
    return claim(targets);
  });
  const before = sends().length;
  alice.clock.add(7_000);
  await arrived(carol, alice, "hello");
  await arrived(bob, alice, "to all of you");
  expect(sends().slice(before).map((one) => one.skipped)).toEqual([[ADDED_ID], []]);
});

test("a suspended device gets nothing, and nobody waits for it", async () => {
  await befriend(alice, bob);
  addDevice(bob);
  relay.suspended.set(bob.account, [ADDED_ID]);
  relay.refusals.of(SEND).push(changed(bob));
  expect((await alice.send(bob, "not to that one")).skipped).toBe(0);
  expect(sends().at(-1)?.skipped).toEqual([]);
});

test("a ghost device that nobody signed gets nothing, and the person is told", async () => {
  await befriend(alice, bob);
  const lists = relay.lists.of(bob.account);
  lists.push(forged(lists.at(-1)!));
  relay.refusals.of(SEND).push(changed(bob));
  const before = sends().length;
  await alice.write(bob, "hi");
  await until(() => alice.notices.some((text) => text.includes("a device list of bob")));
  expect(sends().length).toBe(before + 1);
  expect((await alice.states(bob)).hi).toBe("queued");
});

test("nothing leaves while an identity change is open, not even what was encrypted before", async () => {
  await befriend(alice, bob);
  relay.faults.of(SEND).push(() => null);
  await alice.write(bob, "encrypted");
  await until(() => relay.faults.of(SEND).length === 0);
  relay.answers.clear();
  newIdentity(bob);
  alice.cut();
  const before = sends().length;
  alice.mend();
  await alice.messenger.inside.directory.refresh(bobId());
  await alice.write(bob, "not yet");
  await pause(50);
  expect(sends().length).toBeLessThanOrEqual(before + 1);
  expect(relay.waiting("bob")).toEqual([]);
  expect((await alice.states(bob))["not yet"]).toBe("queued");
});

test("a message that breaks the program fails alone", async () => {
  await befriend(alice, bob);
  const { stream } = alice.messenger.inside.context;
  const request = stream!.request.bind(stream);
  stream!.request = (frame) => {
    if (frame.type === "message.send") throw new RangeError("nobody foresaw this");
    return request(frame);
  };
  expect(await alice.send(bob, "cursed")).toMatchObject({ state: "failed", cause: "This message cannot be sent." });
  stream!.request = request;
  expect((await alice.send(bob, "fine")).state).not.toBe("failed");
  await arrived(bob, alice, "fine");
});

test("after thirty days without an answer a new session is started", async () => {
  await bob.messenger.close();
  await alice.send(bob, "are you there");
  alice.clock.add(31 * 24 * 3_600_000);
  await alice.send(bob, "still there?");
  await bob.reopen();
  await arrived(bob, alice, "are you there", "still there?");
});

test.each(["", "x".repeat(60_001), "é".repeat(30_001), "\ud800"])("a text that cannot be a message is refused", async (text) => {
  await expect(alice.write(bob, text)).rejects.toMatchObject({ code: "wrong_use" });
  await expect(alice.write(alice, "hi")).rejects.toThrow("That is you");
  expect(alice.messenger.inside.sender.waiting).toBe(0);
});

test("somebody without a device cannot be written to yet, and that is said of the message", async () => {
  const nobody = new Party(relay, "nobody");
  expect(await alice.send(nobody, "hi")).toMatchObject({ state: "failed" });
  expect((await alice.lines(nobody))[0]?.cause).toContain("has not set up a device yet");
});

function bobId(): Uint8Array {
  return bob.messenger.inside.context.account;
}
