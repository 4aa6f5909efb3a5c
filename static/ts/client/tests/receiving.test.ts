// Receiving: stored with the ratchet in one step, acknowledged after, shown once, and said plainly if unreadable.

import { beforeEach, expect, test, vi } from "vitest";
import { encodeBase64url } from "../../lib/base64url";
import { utf8 } from "../../lib/bytes";
import { StoreError } from "../../lib/errors";
import { fromUuid } from "../../lib/uuid";
import * as cbor from "../../protocol/cbor";
import * as timeline from "../../store/timeline";
import { addDevice, publish, showAnotherIdentity, spoiled } from "./changing";
import { befriend, joined, pause, until, type Party } from "./parties";
import { problem, Relay, type Row } from "./relay";

let relay: Relay;
let alice: Party;
let bob: Party;
beforeEach(async () => {
  relay = new Relay();
  [alice, bob] = [await joined(relay, "alice"), await joined(relay, "bob")];
});

/** What waits for bob while he is away, changed by a server that lies; then he comes back. */
async function returns(change: (rows: Row[]) => Row[]): Promise<void> {
  relay.queue.set(relay.deviceOf("bob"), change(relay.waiting("bob")));
  bob.told.length = 0;
  await bob.reopen();
  await bob.online();
  await until(() => relay.waiting("bob").length === 0);
}

const deliver = (body: Uint8Array): Row =>
  relay.deliver(relay.deviceOf("bob"), [alice.account, relay.deviceOf("alice")], relay.id(), encodeBase64url(body));
const causes = (): unknown[] => relay.acks.flatMap((ack) => ack.unreadable.map((one) => one.cause));

test("an envelope that comes again is acknowledged and shown nowhere", async () => {
  await bob.messenger.close();
  await alice.send(bob, "once");
  const [row] = relay.waiting("bob");
  await returns((rows) => [...rows, { ...row!, envelope: 900 }]);
  expect(await bob.texts(alice)).toEqual(["once"]);
  await bob.messenger.close();
  await returns(() => [row!, { ...row!, envelope: 901 }]);
  expect(await bob.texts(alice)).toEqual(["once"]);
  expect(causes()).toEqual([]);
});

test("a page that dies between storing and acknowledging shows a message once", async () => {
  await befriend(alice, bob);
  relay.faults.of("FRAME ack").push(() => null);
  const before = relay.times("FRAME", "ack");
  await alice.send(bob, "once");
  await until(() => relay.times("FRAME", "ack") === before + 1);
  await bob.messenger.close();
  // The work was done before the answer was lost; put back what a server would still have.
  const rows = [...relay.waiting("bob")];
  await returns(() => rows);
  expect((await bob.texts(alice)).slice(-1)).toEqual(["once"]);
});

test("what cannot be read is one line with its cause, and stops nothing", async () => {
  await befriend(alice, bob);
  const bad = deliver(utf8("no message at all"));
  await alice.send(bob, "after it");
  await until(async () => (await bob.texts(alice)).length === 4);
  expect((await bob.texts(alice)).slice(2)).toEqual(["(unreadable)", "after it"]);
  const line = (await bob.lines(alice))[2]!;
  expect(line).toMatchObject({ cause: "malformed", outgoing: false });
  expect(line.text).toContain("from alice cannot be read");
  expect(relay.acks.flatMap((ack) => ack.unreadable)).toContainEqual({ envelope: bad.envelope, cause: "malformed" });
});

test("a flipped bit is undecryptable, and the original still reads", async () => {
  await befriend(alice, bob);
  await bob.messenger.close();
  await alice.send(bob, "whole");
  await returns(([row]) => [{ ...row!, envelope: 901, body: spoiled(row!.body!) }, row!]);
  expect((await bob.texts(alice)).slice(2)).toEqual(["whole"]);
  expect(causes()).toEqual(["undecryptable"]);
});

