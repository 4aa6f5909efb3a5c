// What comes in a group chat before what it needs, and what is asked for late.

import { beforeEach, expect, test } from "vitest";
import { decodeBase64url } from "../../lib/base64url";
import { fromUuid } from "../../lib/uuid";
import { Retry } from "../../protocol/body";
import { SYSTEM } from "../../protocol/entropy";
import { NO_RATCHET_KEY } from "../../protocol/group_message";
import { peekGroup } from "../../protocol/group_wire";
import * as waiting from "../../store/group_waiting";
import * as groups from "../../store/groups";
import type { ChatSummary } from "../model";
import { requireMe } from "../context";
import { queueControl } from "../controls";
import { group, made, members, says, stateOf, summary, texts } from "./group_parties";
import { befriend, joined, linked, passing, pause, until, waits, type Party } from "./parties";
import { problem, Relay, type Answer } from "./relay";

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

const TAKEN: Answer = [200, {}]; // and delivered to nobody

function wasUnreadable(party: Party): boolean {
  return party.told.some((one) => one.type === "lines" && one.lines.some((line) => line.kind === "unreadable"));
}

test("a new member's first message waits for the operation and the sender key, and is no line that cannot be read", async () => {
  const id = await made(alice, bob);
  relay.groups.hidden.set(id, { above: 0, from: [bob.account] }); // who is not told of it
  await alice.messenger.addMember(id, carol.account);
  await until(async () => (await summary(carol, id))?.name === "Walks");
  relay.groups.hidden.clear();
  relay.refusals.of("FRAME device.send").push(TAKEN, TAKEN);
  await says(carol, id, "here I am");
  await until(async () => (await members(bob, id)) === "alice owner, bob member, carol member");
  await until(() => bob.read((tx) => tx.one("SELECT COUNT(*) FROM group_waiting"))![0] === 1);
  expect(wasUnreadable(bob)).toBe(false);
  relay.refusals.clear();
  await passing([bob], async () => (await texts(bob, id)).includes("carol: here I am"));
});

test("a stranger's group has its title at once", async () => {
  const dave = await joined(relay, "dave");
  const { id } = await dave.messenger.createGroup("Offers", [alice.account], { open: false });
  const told = (): ChatSummary[] => alice.told.flatMap((one) => (one.type === "chats" ? one.chats : []));
  await until(() => told().findLast((chat) => chat.id === id)?.name === "Offers");
  expect((await summary(alice, id))?.request).toBe(true);
});

test("what a member knows and the server hides is not forgotten with time", async () => {
  const id = await made(alice, bob, carol);
  await says(bob, id, "all is well");
  await until(async () => (await texts(alice, id)).includes("bob: all is well"));
  relay.groups.hidden.set(id, { above: 0, from: [bob.account, carol.account] });
  await alice.messenger.removeMember(id, carol.account);
  await until(async () => (await group(bob, id))?.trouble.includes("may be hiding") === true);
  bob.clock.add(8 * 86_400_000);
  await bob.reload();
  await bob.online();
  bob.messenger.inside.groupKeeper.wanted.set();
  await pause(100);
  const line = await bob.messenger.send(id, "does this leave?");
  await pause(50);
  expect(await stateOf(bob, id, line.id)).toBe("queued");
  expect((await group(bob, id))?.trouble).toContain("may be hiding");
  relay.groups.hidden.clear();
  await bob.reload();
  await passing([bob], async () => (await stateOf(bob, id, line.id)) !== "queued");
  expect((await group(bob, id))?.trouble).toBe("");
});

test("what a member knows and the server hides counts also where it says that the member's device is suspended", async () => {
  const id = await made(alice, bob, carol);
  await bob.messenger.close();
  relay.groups.hidden.set(id, { above: 0, from: [bob.account] });
  await alice.messenger.removeMember(id, carol.account);
  await until(() => waits(alice) === 0 && relay.waiting("bob").length > 0);
  relay.suspended.of(alice.account).push(alice.device);
  await bob.reopen();
  await bob.online();
  await until(async () => (await group(bob, id))?.trouble.includes("may be hiding") === true);
  expect(bob.read((tx) => waiting.keysOf(tx, fromUuid(id)!))).toHaveLength(1);
});

