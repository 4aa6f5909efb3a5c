// Two people at two pages: the ordinary day.

import { beforeEach, expect, test } from "vitest";
import type { ChatSummary, Told } from "../model";
import { befriend, joined, pause, until, type Party } from "./parties";
import { Relay } from "./relay";

let relay: Relay;
let alice: Party;
let bob: Party;
beforeEach(async () => {
  relay = new Relay();
  [alice, bob] = [await joined(relay, "alice"), await joined(relay, "bob")];
});

const summary = async (one: Party, other: Party): Promise<ChatSummary> =>
  (await one.messenger.chats()).find((chat) => chat.account === other.account)!;

test("a first message arrives, and its answer", async () => {
  await befriend(alice, bob);
  expect(await alice.texts(bob)).toEqual(["hello", "hello yourself"]);
  expect(await bob.texts(alice)).toEqual(["hello", "hello yourself"]);
  await until(async () => (await bob.states(alice))["hello yourself"] === "delivered");
  expect(relay.waiting("bob")).toEqual([]);
});

test("one's own line is stored and told before the network is asked for anything", async () => {
  const asked = relay.requests.length;
  const chat = await alice.chat(bob);
  const sent = alice.messenger.send(chat.id, "hi");
  const told = alice.told.filter((one): one is Told & { type: "lines" } => one.type === "lines");
  expect(told.at(-1)?.lines.map((line) => [line.text, line.state])).toEqual([["hi", "queued"]]);
  expect(relay.requests.length).toBe(asked);
  expect((await sent).chat).toBe(chat.id);
  expect(alice.told.findLast((one) => one.type === "chats")?.chats[0]?.last?.text).toBe("hi");
});

test("the states that are shown follow what the server tells, and never go back", async () => {
  await befriend(alice, bob);
  const { id } = await alice.send(bob, "seen?");
  await until(async () => (await alice.line(bob, id)).state === "delivered");
  await bob.messenger.look((await bob.chat(alice)).id);
  await until(async () => (await alice.line(bob, id)).state === "read");
  const about = { chat: "", messages: [id], account: bob.account, device: relay.deviceOf("bob"), at: 1 };
  relay.push("alice", { type: "message.delivered", ...about });
  relay.push("alice", { type: "message.read", ...about, account: relay.id() });
  await pause(30);
  const line = await alice.line(bob, id);
  expect(line.state).toBe("read");
  expect(line.devices.find((one) => one.account === bob.account)?.status).toBe("read");
});

test("what is read is told once, together, and again after a restart if it could not be told", async () => {
  await befriend(alice, bob);
  for (const text of ["one", "two", "three"]) await alice.send(bob, text);
  await until(async () => (await bob.texts(alice)).length === 5);
  const chat = await summary(bob, alice);
  expect(chat.unread).toBeGreaterThan(0);
  relay.faults.of("FRAME message.read").push(() => null);
  await bob.messenger.markRead(chat.id, (await bob.lines(alice)).at(-1)!.position);
  expect((await summary(bob, alice)).unread).toBe(0);
  await until(() => relay.times("FRAME", "message.read") > 0);
  await bob.reload();
  await until(() => relay.times("FRAME", "message.read") === 2);
  const [lost, told] = relay.bodies("message.read");
  expect(told?.messages).toEqual(lost?.messages);
  expect((told?.messages as string[]).length).toBe(4);
  await pause(400);
  await bob.reload();
  await bob.online();
  await pause(400);
  expect(relay.times("FRAME", "message.read")).toBe(2);
});

test("nobody whose request is open is told what was read, until it is accepted", async () => {
  await alice.send(bob, "we have not met");
  await until(async () => (await bob.texts(alice)).length === 1);
  expect(await summary(bob, alice)).toMatchObject({ request: true, unread: 1, name: "alice" });
  await bob.messenger.look((await bob.chat(alice)).id);
  await bob.messenger.typing((await bob.chat(alice)).id, true);
  await pause(450);
  expect(relay.times("FRAME", "message.read") + relay.times("FRAME", "typing")).toBe(0);
  await bob.messenger.accept(alice.account);
  expect(await summary(bob, alice)).toMatchObject({ request: false, unread: 0 });
  await until(() => relay.times("FRAME", "message.read") === 1);
});

test("writing back accepts, and an envelope that was on its way does not undo that", async () => {
  await alice.send(bob, "we have not met");
  await until(async () => (await bob.texts(alice)).length === 1);
  await alice.send(bob, "on its way");
  await bob.send(alice, "now we have");
  expect((await summary(bob, alice)).request).toBe(false);
  relay.contacts.of(bob.account).set(alice.account, "requested"); // a server that is behind
  await alice.send(bob, "later");
  await until(async () => (await bob.texts(alice)).length === 4);
  expect((await summary(bob, alice)).request).toBe(false);
});

