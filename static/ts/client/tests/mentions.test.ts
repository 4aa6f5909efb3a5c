// Whom a message mentions, and who is writing, in groups.

import { beforeEach, expect, test } from "vitest";
import type { Line, Told } from "../model";
import { made, says, summary, texts } from "./group_parties";
import { befriend, joined, pause, until, type Party } from "./parties";
import { Relay } from "./relay";

let relay: Relay;
let alice: Party;
let bob: Party;
let carol: Party;
let id: string;
beforeEach(async () => {
  relay = new Relay();
  [alice, bob, carol] = [await joined(relay, "alice"), await joined(relay, "bob"), await joined(relay, "carol")];
  await befriend(alice, bob);
  await befriend(alice, carol);
  id = await made(alice, bob, carol);
});

async function lineOf(party: Party, text: string): Promise<Line> {
  await until(async () => (await party.messenger.lines(id, null, 50)).some((line) => line.text === text));
  return (await party.messenger.lines(id, null, 50)).find((line) => line.text === text)!;
}

test("members are mentioned by their accounts, and whoever is meant is told so until they have read it", async () => {
  const mentions = [bob.account, bob.account, relay.id()]; // the last one is nobody here
  const line = await alice.messenger.send(id, "@bob, look", { mentions });
  expect(line).toMatchObject({ mentioned: false, mentions: [{ account: bob.account, name: "bob" }] });
  expect(await lineOf(bob, "@bob, look")).toMatchObject({ mentioned: true, mentions: [{ name: "bob" }] });
  expect(await lineOf(carol, "@bob, look")).toMatchObject({ mentioned: false, mentions: [{ name: "bob" }] });
  expect((await summary(bob, id))?.mentioned).toBe(true);
  expect((await summary(carol, id))?.mentioned).toBe(false);
  await says(carol, id, "no mention");
  await lineOf(bob, "no mention");
  await bob.reload();
  expect((await summary(bob, id))?.mentioned).toBe(true);
  await bob.messenger.look(id);
  expect(await summary(bob, id)).toMatchObject({ mentioned: false, unread: 0 });
});

test("a failed message that is sent again mentions whom it did", async () => {
  relay.refusals.of("FRAME group.send").push([400, { code: "malformed" }]);
  const { id: line } = await alice.messenger.send(id, "@carol?", { mentions: [carol.account] });
  await until(async () => (await lineOf(alice, "@carol?")).state === "failed");
  expect((await alice.messenger.resend(line)).mentions).toEqual([{ account: carol.account, name: "carol" }]);
  expect((await lineOf(carol, "@carol?")).mentioned).toBe(true);
});

test("of two, each can be mentioned and nobody else", async () => {
  const chat = (await alice.chat(bob)).id;
  await alice.messenger.send(chat, "@bob @carol", { mentions: [bob.account, carol.account] });
  await until(async () => (await bob.texts(alice)).includes("@bob @carol"));
  const line = (await bob.lines(alice)).at(-1)!;
  expect(line).toMatchObject({ mentioned: true, mentions: [{ account: bob.account }] });
  expect((await bob.messenger.chats()).find((one) => one.id === chat)?.mentioned).toBe(true);
});

test("who is writing in a group is shown by name, each for themselves", async () => {
  const shown = (): unknown[] =>
    alice.told.flatMap((one: Told) => (one.type === "typing" ? [[one.chat === id, one.name, one.on]] : []));
  await bob.messenger.typing(id, true);
  await until(() => relay.times("FRAME", "typing") === 1);
  expect(relay.bodies("typing")[0]).toMatchObject({ group: id, on: true });
  relay.push("alice", { type: "typing", group: id, account: bob.account, on: true });
  relay.push("alice", { type: "typing", group: id, account: carol.account, on: true });
  relay.push("alice", { type: "typing", group: id, account: relay.id(), on: true }); // in no group of theirs
  relay.push("alice", { type: "typing", group: id, account: alice.account, on: true });
  await until(() => shown().length === 2);
  await says(bob, id, "written");
  await until(() => shown().length === 3);
  await pause(20);
  expect(shown()).toEqual([[true, "bob", true], [true, "carol", true], [true, "bob", false]]);
});

test("nobody who waits to be asked, or is out, says that they are writing", async () => {
  const dave = await joined(relay, "dave");
  const asked = (await dave.messenger.createGroup("Offers", [alice.account], { open: false })).id;
  await until(async () => (await summary(alice, asked))?.request === true);
  await alice.messenger.typing(asked, true);
  await bob.messenger.leaveGroup(id);
  await bob.messenger.typing(id, true);
  await pause(30);
  expect(relay.times("FRAME", "typing")).toBe(0);
  expect((await texts(bob, id)).at(-1)).toBe("You left.");
});
