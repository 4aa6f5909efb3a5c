// Starting: every step can be taken again, a device that is known starts without a network, and each state is true.

import { beforeEach, expect, test } from "vitest";
import { befriend, Disk, joined, Party, pause, until } from "./parties";
import { problem, Relay } from "./relay";

let relay: Relay;
beforeEach(() => {
  relay = new Relay();
});

const ended = (party: Party): string | undefined =>
  party.told.flatMap((one) => (one.type === "ended" ? [one.why] : [])).at(-1);

test("the first start publishes a list and a hundred keys of each kind", async () => {
  const alice = await joined(relay, "alice");
  const kept = relay.prekeys.of(relay.deviceOf("alice"));
  expect(relay.lists.of(alice.account).length).toBe(1);
  expect([kept.one_time.length, kept.one_time_kem.length]).toEqual([100, 100]);
  expect(kept.signed_prekey !== undefined && kept.last_resort !== undefined).toBe(true);
});

test.each([
  "POST auth/token/session",
  "POST devices",
  "POST auth/device/challenge",
  "POST auth/device/token",
  "PUT keys/device-list",
  "POST keys/prekeys",
  "GET keys/prekeys",
  "GET keys/directory",
])("a set-up that broke off at %s is finished by the next start", async (call) => {
  const alice = new Party(relay, "alice");
  relay.faults.of(call).push(() => null);
  expect(await alice.start()).toMatchObject({ state: "failed" });
  const start = await alice.reopen();
  expect(start).toMatchObject({ state: "ready", account: { username: "alice", id: alice.account } });
  expect(relay.devices.size).toBe(1);
  expect(relay.lists.of(alice.account).length).toBe(1);
  const bob = await joined(relay, "bob");
  await alice.online();
  await befriend(alice, bob);
});

test("a first start without a network says so plainly, and changes nothing", async () => {
  const alice = new Party(relay, "alice");
  alice.browser.offline = true;
  const start = await alice.start();
  expect(start.state === "failed" && start.why).toContain("The server cannot be reached");
  alice.browser.offline = false;
  expect((await alice.start()).state).toBe("ready");
});

test("a browser that is set up starts without a network and shows everything", async () => {
  const [alice, bob] = [await joined(relay, "alice"), await joined(relay, "bob")];
  await befriend(alice, bob);
  alice.cut();
  expect((await alice.reload()).state).toBe("ready");
  const [chat] = await alice.messenger.chats();
  expect(chat).toMatchObject({ name: "bob", last: { text: "hello yourself" } });
  expect((await alice.messenger.lines(chat!.id, null, 10)).length).toBe(2);
  await until(() => alice.connection === "waiting");
  alice.network.change(false);
  await until(() => alice.connection === "offline" || alice.connection === "waiting");
  alice.browser.offline = false;
  alice.network.change(true);
  await alice.online();
});

test("a second browser is told that it has to be linked, again and again, and takes no second device", async () => {
  await joined(relay, "alice");
  const laptop = new Party(relay, "alice");
  expect(await laptop.start()).toEqual({ state: "linking_needed", reset: false });
  expect(await laptop.reopen()).toEqual({ state: "linking_needed", reset: false });
  expect(relay.devices.size).toBe(2);
  await expect(laptop.messenger.chats()).rejects.toThrow("not been started");
});

test("a browser whose store is gone says so, and starts afresh only when asked", async () => {
  const alice = await joined(relay, "alice");
  const device = relay.deviceOf("alice");
  await alice.messenger.close();
  const emptied = new Party(relay, "alice");
  emptied.knownDevice = device;
  const asked = relay.requests.length;
  expect(await emptied.start()).toEqual({ state: "evicted" });
  expect(await emptied.start()).toEqual({ state: "evicted" });
  expect(relay.requests.length).toBe(asked);
  expect(await emptied.messenger.startAfresh()).toEqual({ state: "linking_needed", reset: false });
});

