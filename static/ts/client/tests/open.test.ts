// Open chats: the ordinary day, roles, requests, and what must not get from one kind of chat into the other.

import { beforeEach, expect, test } from "vitest";
import type { Told } from "../model";
import { group, members, summary } from "./group_parties";
import { heard, hears, lineOf, openGroup, openWith, tablesWith, tells } from "./open_parties";
import { befriend, joined, linked, pause, until, type Party } from "./parties";
import { problem, Relay } from "./relay";

let relay: Relay;
let alice: Party;
let bob: Party;
let carol: Party;
beforeEach(async () => {
  relay = new Relay();
  [alice, bob, carol] = [await joined(relay, "alice"), await joined(relay, "bob"), await joined(relay, "carol")];
  for (const other of [bob, carol]) {
    relay.contacts.of(alice.account).set(other.account, "accepted");
    relay.contacts.of(other.account).set(alice.account, "accepted");
  }
});

test("an open group: everybody in it reads what anybody writes", async () => {
  const id = await openGroup(alice, bob, carol);
  expect(await summary(alice, id)).toMatchObject({ open: true, kind: "group", name: "Choir", request: false });
  expect(await members(bob, id)).toBe("alice owner, bob member, carol member");
  await tells(alice, id, "hello all");
  await hears(bob, id, "alice: hello all");
  await tells(bob, id, "hello yourself");
  await hears(alice, id, "alice: hello all", "bob: hello yourself");
  await hears(carol, id, "alice: hello all", "bob: hello yourself");
  expect(await summary(carol, id)).toMatchObject({ unread: 2, last: { text: "hello yourself", sender: "bob" } });
  expect((await group(carol, id))).toMatchObject({ links: [], pending: [], trouble: "", description: "", colour: null });
});

test("of two there is one open chat, beside the encrypted one", async () => {
  const encrypted = await alice.chat(bob);
  const open = await openWith(alice, bob);
  expect(open).toMatchObject({ open: true, kind: "private", account: bob.account, name: "bob", group: null });
  expect(open.id).not.toBe(encrypted.id);
  await until(async () => (await summary(bob, open.id)) !== undefined);
  expect((await openWith(bob, alice)).id).toBe(open.id);
  await tells(bob, open.id, "in the open");
  await alice.send(bob, "in private");
  await hears(alice, open.id, "bob: in the open");
  await until(async () => (await bob.texts(alice)).includes("in private"));
  expect(await heard(bob, open.id)).toEqual(["bob: in the open"]);
  await expect(openWith(alice, alice)).rejects.toThrow("That is you");
});

test("nothing of one kind of chat gets into the tables, or the frames, of the other", async () => {
  await befriend(alice, bob);
  const open = await openWith(alice, bob);
  const encrypted = await alice.chat(bob);
  alice.cut();
  await alice.messenger.send(open.id, "canary of the open");
  await alice.messenger.send(encrypted.id, "canary of the closed");
  expect(tablesWith(alice, "canary of the open")).toEqual(["open_outbox"]);
  expect(tablesWith(alice, "canary of the closed")).toEqual(["entry", "outbox"]);
  alice.mend();
  await hears(bob, open.id, "alice: canary of the open");
  await until(async () => (await bob.texts(alice)).includes("canary of the closed"));
  expect(tablesWith(bob, "canary of the open")).toEqual(["open_message"]);
  expect(tablesWith(bob, "canary of the closed")).toEqual(["entry"]);
  expect(relay.bodies("open.send").map((one) => one.body)).toEqual(["canary of the open"]);
  expect(JSON.stringify(relay.bodies("message.send"))).not.toContain("canary");
});

test("a server that shows an open chat under an encrypted one's id gets nothing of it", async () => {
  await befriend(alice, bob);
  const walks = (await alice.messenger.createGroup("Walks", [bob.account], { open: false })).id;
  const encrypted = (await alice.chat(bob)).id;
  const real = await openGroup(alice, bob);
  for (const id of [encrypted, walks]) relay.open.rooms.set(id, { ...relay.open.rooms.get(real)!, id });
  await alice.reload();
  await alice.online();
  for (const id of [encrypted, walks]) {
    relay.push("alice", { type: "open.chat", open_chat: id, title: "x", member_count: 2 });
    relay.push("alice", { type: "open.message", open_chat: id, request: false, ...relay.open.write(real, bob.account, "bait") });
  }
  await hears(alice, real, "bob: bait", "bob: bait");
  expect((await alice.messenger.chats()).filter((one) => one.open).map((one) => one.id)).toEqual([real]);
  await alice.messenger.send(encrypted, "a secret");
  await alice.messenger.send(walks, "another");
  await until(() => relay.times("FRAME", "group.send") === 1);
  await until(async () => (await bob.texts(alice)).includes("a secret"));
  expect(relay.times("FRAME", "open.send")).toBe(0);
});

