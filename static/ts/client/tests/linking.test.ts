// A second browser of one account: linked by a code, given what it needs, in step from then on.

import { beforeEach, expect, test } from "vitest";
import { fromUuid } from "../../lib/uuid";
import { LinkCode, sealOffer, type LinkCodeFields } from "../../protocol/linking";
import * as peers from "../../store/peers";
import * as settings from "../../store/settings";
import { encodeBase64url } from "../../lib/base64url";
import { showAnotherIdentity, spoiled } from "./changing";
import { befriend, joined, link, linked, Party, passing, pause, until } from "./parties";
import { Relay } from "./relay";

let relay: Relay;
let alice: Party;
let bob: Party;
beforeEach(async () => {
  relay = new Relay();
  relay.strict = true;
  [alice, bob] = [await joined(relay, "alice"), await joined(relay, "bob")];
  await befriend(alice, bob);
});

const histories = (party: Party, direction: "in" | "out"): string[] =>
  party.told.flatMap((one) => (one.type === "history" && one.direction === direction ? [`${one.done}/${one.total}`] : []));

test("a browser is linked by its code, and both show the same conversation from then on", async () => {
  const laptop = new Party(relay, "alice");
  expect(await laptop.start()).toEqual({ state: "linking_needed", reset: false });
  const code = await laptop.messenger.link();
  expect(code).toMatch(/^[0-9A-HJKMNP-TV-Z]{200}$/);
  expect(await alice.messenger.readLink(code.toLowerCase().replace(/(.{5})/g, "$1 "))).toMatchObject({ name: "Browser" });
  await link(alice, laptop);
  expect(laptop.read((tx) => settings.linking(tx)).secret).toBeNull();
  const both = async (text: string): Promise<void> => {
    for (const party of [alice, laptop]) await until(async () => (await party.texts(bob)).at(-1) === text);
  };
  await bob.send(alice, "to both of you");
  await both("to both of you");
  await alice.send(bob, "from the phone");
  await both("from the phone");
  await laptop.send(bob, "from the laptop");
  const said = ["to both of you", "from the phone", "from the laptop"];
  await until(async () => (await bob.texts(alice)).slice(2).join() === said.join());
  await until(async () => (await alice.texts(bob)).slice(2).join() === said.join());
  await passing([laptop], async () => (await laptop.texts(bob)).join() === said.join());
  expect((await laptop.lines(bob)).map((line) => line.outgoing)).toEqual([false, true, true]);
  await until(async () => (await laptop.lines(bob))[1]!.state === "delivered");
  expect(await laptop.messenger.canManage()).toBe(false);
  const devices = await laptop.messenger.devices();
  expect(devices.map((one) => [one.thisOne, one.managing, one.listed])).toEqual([
    [true, false, true],
    [false, true, true],
  ]);
});

test("contacts come with their pins and marks, and history with its states and progress", async () => {
  const { key } = await alice.messenger.safetyNumber(bob.account);
  await alice.messenger.verify(bob.account, key);
  for (let at = 0; at < 5; at++) await alice.send(bob, `${at} ${"x".repeat(30_000)}`);
  await until(async () => (await bob.texts(alice)).length === 7);
  await bob.messenger.markRead((await bob.chat(alice)).id, Number.MAX_SAFE_INTEGER);
  await until(async () => (await alice.lines(bob)).at(-1)!.state === "read");
  await bob.send(alice, "not read yet");
  await until(async () => (await alice.texts(bob)).length === 8);
  const laptop = await linked(alice, { history: true, managing: true });
  await until(async () => (await laptop.texts(bob)).length === 8);
  expect(await laptop.texts(bob)).toEqual(await alice.texts(bob));
  const lines = await laptop.lines(bob);
  expect(lines.map((line) => line.state)).toEqual((await alice.lines(bob)).map((line) => line.state));
  expect((await laptop.chat(bob)).unread).toBe((await alice.chat(bob)).unread);
  expect(await laptop.chat(bob)).toMatchObject({ verified: true, name: "bob" });
  const total = histories(laptop, "in").at(-1)!.split("/");
  expect(total[0]).toBe(total[1]);
  expect(Number(total[1])).toBeGreaterThan(2);
  await until(() => histories(alice, "out").at(-1)?.split("/").reduce((one, other) => (one === other ? "all" : "")) === "all");
  expect(await laptop.messenger.canManage()).toBe(true);
  await bob.send(alice, "at once, without waiting for a gap");
  await until(async () => (await laptop.texts(bob)).length === 9);
});

test("a chat that this device has never seen is placed by who it is with", async () => {
  const laptop = await linked(alice);
  const carol = await joined(relay, "carol");
  await alice.messenger.chatWith({ account: carol.account, username: "carol", chat: "" }, { open: false });
  relay.page = 1; // carol's chat is on the last one
  await alice.send(carol, "hello from the phone");
  await until(async () => (await laptop.messenger.chats()).some((chat) => chat.name === "carol"));
  expect(await laptop.texts(carol)).toEqual(["hello from the phone"]);
});