test("a message that the server moves to another id or sender is not shown as theirs", async () => {
  const carol = await joined(relay, "carol");
  await befriend(alice, bob);
  await befriend(carol, bob);
  await bob.messenger.close();
  await alice.send(bob, "for bob, by alice");
  await returns(([row]) => [
    { ...row!, envelope: 901, sender: { account: carol.account, device: relay.deviceOf("carol") } },
    { ...row!, envelope: 902, message_id: relay.id() },
  ]);
  expect((await bob.texts(carol)).slice(2)).toEqual(["(unreadable)"]);
  expect((await bob.texts(alice)).slice(2)).toEqual(["(unreadable)"]);
  expect(causes()).toEqual(["unknown_session", "malformed"]);
});

test("a type of the future is kept and asks for an update", async () => {
  await befriend(alice, bob);
  const body = cbor.encode([9, utf8("something new")]);
  deliver(body);
  await until(async () => (await bob.texts(alice)).length === 3);
  expect((await bob.lines(alice))[2]).toMatchObject({ kind: "update_needed" });
  const chat = fromUuid((await bob.chat(alice)).id)!;
  expect(bob.read((tx) => timeline.lines(tx, chat, null, 9)).at(-1)?.raw).toEqual(body);
  expect(causes()).toEqual([]);
});

test("an expired envelope says so", async () => {
  await bob.messenger.close();
  await alice.send(bob, "too late");
  await returns((rows) => rows.map((row) => ({ ...row, body: null, expired: true })));
  expect(await bob.texts(alice)).toEqual(["(expired)"]);
});

test("the order is that of the counters, not of the wire", async () => {
  await bob.messenger.close();
  for (const text of ["one", "two", "three"]) await alice.send(bob, text);
  await returns((rows) => [...rows].reverse());
  expect(await bob.texts(alice)).toEqual(["one", "two", "three"]);
});

test("a gap is shown after ten seconds, and the page is told by itself", async () => {
  await bob.messenger.close();
  for (const text of ["one", "two", "three"]) await alice.send(bob, text);
  await returns((rows) => rows.filter((_, at) => at !== 1));
  expect(await bob.texts(alice)).toEqual(["one"]);
  bob.told.length = 0;
  bob.clock.add(10_000);
  await until(async () => (await bob.texts(alice)).length === 3);
  expect((await bob.lines(alice))[1]).toMatchObject({ kind: "gap", missing: 1 });
  expect((await bob.texts(alice))[2]).toBe("three");
  expect(bob.told.flatMap((one) => (one.type === "lines" ? one.lines : [])).length).toBe(2);
});

test("frames that make no sense are passed over", async () => {
  for (const frame of [
    { type: "of the future" },
    { type: "envelope" },
    { type: "envelope", envelope: 99, sender: 3 },
    { type: "envelope", envelope: -1 },
    { type: "message.delivered", messages: 1 },
    { type: "typing", chat: 3 },
    { type: "devices.changed", account: "nobody" },
    { type: "rejected", id: null, code: "malformed", detail: "" },
  ]) {
    relay.push("bob", frame);
  }
  await alice.send(bob, "after all that");
  await until(async () => (await bob.texts(alice)).length === 1);
  expect(causes()).toEqual(["malformed"]);
  expect(bob.told.some((one) => one.type === "ended")).toBe(false);
});

test("first messages of many strangers take one call to the directory, and a name that is refused stops nothing", async () => {
  await bob.messenger.close();
  const strangers = [];
  for (const name of ["carol", "dave", "erin"]) strangers.push(await joined(relay, name));
  for (const stranger of strangers) await stranger.send(bob, `I am ${stranger.name}`);
  relay.refusals.of(`GET accounts/${strangers[2]!.account}`).push(problem(429, "too_many_requests"));
  const before = relay.times("GET", "keys/directory");
  // Names come with the list of contacts as well; here they come too late.
  relay.refusals.of("GET contacts").push(problem(429, "too_many_requests"));
  await returns((rows) => rows);
  expect(relay.times("GET", "keys/directory")).toBeLessThanOrEqual(before + 2);
  for (const stranger of strangers) expect(await bob.texts(stranger)).toEqual([`I am ${stranger.name}`]);
});