test("a browser whose store went before it was listed is set up anew", async () => {
  const alice = new Party(relay, "alice");
  alice.knownDevice = relay.id();
  expect(await alice.start()).toEqual({ state: "evicted" });
  expect((await alice.messenger.startAfresh()).state).toBe("ready");
});

test("a second tab is told where the account is open, and takes it over", async () => {
  const disk = new Disk();
  const first = new Party(relay, "alice", { disk });
  await first.start();
  const second = new Party(relay, "alice", { disk });
  expect(await second.start()).toEqual({ state: "open_elsewhere" });
  expect((await second.messenger.takeOver()).state).toBe("ready");
  expect(ended(first)).toBe("taken_over");
  await expect(first.messenger.chats()).rejects.toThrow("not been started");
  expect(await first.start()).toEqual({ state: "open_elsewhere" });
  expect((await first.messenger.takeOver()).state).toBe("ready");
  expect(ended(second)).toBe("taken_over");
});

test("a page whose session has ended is signed out, and its messages stay", async () => {
  const alice = new Party(relay, "alice");
  alice.browser.signIn(null);
  expect(await alice.start()).toEqual({ state: "signed_out" });
  alice.browser.signIn("alice");
  expect((await alice.start()).state).toBe("ready");
  await alice.online();
  alice.browser.signIn(null);
  expect((await alice.reload()).state).toBe("ready"); // from the store, before the server is asked
  await until(() => ended(alice) === "signed_out");
  expect(await alice.messenger.chats()).toEqual([]);
});

test("a page is told when somebody else has signed in meanwhile, and speaks for nobody", async () => {
  const alice = await joined(relay, "alice");
  relay.browser("bob");
  alice.browser.signIn("bob");
  relay.tokens.clear();
  relay.refreshes.clear();
  relay.drop("alice", 4401);
  await until(() => ended(alice) === "signed_out");
  const sentences = alice.told.flatMap((one) => (one.type === "ended" ? [one.text] : []));
  expect(sentences.at(-1)).toContain("Somebody else has signed in");
});

test("a browser that the server does not take for a device any more is told so, and keeps its messages", async () => {
  const alice = await joined(relay, "alice");
  relay.refusals.of("POST auth/device/token").push(problem(401, "wrong_proof"));
  expect((await alice.reload()).state).toBe("ready");
  await until(() => ended(alice) === "unlinked");
  const sentences = alice.told.flatMap((one) => (one.type === "ended" ? [one.text] : []));
  expect(sentences.at(-1)).toContain("not one of your account's devices any more");
  relay.refusals.of("POST auth/device/token").push(problem(404, "not_found"));
  expect(await alice.reload()).toEqual({ state: "linking_needed", reset: false });
  alice.browser.offline = true;
  expect(await alice.reload()).toEqual({ state: "linking_needed", reset: false });
  alice.browser.offline = false;
  expect((await alice.reload()).state).toBe("ready"); // the server has thought better of it
});

test("a tab that loses the account while it is being opened says so, and leaves nothing open", async () => {
  const disk = new Disk();
  const first = new Party(relay, "alice", { disk });
  const second = new Party(relay, "alice", { disk });
  let opens = (): void => undefined;
  disk.gate = new Promise((resolve) => (opens = resolve));
  const starting = first.start();
  await pause(10);
  expect((await second.start()).state).toBe("open_elsewhere");
  const taken = second.messenger.takeOver();
  await pause(10);
  opens();
  expect((await starting).state).toBe("open_elsewhere");
  expect((await taken).state).toBe("ready");
  await second.online();
});

test("a token is renewed before its end, in the open connection too", async () => {
  const alice = await joined(relay, "alice");
  await alice.messenger.find("bo");
  expect(relay.times("POST", "auth/token/refresh")).toBe(0);
  alice.clock.add(14 * 60_000 + 2_000);
  await until(() => relay.times("POST", "auth/token/refresh") === 1);
  await alice.messenger.find("bo");
  expect(relay.times("POST", "auth/token/refresh")).toBe(1);
  expect(relay.times("POST", "auth/device/token")).toBe(1);
});