test("lines of the chat that the person looks at are read at once, those of others are not", async () => {
  const carol = await joined(relay, "carol");
  await befriend(alice, bob);
  await befriend(carol, bob);
  await bob.messenger.look((await bob.chat(alice)).id);
  await alice.send(bob, "seen");
  await carol.send(bob, "unseen");
  await until(async () => (await bob.texts(carol)).length === 3);
  await until(async () => (await bob.texts(alice)).length === 3);
  expect((await summary(bob, alice)).unread).toBe(0);
  const other = await summary(bob, carol);
  expect(other.unread).toBe(2);
  expect((await bob.lines(carol)).find((line) => line.position === other.firstUnread)?.text).toBe("hello");
});

test("typing is shown, ends with the message, and ends by itself", async () => {
  await befriend(alice, bob);
  const chat = (await bob.chat(alice)).id;
  const typing = (): unknown[] => bob.told.flatMap((one) => (one.type === "typing" ? [[one.chat, one.on]] : []));
  await alice.messenger.typing(chat, true);
  await alice.messenger.typing(chat, true);
  await until(() => relay.times("FRAME", "typing") === 1);
  const frame = { type: "typing", chat, account: alice.account, on: true };
  relay.push("bob", frame);
  await until(() => typing().length === 1);
  await alice.send(bob, "written");
  await until(() => typing().length === 2);
  relay.push("bob", frame);
  await until(() => typing().length === 3);
  bob.clock.add(6_000);
  await until(() => typing().length === 4);
  expect(typing()).toEqual([true, false, true, false].map((on) => [chat, on]));
  relay.push("bob", { ...frame, account: relay.id() }); // somebody else's word about this chat
  await pause(30);
  expect(typing().length).toBe(4);
});

test("a draft is kept until it is sent, and lines are given page by page in both directions", async () => {
  await befriend(alice, bob);
  const chat = (await alice.chat(bob)).id;
  await alice.messenger.saveDraft(chat, "not yet");
  await alice.reload();
  expect((await summary(alice, bob)).draft).toBe("not yet");
  for (let number = 0; number < 8; number++) await alice.send(bob, String(number));
  const told = alice.told.flatMap((one) => (one.type === "chats" ? one.chats : []));
  expect(told.findLast(({ id }) => id === chat)?.draft).toBe("");
  await alice.reload();
  expect((await summary(alice, bob)).draft).toBe("");
  const newest = await alice.messenger.lines(chat, null, 3);
  expect(newest.map((line) => line.text)).toEqual(["5", "6", "7"]);
  const before = await alice.messenger.lines(chat, newest[0]!.position, 3);
  expect(before.map((line) => line.text)).toEqual(["2", "3", "4"]);
  const after = await alice.messenger.linesAfter(chat, before[0]!.position, 2);
  expect(after.map((line) => line.text)).toEqual(["3", "4"]);
});

test("a thousand messages that waited are shown in order, told in batches, and acknowledged", async () => {
  await befriend(alice, bob);
  await bob.messenger.close();
  const sent = Array.from({ length: 1000 }, (_, number) => String(number));
  for (const text of sent) await alice.write(bob, text);
  await until(() => alice.messenger.inside.sender.waiting === 0, 60);
  bob.told.length = 0;
  await bob.reopen();
  const chat = (await bob.chat(alice)).id;
  await until(() => bob.connection === "online" && relay.waiting("bob").length === 0, 60);
  expect((await bob.messenger.linesAfter(chat, 0, 2000)).slice(2).map((line) => line.text)).toEqual(sent);
  const told = bob.told.flatMap((one) => (one.type === "lines" && !one.lines[0]?.outgoing ? [one.lines.length] : []));
  expect(told.reduce((sum, count) => sum + count, 0)).toBe(1000);
  expect(told.length).toBeLessThan(40);
});

test("a status of somebody else's says nothing about a message", async () => {
  const carol = await joined(relay, "carol");
  await befriend(alice, bob);
  bob.browser.offline = true;
  const line = await alice.send(bob, "for bob");
  const said = { chat: (await alice.chat(bob)).id, messages: [line.id], device: relay.deviceOf("carol"), at: 1 };
  relay.push("alice", { type: "message.read", account: carol.account, ...said });
  relay.push("alice", { type: "message.delivered", account: bob.account, ...said });
  await until(async () => (await alice.line(bob, line.id)).state !== "accepted");
  expect(await alice.line(bob, line.id)).toMatchObject({ state: "delivered", devices: [{ account: bob.account }] });
});
