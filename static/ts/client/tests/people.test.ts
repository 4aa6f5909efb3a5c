// People: a name stays with the keys that were pinned under it, and only what was compared is verified.

import { beforeEach, expect, test } from "vitest";
import { fromUuid } from "../../lib/uuid";
import type { ChatSummary } from "../model";
import { changed, newIdentity, showAnotherIdentity } from "./changing";
import { befriend, joined, pause, until, type Party } from "./parties";
import { problem, Relay } from "./relay";

let relay: Relay;
let alice: Party;
let bob: Party;
beforeEach(async () => {
  relay = new Relay();
  [alice, bob] = [await joined(relay, "alice"), await joined(relay, "bob")];
});

const summary = async (one: Party, other: Party): Promise<ChatSummary> =>
  (await one.messenger.chats()).find((chat) => chat.account === other.account)!;
const person = (account: string, username: string): object => ({ id: account, username, display_name: "" });

test("people are found by how their names begin, with the chat that they have or would have", async () => {
  await joined(relay, "bobby");
  const found = await alice.messenger.find("bob");
  expect(found.map((one) => one.username)).toEqual(["bob", "bobby"]);
  expect(found[0]?.chat).toBe((await alice.chat(bob)).id);
  expect(await alice.messenger.find("al")).toEqual([]);
});

test("what was decided elsewhere is learned of everybody, however short a page is", async () => {
  const others = [bob, await joined(relay, "carol"), await joined(relay, "dave")];
  for (const other of others) {
    await other.send(alice, "hello");
    await until(async () => (await alice.texts(other)).length === 1);
    relay.contacts.of(alice.account).set(other.account, "blocked");
  }
  relay.page = 1;
  const before = relay.times("GET", "contacts");
  await alice.messenger.inside.people.syncContacts();
  expect(relay.times("GET", "contacts")).toBe(before + others.length);
  for (const other of others) expect(await summary(alice, other)).toMatchObject({ blocked: true });
});

test("a name with pinned keys stays with its account, whatever the server says", async () => {
  await befriend(alice, bob);
  const mallory = await joined(relay, "mallory");
  const { account } = mallory;
  relay.faults.of(`GET accounts/${account}`).push(() => [200, person(account, "Bob") as never]);
  await mallory.send(alice, "I am bob");
  await until(() => alice.notices.some((text) => text.includes("called Bob, too")));
  expect((await summary(alice, mallory)).name).toBe(account);
  expect((await summary(alice, bob)).name).toBe("bob");
  relay.faults.of("GET accounts").push(() => [200, { accounts: [person(account, "bob")] }]);
  expect(await alice.messenger.find("bob")).toEqual([]);
  await expect(alice.messenger.chatWith({ account, username: "bob", chat: "" }, { open: false })).rejects.toThrow("another account");
  relay.faults.of("GET contacts").push(() => [
    200,
    { contacts: [{ account: person(account, "bob"), state: "requested", changed_at: 0 }] },
  ]);
  await alice.messenger.inside.people.syncContacts();
  expect((await summary(alice, mallory)).name).toBe(account);
  await alice.send(bob, "for bob alone");
  await until(async () => (await bob.texts(alice)).at(-1) === "for bob alone");
  expect(relay.waiting("mallory")).toEqual([]);
  expect(await mallory.texts(alice)).toEqual(["I am bob"]);
  await alice.messenger.block(account); // whoever has no name here is still within reach
  expect(await summary(alice, mallory)).toMatchObject({ blocked: true });
});

test("a changed identity stops sending until it is acknowledged, and takes the verified mark away", async () => {
  await befriend(alice, bob);
  const number = await alice.messenger.safetyNumber(bob.account);
  expect(number.digits).toMatch(/^\d{60}$/);
  expect((await bob.messenger.safetyNumber(alice.account)).digits).toBe(number.digits);
  await alice.messenger.verify(bob.account, number.key);
  expect((await summary(alice, bob)).verified).toBe(true);
  newIdentity(bob);
  relay.refusals.of("FRAME message.send").push(changed(bob));
  const { id } = await alice.write(bob, "who are you");
  await until(async () => (await summary(alice, bob)).identityChanged);
  await alice.write(bob, "again");
  await pause(30);
  expect(await alice.states(bob)).toMatchObject({ "who are you": "queued", again: "queued" });
  expect(relay.waiting("bob")).toEqual([]);
  expect((await summary(alice, bob)).verified).toBe(false);
  expect((await alice.lines(bob)).filter((line) => line.kind === "identity_changed").length).toBe(1);
  const told = alice.told.flatMap((one) => (one.type === "lines" ? one.lines : []));
  expect(told.filter((line) => line.kind === "identity_changed").length).toBe(1);
  await bob.write(alice, "it is me");
  await until(() => relay.acks.length > 0 && relay.waiting("alice").length === 0);
  expect(await alice.texts(bob)).not.toContain("it is me");
  await expect(alice.messenger.verify(bob.account, number.key)).rejects.toMatchObject({ code: "identity_changed" });
  const newer = await alice.messenger.safetyNumber(bob.account);
  expect(newer.digits).not.toBe(number.digits);
  await alice.messenger.verify(bob.account, newer.key);
  await until(async () => (await alice.texts(bob)).includes("it is me"));
  await until(async () => (await alice.line(bob, id)).state !== "queued");
  await until(async () => (await bob.texts(alice)).slice(-2).join() === "who are you,again");
  expect(await summary(alice, bob)).toMatchObject({ verified: true, identityChanged: false });
});