test("a message of a chain that is used no more is sent again to whoever was told it", async () => {
  relay.refusals.of("FRAME device.send").push(TAKEN, TAKEN);
  const { id } = await alice.messenger.createGroup("Walks", [bob.account, carol.account], { open: false });
  await says(alice, id, "one");
  relay.refusals.clear();
  await until(async () => (await group(bob, id)) !== null);
  await alice.messenger.removeMember(id, carol.account);
  await says(alice, id, "two");
  await until(async () => (await texts(bob, id)).includes("alice: two"));
  await passing([bob], async () => (await texts(bob, id)).includes("alice: one"));
});

test("while something is wrong with a group nothing of it is sent again", async () => {
  const id = await made(alice, bob);
  await says(alice, id, "one");
  await until(async () => (await texts(bob, id)).includes("alice: one"));
  const chain = peekGroup(decodeBase64url(String(relay.bodies("group.send")[0]!.body))!).header.chain;
  alice.read((tx) => groups.change(tx, fromUuid(id)!, { trouble: "ghost" }));
  const asked = { account: fromUuid(alice.account)!, device: fromUuid(alice.device)! };
  const sent = relay.times("FRAME", "device.send");
  bob.read((tx) => {
    const visit = { now: bob.clock.now(), entropy: SYSTEM };
    queueControl(tx, requireMe(tx), asked, new Retry(chain as Uint8Array, NO_RATCHET_KEY, 0), visit);
  });
  bob.messenger.inside.controls.wanted.set();
  await until(() => relay.times("FRAME", "device.send") > sent && relay.waiting("alice").length === 0);
  expect(alice.read((tx) => tx.one("SELECT COUNT(*) FROM group_answer"))![0]).toBe(0);
});

test("who takes a wish to join back knew no key, and none is made anew", async () => {
  const id = await made(alice, bob);
  const code = await alice.messenger.makeLink(id, { approval: true });
  await carol.messenger.join(code);
  await until(async () => (await group(alice, id))?.pending.length === 1);
  await carol.messenger.leaveGroup(id);
  await until(async () => (await group(alice, id))?.pending.length === 0);
  await says(alice, id, "as before");
  expect(relay.groups.states.get(id)?.index).toBe(3); // create, link, join, leave
});

test("a list of groups that was on its way while one was made does not undo it", async () => {
  alice.browser.slow = 60;
  const making = alice.messenger.createGroup("Walks", [bob.account], { open: false });
  await until(() => relay.times("POST", "groups") === 1);
  relay.refusals.of("GET groups").push([200, { groups: [] }]);
  await Promise.all([alice.messenger.inside.groups.tend(), making]);
  alice.browser.slow = 0;
  expect((await summary(alice, (await making).id))?.name).toBe("Walks");
});

test("a device list that is refused while a key is made anew ends nothing", async () => {
  const id = await made(alice, bob, carol);
  relay.faults.of(`POST groups/${id}/operations`).push(
    (answer) => answer, // bob's
    () => {
      relay.lists.of(alice.account).push({ payload: "AA", signature: "AA" });
      return problem(409, "devices_changed");
    },
  );
  await bob.messenger.leaveGroup(id);
  await until(() => relay.faults.of(`POST groups/${id}/operations`).length === 0);
  await pause(50);
  expect(alice.told.filter((one) => one.type === "ended")).toEqual([]);
  expect(alice.connection).toBe("online");
});

test("many members whom one does not know are named in one call", async () => {
  const others = await Promise.all(["dave", "erin", "frank"].map((name) => joined(relay, name)));
  for (const other of others) await befriend(alice, other);
  const id = await made(alice, bob, ...others);
  expect(await members(bob, id)).toBe("alice owner, bob member, dave member, erin member, frank member");
  const paths = relay.requests.map(({ path }) => path);
  expect(paths.filter((path) => others.some(({ account }) => path === `accounts/${account}`))).toEqual([]);
  expect(paths).toContain(`groups/${id}`);
});

test("what waits on a session is read before a list takes its device off", async () => {
  const tablet = await linked(bob);
  await alice.send(bob, "to both of you");
  await until(async () => (await tablet.texts(alice)).includes("to both of you"));
  await tablet.send(alice, "hello from the tablet");
  await until(async () => (await alice.texts(bob)).includes("hello from the tablet"));
  await alice.messenger.close();
  await tablet.send(alice, "goodbye from the tablet");
  await bob.messenger.removeDevice(tablet.device, { newIdentity: false });
  const laptop = await linked(bob);
  await laptop.send(alice, "hello from the laptop");
  await alice.reopen();
  await until(async () => (await alice.texts(bob)).includes("hello from the laptop"));
  expect((await alice.texts(bob)).slice(-2)).toEqual(["goodbye from the tablet", "hello from the laptop"]);
});
