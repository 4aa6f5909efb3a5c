// Sender keys: given before what they open, made anew when somebody goes, asked for when they were lost.

import { beforeEach, expect, test } from "vitest";
import { decodeBase64url } from "../../lib/base64url";
import { hex } from "../../lib/bytes";
import { fromUuid } from "../../lib/uuid";
import { Retry } from "../../protocol/body";
import { SYSTEM } from "../../protocol/entropy";
import { NO_RATCHET_KEY } from "../../protocol/group_message";
import { peekGroup } from "../../protocol/group_wire";
import { OwnChain } from "../../protocol/sender_key";
import * as groups from "../../store/groups";
import { requireMe } from "../context";
import { queueControl } from "../controls";
import { queueSenderKey } from "../group_encrypting";
import { group, made, members, says, stateOf, summary, texts } from "./group_parties";
import { befriend, joined, linked, passing, until, waits, type Party } from "./parties";
import { newIdentity } from "./changing";
import { Relay } from "./relay";

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

function chainsOf(): string[] {
  return relay.bodies("group.send").map(({ body }) => hex(peekGroup(decodeBase64url(String(body))!).header.chain));
}

test("one ciphertext goes to everybody, and a chain is kept from message to message", async () => {
  const id = await made(alice, bob, carol);
  await says(alice, id, "one");
  await says(alice, id, "two");
  expect(relay.bodies("group.send")).toHaveLength(2);
  expect(new Set(chainsOf()).size).toBe(1);
});

test("who is in a group has its title also where the answer to its making was lost", async () => {
  relay.faults.of("POST groups").push(() => null);
  await expect(alice.messenger.createGroup("Walks", [bob.account], { open: false })).rejects.toThrow();
  await alice.reload();
  await passing([alice, bob], async () => (await bob.messenger.chats()).some(({ name }) => name === "Walks"));
  expect((await alice.messenger.chats()).some(({ name }) => name === "Walks")).toBe(true);
});

test("after a removal, and after a week, a chain is made anew", async () => {
  const id = await made(alice, bob, carol);
  await says(alice, id, "one");
  await alice.messenger.removeMember(id, carol.account);
  await says(alice, id, "two");
  alice.clock.add(7 * 86_400_000);
  await says(alice, id, "three");
  expect(new Set(chainsOf()).size).toBe(3);
  await until(async () => (await texts(bob, id)).includes("alice: three"));
});

test("after a lost answer the same bytes leave again, and are read once", async () => {
  const id = await made(alice, bob);
  relay.faults.of("FRAME group.send").push(() => null);
  const line = await alice.messenger.send(id, "is this lost?");
  await until(() => relay.bodies("group.send").length === 1);
  relay.drop("alice");
  await passing([alice], async () => (await stateOf(alice, id, line.id)) !== "queued");
  const [first, again] = relay.bodies("group.send");
  expect(again!.body).toBe(first!.body);
  await until(async () => (await texts(bob, id)).includes("alice: is this lost?"));
  expect((await texts(bob, id)).filter((one) => one.includes("is this lost?"))).toHaveLength(1);
});

test("what was encrypted before a removal that is known by now leaves encrypted anew, under its id", async () => {
  const id = await made(alice, bob, carol);
  await alice.messenger.setRole(id, bob.account, "admin");
  await until(async () => (await group(bob, id))?.role === "admin");
  relay.faults.of("FRAME group.send").push(() => null);
  const line = await alice.messenger.send(id, "does carol read this?");
  await until(() => relay.bodies("group.send").length === 1);
  await bob.messenger.removeMember(id, carol.account);
  await until(async () => (await members(alice, id)) === "alice owner, bob admin");
  relay.drop("alice");
  await passing([alice], async () => (await stateOf(alice, id, line.id)) !== "queued");
  const [first, again] = relay.bodies("group.send");
  expect([again!.message_id, again!.gsh === first!.gsh, again!.body === first!.body]).toEqual([first!.message_id, false, false]);
  await until(async () => (await texts(bob, id)).includes("alice: does carol read this?"));
  expect((await texts(bob, id)).filter((one) => one.includes("does carol"))).toHaveLength(1);
});

test("a sender key that waits for somebody who is in the group no more never leaves", async () => {
  const id = await made(alice, bob, carol);
  await says(alice, id, "one");
  const { chain, told } = alice.read((tx) => groups.get(tx, fromUuid(id)!)!);
  await alice.messenger.removeMember(id, carol.account);
  await until(() => waits(alice) === 0);
  const envelopes = (): { device: string }[] => relay.bodies("device.send").flatMap((one) => one.envelopes as { device: string }[]);
  const before = envelopes().length;
  alice.read((tx) => {
    const visit = { now: alice.clock.now(), entropy: SYSTEM };
    queueSenderKey(tx, requireMe(tx), told, OwnChain.fromBytes(chain!).announce(null), visit);
  });
  alice.messenger.inside.controls.wanted.set();
  await until(() => waits(alice) === 0);
  expect(envelopes().slice(before).map(({ device }) => device)).toEqual([bob.device]);
});