test("who goes on without comparing is not verified, and what was parked is read later if the server is away", async () => {
  await befriend(alice, bob);
  newIdentity(bob);
  relay.push("alice", { type: "devices.changed", account: bob.account });
  await until(async () => (await summary(alice, bob)).identityChanged);
  await bob.write(alice, "it is me");
  await until(() => alice.read((tx) => tx.one("SELECT COUNT(*) FROM parked"))?.[0] === 1);
  relay.refusals.of("GET keys/directory").push(problem(503, "unavailable"));
  await alice.messenger.acknowledge(bob.account);
  expect(await summary(alice, bob)).toMatchObject({ verified: false, identityChanged: false });
  expect(await alice.texts(bob)).not.toContain("it is me");
  await alice.reload();
  await until(async () => (await alice.texts(bob)).includes("it is me"));
});

test("a change that the server takes back is over", async () => {
  await befriend(alice, bob);
  await alice.messenger.verify(bob.account, (await alice.messenger.safetyNumber(bob.account)).key);
  const known = [...relay.lists.of(bob.account)];
  showAnotherIdentity(bob);
  relay.refusals.of("FRAME message.send").push(changed(bob));
  await alice.write(bob, "who are you");
  await until(async () => (await summary(alice, bob)).identityChanged);
  relay.lists.set(bob.account, known);
  await alice.messenger.safetyNumber(bob.account);
  await until(async () => (await bob.texts(alice)).includes("who are you"));
  expect(await summary(alice, bob)).toMatchObject({ verified: true, identityChanged: false });
  const lines = (await alice.lines(bob)).filter((line) => line.kind !== "text");
  expect(lines.map((line) => line.kind)).toEqual(["identity_changed", "notice"]);
  expect(lines[1]?.text).toContain("again the one that you know");
});

test("accepting, blocking and unblocking are kept, and what was decided elsewhere is learned at the next start", async () => {
  await alice.send(bob, "we have not met");
  await until(async () => (await bob.texts(alice)).length === 1);
  await bob.messenger.block(alice.account);
  expect(await summary(bob, alice)).toMatchObject({ request: false, blocked: true });
  await bob.messenger.unblock(alice.account);
  expect(await summary(bob, alice)).toMatchObject({ blocked: false });
  relay.contacts.of(bob.account).set(alice.account, "blocked");
  await bob.reload();
  await until(async () => (await summary(bob, alice)).blocked);
});

test("nobody can be compared with who has no device, and nobody with oneself", async () => {
  const nobody = relay.id();
  await expect(alice.messenger.safetyNumber(nobody)).rejects.toMatchObject({ code: "not_found" });
  await expect(alice.messenger.safetyNumber(alice.account)).rejects.toThrow("nobody to compare with");
  await expect(alice.chat(alice)).rejects.toThrow("That is you");
  expect(fromUuid(nobody)).not.toBeNull();
});

test("what the person decides is not undone by a list of contacts from before", async () => {
  await befriend(alice, bob);
  alice.browser.slow = 50;
  const syncing = alice.messenger.inside.people.syncContacts();
  await pause(10);
  alice.browser.slow = 0;
  await Promise.all([alice.messenger.block(bob.account), syncing]);
  expect((await summary(alice, bob)).blocked).toBe(true);
});

test("who has been written back to is no request any more, whatever the list of contacts says", async () => {
  await alice.send(bob, "we have not met");
  await until(async () => (await bob.texts(alice)).length === 1);
  await bob.send(alice, "now we have");
  relay.contacts.of(bob.account).set(alice.account, "requested"); // a server that is behind
  await bob.messenger.inside.people.syncContacts();
  expect((await summary(bob, alice)).request).toBe(false);
});