test("what is read or answered on one device is so on the other", async () => {
  const laptop = await linked(alice);
  await bob.send(alice, "one");
  await passing([laptop], async () => (await laptop.chat(bob)).unread === 1);
  await until(async () => (await alice.texts(bob)).length === 3);
  await alice.messenger.markRead((await alice.chat(bob)).id, Number.MAX_SAFE_INTEGER);
  await until(async () => (await laptop.chat(bob)).unread === 0);
  await laptop.messenger.close();
  await bob.send(alice, "two");
  await until(async () => (await alice.texts(bob)).length === 4);
  await alice.messenger.markRead((await alice.chat(bob)).id, Number.MAX_SAFE_INTEGER);
  await until(() => relay.times("FRAME", "message.read") >= 2);
  await laptop.reopen();
  await until(async () => (await laptop.texts(bob)).length === 2 && (await laptop.chat(bob)).unread === 0);
  const carol = await joined(relay, "carol");
  await carol.send(alice, "may I?");
  await until(async () => (await laptop.messenger.chats()).some((chat) => chat.request));
  await alice.messenger.accept(carol.account);
  await until(async () => (await laptop.messenger.chats()).every((chat) => !chat.request));
  await alice.messenger.block(carol.account);
  await until(async () => (await laptop.messenger.chats()).some((chat) => chat.blocked));
});

test("an unread copy of one's own message heals like any other, in its chat", async () => {
  const laptop = await linked(alice);
  const { device } = laptop;
  await laptop.messenger.close();
  await alice.send(bob, "written on the phone");
  const row = relay.queue.of(device)[0]!;
  row.body = spoiled(row.body!);
  await laptop.reopen();
  await passing([laptop], async () => (await laptop.texts(bob)).join() === "written on the phone");
  expect((await laptop.lines(bob))[0]).toMatchObject({ outgoing: true, kind: "text" });
});

test("a code that is none, of somebody else, or of no device of one's own is not approved", async () => {
  await expect(alice.messenger.readLink("hello")).rejects.toMatchObject({ code: "wrong_use" });
  const stranger = new Party(relay, "bob");
  await stranger.start();
  await expect(alice.messenger.readLink(await stranger.messenger.link())).rejects.toThrow("another account");
  const laptop = await linked(alice);
  const third = new Party(relay, "alice");
  await third.start();
  await expect(laptop.messenger.readLink(await third.messenger.link())).rejects.toMatchObject({ code: "not_managing" });
});

test("an offer that was not made for the code is ignored", async () => {
  const [laptop, other] = [new Party(relay, "alice"), new Party(relay, "alice")];
  await other.start();
  const secret = LinkCode.fromText(await other.messenger.link()).secret;
  await laptop.start();
  const code = LinkCode.fromText(await laptop.messenger.link());
  const guessed = new LinkCode({ ...fieldsOf(code), secret });
  const { list } = showAnotherIdentity(alice);
  relay.links.set(laptop.device, { offer: encodeBase64url(sealOffer(guessed, list)), answer: null });
  const said = (): number => laptop.notices.filter((one) => one.includes("not made for this code")).length;
  await passing([laptop], () => said() > 0);
  const looks = (): number => relay.times("GET", `keys/links/${laptop.device}`);
  const before = looks();
  await passing([laptop], () => looks() > before + 2);
  expect(said()).toBe(1);
  expect(relay.links.get(laptop.device)?.answer).toBeNull();
  expect(laptop.linkStep).toBe("waiting");
});

test("an answer by somebody who has not seen the code links nothing", async () => {
  const laptop = new Party(relay, "alice");
  await laptop.start();
  const code = await laptop.messenger.link();
  const { device } = laptop;
  await laptop.messenger.stopLinking();
  const approved = alice.messenger.approveLink(code, { history: false, managing: false });
  await until(() => relay.links.has(device));
  relay.links.get(device)!.answer = encodeBase64url(new Uint8Array(200).fill(7));
  const refused = expect(approved).rejects.toThrow("not made by the device that shows this code");
  await passing([alice], () => true);
  await refused;
  const pin = alice.read((tx) => peers.pinOf(peers.byAccount(tx, fromUuid(alice.account)!)));
  expect(pin!.newest.devices.length).toBe(1);
});

function fieldsOf({ account, device, signingKey, identityKey, secret }: LinkCode): LinkCodeFields {
  return { account, device, signingKey, identityKey, secret };
}

test("linking waits out a network that is away, and can be given up", async () => {
  const laptop = new Party(relay, "alice");
  await laptop.start();
  const first = await laptop.messenger.link();
  await laptop.messenger.stopLinking();
  const code = await laptop.messenger.link();
  expect(code).not.toBe(first);
  laptop.browser.offline = true;
  await passing([laptop], () => relay.links.size === 0);
  const approved = alice.messenger.approveLink(code, { history: false, managing: false });
  await pause(100);
  laptop.browser.offline = false;
  await Promise.all([approved, passing([alice, laptop], () => laptop.linkStep === "done")]);
  expect((await laptop.start()).state).toBe("ready");
  const pin = laptop.read((tx) => peers.pinOf(peers.byAccount(tx, fromUuid(alice.account)!)));
  expect(pin!.newest.devices.length).toBe(2);
});
