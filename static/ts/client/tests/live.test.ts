// The connection: kept up with jitter, ended by a newer one, and the page knows how things stand.

import { beforeEach, expect, test } from "vitest";
import { befriend, joined, pause, until, type Party } from "./parties";
import { problem, Relay } from "./relay";

let relay: Relay;
let bob: Party;
beforeEach(async () => {
  relay = new Relay();
  bob = await joined(relay, "bob");
});

const connections = (): string[] => bob.told.flatMap((one) => (one.type === "connection" ? [one.connection.state] : []));
const endings = (): string[] => bob.told.flatMap((one) => (one.type === "ended" ? [one.why] : []));

test("the page is told of every step of a connection", () => {
  expect(connections()).toEqual(["connecting", "updating", "online"]);
});

test("a lost connection is made again, and nothing is lost", async () => {
  const alice = await joined(relay, "alice");
  await befriend(alice, bob);
  for (let number = 0; number < 3; number++) {
    await alice.write(bob, String(number));
    relay.drop("bob", 1012);
    await until(() => bob.connection !== "online");
    await bob.online();
  }
  await until(async () => (await bob.texts(alice)).slice(2).join() === "0,1,2");
  expect(connections()).toContain("waiting");
});

test("a draining server says when to come back, and nobody stays away for longer than five minutes", async () => {
  relay.push("bob", { type: "server.draining", reconnect_after_ms: [7_000, 8_000] });
  await until(() => bob.clock.slept.includes(7));
  const told = bob.told.findLast((one) => one.type === "connection");
  expect(told?.connection.state === "waiting" && told.connection.retryAt > bob.clock.now() + 6_000).toBe(true);
  bob.clock.add(7_000);
  await until(() => bob.connection === "online");
  relay.push("bob", { type: "server.draining", reconnect_after_ms: [1e14, 1e300] });
  await until(() => bob.clock.slept.includes(300));
  await bob.messenger.reconnect(); // the person does not want to wait
  await until(() => bob.connection === "online");
});

test("a newer connection of the device ends this one, until the person asks", async () => {
  relay.drop("bob", 4409);
  await until(() => endings().join() === "replaced");
  await bob.messenger.reconnect();
  await until(() => bob.connection === "online");
});

test("a token that ended is renewed and the connection made again", async () => {
  relay.drop("bob", 4401);
  await until(() => connections().filter((state) => state === "online").length === 2);
  expect(relay.times("POST", "auth/token/refresh")).toBe(1);
});

test("a session of the device that was ended is opened anew while the page's own lives", async () => {
  relay.drop("bob", 4403);
  await until(() => connections().filter((state) => state === "online").length === 2);
  expect(relay.times("POST", "auth/token/session")).toBe(2);
  bob.browser.signIn(null);
  relay.drop("bob", 4403);
  await until(() => endings().join() === "signed_out");
});

test("a defect ends the connection for good and says so", async () => {
  relay.drop("bob", 4400);
  await until(() => endings().join() === "failed");
});

test("the network's going ends a connection at once, its coming makes one at once", async () => {
  bob.browser.offline = true;
  bob.network.change(false);
  await until(() => bob.connection === "offline");
  bob.browser.offline = false;
  bob.network.change(true);
  await until(() => bob.connection === "online");
});

test("a machine that has slept makes a new connection", async () => {
  bob.clock.add(100_000);
  await until(() => connections().filter((state) => state === "online").length === 2);
});

test("a server that opens connections and closes them at once is not asked without end", async () => {
  bob.chance = "most";
  for (let failures = 0; failures < 4; failures++) {
    const before = relay.greeted;
    relay.drop("bob", 4401);
    await until(() => bob.connection === "waiting");
    bob.clock.add(9_000);
    await until(() => relay.greeted === before + 1 && bob.connection === "online");
  }
  expect(bob.clock.slept.filter((seconds) => [0.5, 1, 2, 4, 8].includes(seconds))).toEqual([0.5, 1, 2, 4]);
  bob.clock.add(10_000); // this one has worked
  relay.drop("bob", 4401);
  await until(() => bob.clock.slept.filter((seconds) => seconds === 0.5).length === 2);
});

test("to be told to come back at once is not to be believed", async () => {
  bob.chance = "most";
  bob.clock.slept.length = 0;
  relay.push("bob", { type: "server.draining", reconnect_after_ms: [0, 0] });
  await until(() => bob.clock.slept.includes(0.5));
});

test("what waits for something is no reason to ask for statuses again and again", async () => {
  const alice = await joined(relay, "alice");
  await befriend(alice, bob);
  await bob.send(alice, "delivered, and not read");
  const carol = await joined(relay, "carol");
  delete relay.prekeys.of(relay.deviceOf("carol")).signed_prekey;
  await bob.write(carol, "for somebody without keys");
  await bob.reload();
  await bob.online();
  await until(() => relay.times("POST", "messages/statuses") === 1);
  for (let tries = 0; tries < 4; tries++) {
    const before = relay.times("POST", "keys/claim");
    bob.clock.add(5_000);
    await until(() => relay.times("POST", "keys/claim") > before);
  }
  await bob.send(alice, "another");
  await pause(20);
  expect(relay.times("POST", "messages/statuses")).toBe(1);
});

test("devices that change faster than the directory may be asked do not end the connection", async () => {
  const alice = await joined(relay, "alice");
  await befriend(alice, bob);
  relay.refusals.of("GET keys/directory").push(problem(429, "too_many_requests"));
  relay.push("bob", { type: "devices.changed", account: alice.account });
  await until(() => relay.refusals.of("GET keys/directory").length === 0);
  await alice.send(bob, "still here");
  await until(async () => (await bob.texts(alice)).at(-1) === "still here");
  expect(connections().filter((state) => state === "connecting").length).toBe(1);
});

test("a server that sends without end is not listened to", async () => {
  bob.browser.slow = 200;
  relay.push("bob", { type: "devices.changed", account: relay.id() });
  for (let count = 0; count < 4_200; count++) relay.push("bob", { type: "typing" });
  await until(() => connections().filter((state) => state === "connecting").length === 2);
});
