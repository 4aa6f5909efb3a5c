// The connection: kept up with jitter, ended by a newer one, and the page knows how things stand.

import { beforeEach, expect, test } from "vitest";
import { befriend, joined, until, type Party } from "./parties";
import { Relay } from "./relay";

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
    await alice.messenger.send(bob.account, String(number));
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
