// A group chat is made, changed and left by signed operations; who is in it sees the same.

import { beforeEach, expect, test } from "vitest";
import { group, made, members, says, summary, texts } from "./group_parties";
import { befriend, joined, until, type Party } from "./parties";
import { problem, Relay } from "./relay";

let relay: Relay;
let alice: Party;
let bob: Party;
let carol: Party;

beforeEach(async () => {
  relay = new Relay();
  [alice, bob, carol] = await Promise.all([joined(relay, "alice"), joined(relay, "bob"), joined(relay, "carol")]);
  await befriend(alice, bob);
  await befriend(alice, carol);
});

test("a group is made, named, and seen by all with its members and roles", async () => {
  const id = await made(alice, bob, carol);
  expect(await members(bob, id)).toBe("alice owner, bob member, carol member");
  expect(await texts(bob, id)).toEqual(["alice made this group."]);
  expect((await group(bob, id))?.role).toBe("member");
});

test("members who were only found have their names from the first line on", async () => {
  const [dana, erin] = await Promise.all([joined(relay, "dana"), joined(relay, "erin")]);
  const { id, group: now } = await alice.messenger.createGroup("Swims", [dana.account], { open: false });
  expect(now?.members.map((one) => one.name)).toEqual(["alice", "dana"]);
  await alice.messenger.addMember(id, erin.account);
  expect(await members(alice, id)).toBe("alice owner, dana member, erin member");
  expect((await texts(alice, id)).at(-1)).toBe("You added erin.");
});

test("everybody writes, everybody reads, and lines name who wrote them", async () => {
  const id = await made(alice, bob, carol);
  await says(alice, id, "to the lake?");
  await until(async () => (await texts(bob, id)).length === 2);
  await says(bob, id, "at nine");
  for (const party of [alice, bob, carol]) await until(async () => (await texts(party, id)).length === 3);
  expect((await texts(carol, id)).slice(1)).toEqual(["alice: to the lake?", "bob: at nine"]);
  expect((await texts(bob, id)).slice(1)).toEqual(["alice: to the lake?", "at nine"]);
});

test("who wrote sees whose devices have it, of all that one frame names", async () => {
  const id = await made(alice, bob, carol);
  await says(alice, id, "to the lake?");
  const mine = async () => (await alice.messenger.lines(id, null, 10)).at(-1);
  await until(async () => (await mine())?.devices.length === 2);
  expect((await mine())?.state).toBe("delivered");
  expect(new Set((await mine())?.devices.map((one) => one.account))).toEqual(new Set([bob.account, carol.account]));
});

test("who is removed reads nothing that follows, and the others do", async () => {
  const id = await made(alice, bob, carol);
  await says(bob, id, "before");
  await until(async () => (await texts(carol, id)).length === 2);
  await alice.messenger.removeMember(id, carol.account);
  await until(async () => (await group(carol, id))?.ended === "removed");
  await until(async () => (await members(bob, id)) === "alice owner, bob member");
  await says(bob, id, "after");
  await until(async () => (await texts(alice, id)).includes("bob: after"));
  expect(await texts(carol, id)).not.toContain("bob: after");
  await expect(carol.messenger.send(id, "am I there?")).rejects.toThrow("not in this group any more");
});

test("somebody who is added reads from then on, and the title", async () => {
  const id = await made(alice, bob);
  await says(alice, id, "before carol");
  await alice.messenger.addMember(id, carol.account);
  await until(async () => (await summary(carol, id))?.name === "Walks");
  await says(bob, id, "welcome");
  await until(async () => (await texts(carol, id)).includes("bob: welcome"));
  expect(await texts(carol, id)).not.toContain("alice: before carol");
  expect((await texts(carol, id))[1]).toBe("alice added you.");
});

test("a role is given, and with it what an admin may", async () => {
  const id = await made(alice, bob, carol);
  await expect(bob.messenger.changeGroup(id, { title: "Swims" })).rejects.toThrow("cannot do that");
  await alice.messenger.setRole(id, bob.account, "admin");
  await until(async () => (await group(bob, id))?.role === "admin");
  await bob.messenger.changeGroup(id, { title: "Swims" });
  await until(async () => (await summary(carol, id))?.name === "Swims");
  expect((await texts(carol, id)).slice(1)).toEqual(["alice made bob an admin.", "bob named the group “Swims”."]);
});