test("an encrypted chat that comes to be under the id of an open one takes it over", async () => {
  const dave = await joined(relay, "dave");
  const id = "00000000-0000-4000-8000-000000000000";
  const real = await openGroup(alice, bob);
  const encrypted = (await dave.chat(alice)).id;
  relay.open.rooms.set(encrypted, { ...relay.open.rooms.get(real)!, id: encrypted });
  relay.open.rooms.set(id, { ...relay.open.rooms.get(real)!, id });
  await alice.reload(); // alice has no encrypted chat with dave yet
  await until(async () => (await summary(alice, encrypted))?.open === true);
  await alice.messenger.send((await alice.chat(dave)).id, "only for dave");
  await until(async () => (await dave.texts(alice)).includes("only for dave"));
  expect(await summary(alice, encrypted)).toMatchObject({ open: false, name: "dave" });
  expect(await summary(alice, id)).toMatchObject({ open: true, name: "Choir" }); // no encrypted one has its id
  expect(relay.times("FRAME", "open.send")).toBe(0);
});

test("what others have read is shown, and one's own other devices follow", async () => {
  const id = await openGroup(alice, bob, carol);
  const laptop = await linked(alice);
  const line = await tells(alice, id, "seen?");
  await hears(laptop, id, "alice: seen?");
  expect((await lineOf(laptop, id, line.id))?.outgoing).toBe(true);
  await hears(bob, id, "alice: seen?");
  await bob.messenger.look(id);
  expect((await summary(bob, id))?.unread).toBe(0);
  for (const party of [alice, laptop]) await until(async () => (await lineOf(party, id, line.id))?.state === "read");
  const told = alice.told.filter((one): one is Told & { type: "lines" } => one.type === "lines" && one.chat === id);
  expect(told.at(-1)?.lines.map((one) => one.state)).toEqual(["read"]);
  await tells(carol, id, "for alice");
  await until(async () => (await summary(laptop, id))?.unread === 1);
  await alice.messenger.markRead(id, Number.MAX_SAFE_INTEGER);
  await until(async () => (await summary(laptop, id))?.unread === 0);
  await pause(350);
  expect(laptop.relay.bodies("open.read").filter((one) => one.by === alice.account)).toHaveLength(1);
});

test("messages are edited and deleted by those who may", async () => {
  const id = await openGroup(alice, bob, carol);
  const line = await tells(bob, id, "helo");
  expect(line).toMatchObject({ changeable: true, deletable: true, editedAt: 0, deleted: false });
  await hears(alice, id, "bob: helo");
  const [seen] = await alice.messenger.lines(id, null, 1);
  expect(seen).toMatchObject({ changeable: false, deletable: true });
  await hears(carol, id, "bob: helo");
  expect((await carol.messenger.lines(id, null, 1))[0]).toMatchObject({ changeable: false, deletable: false });
  await bob.messenger.editLine(line.id, "hello");
  await hears(carol, id, "bob: hello");
  expect((await carol.messenger.lines(id, null, 1))[0]?.editedAt).toBeGreaterThan(0);
  await expect(alice.messenger.editLine(seen!.id, "mine")).rejects.toThrow("Only your own");
  await expect(carol.messenger.deleteLine(seen!.id)).rejects.toThrow("cannot delete");
  await expect(bob.messenger.editLine(line.id, " ")).rejects.toMatchObject({ code: "wrong_use" });
  await alice.messenger.deleteLine(seen!.id);
  await hears(carol, id, "bob: (deleted)");
  await hears(alice, id, "bob: (deleted)");
  expect((await alice.messenger.lines(id, null, 1))[0]).toMatchObject({ text: "", deleted: true, deletable: false });
  await expect(bob.messenger.editLine(line.id, "back")).rejects.toThrow("not here any more");
  const encrypted = await alice.send(bob, "closed");
  await expect(alice.messenger.editLine(encrypted.id, "x")).rejects.toThrow("open chats alone");
  await expect(alice.messenger.deleteLine(encrypted.id)).rejects.toThrow("open chats alone");
});