test("nonsense instead of one sender's lists stops no other sender", async () => {
  const carol = await joined(relay, "carol");
  await bob.messenger.close();
  await alice.send(bob, "I am alice");
  await carol.send(bob, "I am carol");
  relay.lists.set(alice.account, [{ payload: 7 }]);
  await returns((rows) => rows);
  expect(await bob.texts(alice)).toEqual(["(unreadable)"]);
  expect(await bob.texts(carol)).toEqual(["I am carol"]);
  expect(causes()).toEqual(["not_listed"]);
});

test("a list that a message names and the server does not show is said to be withheld", async () => {
  await befriend(alice, bob);
  const shown = [...relay.lists.of(alice.account)];
  addDevice(alice);
  await alice.messenger.inside.directory.refresh(fromUuid(alice.account)!);
  relay.lists.set(alice.account, shown);
  await alice.send(bob, "from both of us");
  await until(() => bob.notices.some((text) => text.includes("device list of alice that the server does not show")));
  expect((await bob.texts(alice)).at(-1)).toBe("from both of us");
});

test("what comes while an identity change is open is neither read nor lost", async () => {
  await befriend(alice, bob);
  const known = [...relay.lists.of(bob.account)];
  const { list } = showAnotherIdentity(bob);
  relay.push("alice", { type: "devices.changed", account: bob.account });
  await until(async () => (await alice.texts(bob)).includes("(identity_changed)"));
  await bob.send(alice, "still me");
  await until(() => relay.waiting("alice").length === 0);
  expect(await alice.texts(bob)).not.toContain("still me");
  expect(alice.read((tx) => tx.one("SELECT COUNT(*) FROM parked"))).toEqual([1]);
  relay.lists.set(bob.account, known);
  await alice.messenger.safetyNumber(bob.account);
  await until(async () => (await alice.texts(bob)).includes("still me"));
  expect(alice.read((tx) => tx.one("SELECT COUNT(*) FROM parked"))).toEqual([0]);
  publish(bob, list, { anew: true });
});

test("a stranger whose message cannot be read, or has expired, is a request like any other", async () => {
  const carol = await joined(relay, "carol");
  const target = relay.deviceOf("bob");
  const from = (party: Party): [string, string] => [party.account, relay.deviceOf(party.name)];
  relay.deliver(target, from(alice), relay.id(), encodeBase64url(utf8("no message at all")), { request: true });
  relay.deliver(target, from(carol), relay.id(), "", { request: true }).expired = true;
  await until(async () => (await bob.messenger.chats()).length === 2);
  expect((await bob.messenger.chats()).map((chat) => chat.request)).toEqual([true, true]);
});

test("nobody gets a chat with oneself from what cannot be read", async () => {
  const own: [string, string] = [bob.account, relay.id()];
  relay.deliver(relay.deviceOf("bob"), own, relay.id(), encodeBase64url(utf8("no message at all")));
  await until(() => causes().length === 1);
  expect(await bob.messenger.chats()).toEqual([]);
  await befriend(alice, bob);
  const { id } = await bob.chat(alice);
  relay.deliver(relay.deviceOf("bob"), own, relay.id(), encodeBase64url(utf8("nor this")), { chat: id });
  await until(async () => (await bob.texts(alice)).at(-1) === "(unreadable)");
});

test("times that no clock shows stay within what a page can show", async () => {
  await befriend(alice, bob);
  await bob.messenger.close();
  await alice.send(bob, "from the end of time");
  await returns((rows) => rows.map((row) => ({ ...row, accepted_at: Number.MAX_SAFE_INTEGER })));
  const line = (await bob.lines(alice)).at(-1)!;
  expect(new Date(line.acceptedAt).toISOString()).toContain("275760");
});

test("a full disk when a gap is to be shown is said, and the next message shows both", async () => {
  await bob.messenger.close();
  for (const text of ["one", "two", "three"]) await alice.send(bob, text);
  await returns((rows) => rows.filter((_, at) => at !== 1));
  await pause(350); // nothing else is to be written in a moment
  vi.spyOn(bob.messenger.inside.context.store, "transaction").mockImplementationOnce(() => {
    throw new StoreError("There is no more room.", "full");
  });
  bob.clock.add(10_000);
  await until(() => bob.notices.includes("There is no more room."));
  await alice.send(bob, "four");
  await until(async () => (await bob.texts(alice)).join() === "one,(gap),three,four");
});