test("what people see of a group changes in one operation, and what is not named stays", async () => {
  const id = await made(alice, bob);
  await alice.messenger.changeGroup(id, { title: "Swims", description: "On Fridays", colour: 0x2040ff, membersMayAdd: true });
  expect(relay.groups.chains.get(id)).toHaveLength(2);
  await alice.messenger.changeGroup(id, { colour: null, title: "Swims" });
  await alice.messenger.changeGroup(id, { description: "On Fridays" });
  expect(relay.groups.chains.get(id)).toHaveLength(3); // the last one changes nothing
  const now = { title: "Swims", description: "On Fridays", colour: null, membersMayAdd: true };
  await until(async () => (await group(bob, id))?.colour === null && (await group(bob, id))?.title === "Swims");
  expect(await group(bob, id)).toMatchObject(now);
  expect((await texts(bob, id)).slice(1)).toEqual(["alice named the group “Swims”.", "alice changed the group's settings."]);
  const sizes = { description: "x".repeat(5_000) };
  await expect(alice.messenger.changeGroup(id, sizes)).rejects.toThrow("too long");
  await expect(alice.messenger.changeGroup(id, { title: "two\nlines" })).rejects.toThrow("needs a name");
  await expect(alice.messenger.changeGroup(id, { colour: 0x1000000 })).rejects.toThrow("no colour");
  expect(await group(alice, id)).toMatchObject(now);
});

test("a group is made with all that it is to have", async () => {
  const options = { open: false, description: "Sundays", colour: 0xff0000, membersMayAdd: true };
  const made = await alice.messenger.createGroup("Walks", [bob.account], options);
  expect(made).toMatchObject({ open: false, group: { description: "Sundays", colour: 0xff0000, membersMayAdd: true } });
  await until(async () => (await group(bob, made.id))?.description === "Sundays");
});

test("who leaves is out, and an admin's client brings a new group key", async () => {
  const id = await made(alice, bob, carol);
  await bob.messenger.leaveGroup(id);
  expect((await group(bob, id))?.ended).toBe("left");
  await until(() => relay.groups.chains.get(id)?.length === 3); // create, leave, rekey
  await says(alice, id, "still walking");
  await until(async () => (await texts(carol, id)).includes("alice: still walking"));
  expect(await texts(carol, id)).toContain("bob left.");
  expect(await texts(bob, id)).not.toContain("alice: still walking");
});

test("somebody joins by a link, and waits for approval where the link asks for it", async () => {
  const id = await made(alice, bob);
  const code = await alice.messenger.makeLink(id, { approval: true });
  const dave = await joined(relay, "dave");
  const waiting = await dave.messenger.join(code);
  expect(waiting.group?.isPending).toBe(true);
  await until(async () => (await group(alice, id))?.pending.map((one) => one.name).join() === "dave");
  await alice.messenger.approve(id, dave.account);
  await until(async () => (await summary(dave, id))?.name === "Walks");
  await says(dave, id, "hello all");
  await until(async () => (await texts(bob, id)).includes("dave: hello all"));
  const [link] = (await group(alice, id))?.links ?? [];
  await alice.messenger.endLink(id, link!.key);
  expect((await group(alice, id))?.links).toEqual([]);
});

test("of two admins at once, the one that lost signs anew", async () => {
  const id = await made(alice, bob);
  await alice.messenger.setRole(id, bob.account, "admin");
  await until(async () => (await group(bob, id))?.role === "admin");
  const erin = await joined(relay, "erin");
  await Promise.all([alice.messenger.addMember(id, carol.account), bob.messenger.addMember(id, erin.account)]);
  for (const party of [alice, bob]) {
    await until(async () => (await members(party, id)) === "alice owner, bob admin, carol member, erin member");
  }
});

test("a stranger's group is a request: it is seen, and left by declining", async () => {
  const dave = await joined(relay, "dave");
  const { id } = await dave.messenger.createGroup("Offers", [alice.account], { open: false });
  await until(async () => (await summary(alice, id))?.request === true);
  await alice.messenger.leaveGroup(id);
  expect((await group(alice, id))?.ended).toBe("left");
});

test("somebody who cannot be added changes nothing", async () => {
  const id = await made(alice, bob);
  relay.refusals.of(`POST groups/${id}/operations`).push(problem(404, "not_found"));
  await expect(alice.messenger.addMember(id, carol.account)).rejects.toMatchObject({ code: "not_found" });
  expect((await group(alice, id))?.ended).toBe("");
  expect(await members(alice, id)).toBe("alice owner, bob member");
  await alice.messenger.addMember(id, carol.account);
  await until(async () => (await members(bob, id)).includes("carol member"));
});

test("a link that is worth nothing any more leaves nothing behind", async () => {
  const id = await made(alice, bob);
  const code = await alice.messenger.makeLink(id, {});
  relay.refusals.of(`POST groups/${id}/operations`).push(problem(404, "not_found"));
  await expect(carol.messenger.join(code)).rejects.toMatchObject({ code: "not_found" });
  expect(await summary(carol, id)).toBeUndefined();
  await expect(carol.messenger.join("0".repeat(146))).rejects.toThrow("no link to a group");
  expect((await carol.messenger.join(code)).group?.role).toBe("member");
});

test("a group survives a reload, and what was written while away comes in", async () => {
  const id = await made(alice, bob, carol);
  await bob.messenger.close();
  await says(alice, id, "one");
  await says(carol, id, "two");
  await bob.reopen();
  await until(async () => (await texts(bob, id)).length === 3);
  await says(bob, id, "back");
  await until(async () => (await texts(carol, id)).includes("bob: back"));
});