test("a message whose sender key was lost is asked for, with its key, and takes its line's place", async () => {
  relay.refusals.of("FRAME device.send").push([200, {}], [200, {}]); // taken, and delivered to nobody
  const { id } = await alice.messenger.createGroup("Walks", [bob.account], { open: false });
  await says(alice, id, "can you read this?");
  relay.refusals.clear();
  await passing([bob], async () => (await texts(bob, id)).includes("alice: can you read this?"));
  const told = bob.told.flatMap((one) => (one.type === "lines" ? one.lines : []));
  expect(told.some((line) => line.kind === "unreadable" && line.text.includes("has been asked to send it again"))).toBe(true);
  expect((await texts(bob, id)).some((one) => one.includes("cannot be read"))).toBe(false);
  await says(alice, id, "and this?");
  await until(async () => (await texts(bob, id)).includes("alice: and this?"));
  expect((await summary(bob, id))?.name).toBe("Walks");
});

test("a new member who asks for what was before gets nothing", async () => {
  const id = await made(alice, bob);
  await says(alice, id, "before carol");
  await alice.messenger.addMember(id, carol.account);
  await until(async () => (await summary(carol, id))?.name === "Walks");
  const chain = peekGroup(decodeBase64url(String(relay.bodies("group.send")[0]!.body))!).header.chain;
  const [asking, asked] = [fromUuid(alice.account)!, fromUuid(alice.device)!];
  const visit = { now: carol.clock.now(), entropy: SYSTEM };
  const sent = relay.times("FRAME", "device.send");
  carol.read((tx) => {
    queueControl(tx, requireMe(tx), { account: asking, device: asked }, new Retry(chain as Uint8Array, NO_RATCHET_KEY, 0), visit);
  });
  carol.messenger.inside.controls.wanted.set();
  await until(() => relay.times("FRAME", "device.send") > sent && relay.waiting("alice").length === 0);
  expect(alice.read((tx) => tx.one("SELECT COUNT(*) FROM group_answer"))![0]).toBe(0);
  expect(await texts(carol, id)).not.toContain("alice: before carol");
});

test("a device that is linked later knows the group, and reads and writes in it", async () => {
  const id = await made(alice, bob);
  const tablet = await linked(alice);
  await until(async () => (await summary(tablet, id))?.name === "Walks");
  await says(bob, id, "to all of you");
  await until(async () => (await texts(tablet, id)).includes("bob: to all of you"));
  await says(tablet, id, "from the tablet");
  await until(async () => (await texts(bob, id)).includes("alice: from the tablet"));
  await until(async () => (await texts(alice, id)).includes("from the tablet"));
});

test("a message says which members' devices have it, and who has read it", async () => {
  const id = await made(alice, bob, carol);
  const line = await says(alice, id, "read me");
  await until(async () => (await texts(bob, id)).includes("alice: read me"));
  await bob.messenger.look(id);
  await until(async () => (await stateOf(alice, id, line)) === "read");
  const found = (await alice.messenger.lines(id, null, 10)).find((one) => one.id === line)!;
  await until(() => relay.statuses.size > 0);
  expect(found.devices.map((one) => one.account)).toContain(bob.account);
});

test("a changed identity of a member holds up what is written until the person has seen it", async () => {
  const id = await made(alice, bob, carol);
  newIdentity(bob);
  const line = await alice.messenger.send(id, "is that you, bob?");
  await until(() => alice.notices.some((one) => one.includes("bob's identity has changed")));
  expect(await stateOf(alice, id, line.id)).toBe("queued");
  await alice.messenger.acknowledge(bob.account);
  const told = alice.told.flatMap((one) => (one.type === "chats" ? one.chats.filter((chat) => chat.id === id) : []));
  expect(told.at(-1)?.group?.members.some((one) => one.identityChanged)).toBe(false);
  await passing([alice], async () => (await stateOf(alice, id, line.id)) !== "queued");
  await until(async () => (await texts(carol, id)).includes("alice: is that you, bob?"));
});

test("a sender key that has not left when an identity changes leaves once the person has taken that", async () => {
  const id = await made(alice, bob);
  await says(alice, id, "one");
  await bob.messenger.inside.ownDevices.reset();
  await bob.reload();
  await bob.online();
  await alice.messenger.inside.directory.refresh(fromUuid(bob.account)!);
  const sentToBob = (): number => {
    const all = relay.bodies("device.send").flatMap(({ envelopes }) => envelopes as { device: string }[]);
    return all.filter(({ device }) => device === bob.device).length;
  };
  const before = sentToBob();
  alice.read((tx) => {
    const { chain, told } = groups.get(tx, fromUuid(id)!)!;
    const visit = { now: alice.clock.now(), entropy: SYSTEM };
    queueSenderKey(tx, requireMe(tx), told, OwnChain.fromBytes(chain!).announce(null), visit);
  });
  await alice.messenger.acknowledge(bob.account);
  await until(() => waits(alice) === 0);
  expect(sentToBob()).toBe(before + 1);
});

test("a failed message is written once more, or taken away", async () => {
  const id = await made(alice, bob);
  relay.refusals.of("FRAME group.send").push([400, { code: "malformed", detail: "" }], [400, { code: "malformed", detail: "" }]);
  const line = await says(alice, id, "again");
  expect(await stateOf(alice, id, line)).toBe("failed");
  await alice.messenger.resend(line);
  await until(async () => (await stateOf(alice, id, line)) === "failed");
  await alice.messenger.resend(line);
  await until(async () => (await stateOf(alice, id, line)) !== "failed" && (await texts(bob, id)).includes("alice: again"));
});