test("roles, names and members change for everybody", async () => {
  const id = await openGroup(alice, bob);
  await expect(bob.messenger.addMember(id, carol.account)).rejects.toThrow("cannot do that");
  await alice.messenger.setRole(id, bob.account, "admin");
  await until(async () => (await group(bob, id))?.role === "admin");
  await tells(alice, id, "before carol came");
  await bob.messenger.addMember(id, carol.account);
  await hears(carol, id, "alice: before carol came");
  await bob.messenger.changeGroup(id, { title: "Tenors" });
  await until(async () => (await summary(carol, id))?.name === "Tenors");
  await expect(bob.messenger.changeGroup(id, { description: "x" })).rejects.toThrow("the name can be changed");
  await alice.messenger.setRole(id, bob.account, "owner");
  await until(async () => (await members(carol, id)) === "alice admin, bob owner, carol member");
  expect((await group(alice, id))?.role).toBe("admin");
  for (const call of [alice.messenger.makeLink(id, {}), alice.messenger.endLink(id, "00"), alice.messenger.approve(id, bob.account)]) {
    await expect(call).rejects.toThrow("has no links");
  }
  await bob.messenger.removeMember(id, carol.account);
  await until(async () => (await group(carol, id))?.ended === "removed");
  expect(await heard(carol, id)).toEqual(["alice: before carol came"]);
  await expect(carol.messenger.send(id, "am I there?")).rejects.toThrow("not in this group any more");
  await alice.messenger.leaveGroup(id);
  expect((await group(alice, id))).toMatchObject({ ended: "left", role: null });
  await until(async () => (await members(bob, id)) === "bob owner");
});

test("whom a stranger adds is asked first, and can decline", async () => {
  const dave = await joined(relay, "dave");
  const id = await openGroup(dave, alice, bob);
  const chat = (await openWith(dave, alice)).id;
  await until(async () => (await summary(alice, chat))?.request === true);
  expect((await summary(alice, id))?.request).toBe(true);
  await alice.messenger.typing(id, true);
  await bob.messenger.leaveGroup(id); // declines
  expect((await group(bob, id))?.ended).toBe("left");
  await alice.messenger.acceptGroup(id);
  expect((await summary(alice, id))?.request).toBe(false);
  expect((await summary(alice, chat))?.request).toBe(true);
  await alice.messenger.accept(dave.account);
  expect((await summary(alice, chat))?.request).toBe(false);
  expect(relay.times("FRAME", "typing")).toBe(0);
});

test("writing back accepts, and a blocked person's chat says so", async () => {
  const dave = await joined(relay, "dave");
  const { id } = await openWith(dave, alice);
  await until(async () => (await summary(alice, id))?.request === true);
  await tells(alice, id, "who are you");
  expect((await summary(alice, id))?.request).toBe(false);
  await alice.messenger.block(dave.account);
  expect(await summary(alice, id)).toMatchObject({ blocked: true });
  await alice.reload(); // the server lists it no more
  await alice.online();
  expect(await summary(alice, id)).toMatchObject({ blocked: true, group: null });
  relay.refusals.of("FRAME open.send").push(problem(403, "contact_blocked"));
  const line = await alice.messenger.send(id, "still?");
  await until(async () => (await lineOf(alice, id, line.id))?.state === "failed");
  expect((await lineOf(alice, id, line.id))?.cause).toContain("You have blocked dave");
});

test("names in a text mention members, and typing is shown by name", async () => {
  const id = await openGroup(alice, bob, carol);
  await tells(alice, id, "mail x@carol.example to @Bob. Or @dave?");
  await hears(bob, id, "alice: mail x@carol.example to @Bob. Or @dave?");
  expect((await bob.messenger.lines(id, null, 1))[0]).toMatchObject({ mentioned: true, mentions: [{ name: "bob" }] });
  expect((await summary(bob, id))?.mentioned).toBe(true);
  await hears(carol, id, "alice: mail x@carol.example to @Bob. Or @dave?");
  expect((await summary(carol, id))?.mentioned).toBe(false);
  await bob.messenger.look(id);
  expect((await summary(bob, id))?.mentioned).toBe(false);
  await bob.messenger.typing(id, true);
  await until(() => relay.times("FRAME", "typing") === 1);
  expect(relay.bodies("typing")[0]).toMatchObject({ open_chat: id });
  relay.push("alice", { type: "typing", open_chat: id, account: bob.account, on: true });
  await until(() => alice.told.some((one) => one.type === "typing" && one.chat === id && one.name === "bob" && one.on));
  await tells(bob, id, "written");
  await until(() => alice.told.some((one) => one.type === "typing" && one.name === "bob" && !one.on));
});

test("drafts, muting and the order of chats of both kinds", async () => {
  const id = await openGroup(alice, bob);
  await alice.messenger.mute(id, true);
  await alice.send(bob, "first");
  await pause(3);
  await alice.messenger.saveDraft(id, "second");
  expect(await summary(alice, id)).toMatchObject({ draft: "second" });
  await tells(alice, id, "second");
  expect(await summary(alice, id)).toMatchObject({ draft: "" });
  await alice.messenger.saveDraft(id, "not yet");
  await alice.reload();
  expect((await alice.messenger.chats()).map((one) => one.last?.text)).toEqual(["second", "first"]);
  expect(await summary(alice, id)).toMatchObject({ draft: "not yet", group: { muted: true } });
  await pause(3);
  await alice.send(bob, "third");
  expect((await alice.messenger.chats()).map((one) => one.last?.text)).toEqual(["third", "second"]);
});