test("a lost answer to a refresh is made good by proving the device", async () => {
  const alice = await joined(relay, "alice");
  relay.tokens.clear();
  relay.faults.of("POST auth/token/refresh").push(() => null);
  await expect(alice.messenger.find("bo")).rejects.toMatchObject({ code: "unreachable" });
  alice.clock.add(20_000); // the server's grace has passed
  expect(await alice.messenger.find("bo")).toEqual([]);
  expect(relay.times("POST", "auth/token/refresh")).toBe(1); // a spent token is never shown again
  expect(relay.times("POST", "auth/device/token")).toBe(2);
});

test("many calls at once renew once", async () => {
  const alice = await joined(relay, "alice");
  relay.tokens.clear();
  await Promise.all([alice.messenger.find("bo"), alice.messenger.find("ca"), alice.messenger.find("da")]);
  expect(relay.times("POST", "auth/token/refresh")).toBe(1);
});

test("prekeys are refilled under twenty-five, and no id is ever used twice", async () => {
  const alice = await joined(relay, "alice");
  const kept = relay.prekeys.of(relay.deviceOf("alice"));
  kept.one_time.splice(0, 76);
  relay.push("alice", { type: "prekeys.low", one_time: 24, one_time_kem: 100 });
  await until(() => kept.one_time.length === 100);
  const published = relay.bodies("keys/prekeys").flatMap((body) => (body.one_time ?? []) as { payload: string }[]);
  expect(new Set(published.map((one) => one.payload)).size).toBe(176);
  expect(alice.connection).toBe("online");
});

test("signed prekeys are new every seven days, and old ones stay usable", async () => {
  const [alice, bob] = [await joined(relay, "alice"), await joined(relay, "bob")];
  const before = relay.prekeys.of(relay.deviceOf("bob")).signed_prekey;
  await bob.messenger.close();
  await alice.send(bob, "for the first key");
  bob.clock.add(8 * 24 * 3_600_000);
  await bob.reopen();
  await until(() => relay.prekeys.of(relay.deviceOf("bob")).signed_prekey !== before);
  await until(async () => (await bob.texts(alice)).join() === "for the first key");
});

test("a device list that another browser was faster with is given up, with its key", async () => {
  const alice = new Party(relay, "alice");
  relay.refusals.of("PUT keys/device-list").push(problem(409, "list_conflict"));
  expect(await alice.start()).toEqual({ state: "linking_needed", reset: false });
  await pause(10);
  expect((await alice.reopen()).state).toBe("ready"); // the other one was never published after all
});

test("a tab that loses the account before it has opened the store does not open it any more", async () => {
  const disk = new Disk();
  const first = new Party(relay, "alice", { disk });
  const second = new Party(relay, "alice", { disk });
  let finds = (): void => undefined;
  disk.looking = new Promise((resolve) => (finds = resolve));
  const starting = first.start();
  await pause(10);
  const taken = second.messenger.start({ account: second.account, username: "alice", csrf: "c", knownDevice: "" });
  expect((await taken).state).toBe("open_elsewhere");
  const taking = second.messenger.takeOver();
  await pause(10);
  finds();
  expect((await starting).state).toBe("open_elsewhere");
  expect((await taking).state).toBe("ready");
  expect(disk.opened).toBe(1);
});

test("a tab that was connecting when another took over does not come back to end the other's connection", async () => {
  const disk = new Disk();
  const first = new Party(relay, "alice", { disk });
  let opens = (): void => undefined;
  relay.opening = new Promise((resolve) => (opens = resolve));
  await first.start();
  await pause(20); // its socket is being opened
  const held = relay.opening;
  relay.opening = Promise.resolve();
  const second = new Party(relay, "alice", { disk });
  await second.start();
  expect((await second.messenger.takeOver()).state).toBe("ready");
  await second.online();
  opens();
  await held;
  await pause(50);
  expect(relay.greeted).toBe(1);
  expect(ended(second)).toBeUndefined();
  expect(second.connection).toBe("online");
});
