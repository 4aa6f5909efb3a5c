// Identities that were given up, in group chats: nobody slips somebody in by them, and groups go on (protocol.md, 76).

import { beforeEach, expect, test } from "vitest";
import { fromUuid } from "../../lib/uuid";
import { SYSTEM } from "../../protocol/entropy";
import { Add, ADMIN, Create, Leave, MEMBER, OWNER, Remove, SetRole } from "../../protocol/group_args";
import { generateGroupKey, Meta, sealMeta } from "../../protocol/group_meta";
import { keysOf, madeUp, show, slip, stolen } from "./group_forging";
import { group, isHeld, made, members, says, stateOf, summary, texts } from "./group_parties";
import { befriend, joined, linked, Party, passing, until } from "./parties";
import { Relay } from "./relay";

let relay: Relay;
let alice: Party;
let bob: Party;
let carol: Party;
let mallory: Party;

beforeEach(async () => {
  relay = new Relay();
  [alice, bob, carol] = await Promise.all([joined(relay, "alice"), joined(relay, "bob"), joined(relay, "carol")]);
  mallory = await joined(relay, "mallory");
  await befriend(alice, bob);
  await befriend(alice, carol);
});

const idOf = (party: Party): Uint8Array => fromUuid(party.account)!;

/** The real thing: the account's other devices are lost. */
async function reset(party: Party): Promise<void> {
  await party.messenger.inside.ownDevices.reset();
  await party.reload();
  await party.online();
}

async function acknowledges(party: Party, other: Party): Promise<void> {
  await until(async () => (await party.chat(other)).identityChanged);
  await party.messenger.acknowledge(other.account);
}

test("an identity that the server has made up for the owner adds nobody, whoever signs after it", async () => {
  const id = await made(alice, bob, carol);
  const forger = madeUp(keysOf(alice));
  show(relay, forger.list);
  slip(relay, id, forger, new Add(idOf(mallory)));
  slip(relay, id, keysOf(carol), new Leave()); // plays along
  await isHeld(bob, id, "alice owner, bob member, carol member");
});

test("an identity that the owner has given up adds nobody", async () => {
  const id = await made(alice, bob, carol);
  const thief = stolen(alice);
  show(relay, thief.list);
  await reset(alice);
  await acknowledges(bob, alice);
  slip(relay, id, thief, new Add(idOf(mallory)));
  slip(relay, id, keysOf(carol), new Leave());
  await isHeld(bob, id, "alice owner, bob member, carol member");
});

test("after an operation under the owner's new identity none under the old one counts, also for whoever comes then", async () => {
  const id = await made(alice, carol);
  const thief = stolen(alice);
  show(relay, thief.list);
  await reset(alice);
  await acknowledges(bob, alice);
  await alice.messenger.changeGroup(id, { title: "Hikes" });
  slip(relay, id, thief, new SetRole(idOf(carol), ADMIN));
  slip(relay, id, keysOf(alice), new Add(idOf(bob)));
  relay.groups.states.set(id, relay.groups.states.get(id)!.with({ roster: roster([alice, OWNER], [bob, MEMBER], [carol, MEMBER]) }));
  relay.groups.tell(id, [bob.account]);
  await until(() => bob.notices.some((one) => one.includes("the group is not shown")));
  expect(await summary(bob, id)).toBeUndefined();
});

test("nobody founds a group in the name of somebody who is known here", async () => {
  const id = relay.id();
  const forger = madeUp(keysOf(alice));
  show(relay, forger.list);
  const meta = sealMeta(new Meta("Walks"), fromUuid(id)!, generateGroupKey(null, SYSTEM), SYSTEM);
  const founders = roster([alice, OWNER], [bob, MEMBER], [mallory, MEMBER]);
  slip(relay, id, forger, Create.of(founders, meta, { membersMayAdd: false }));
  relay.groups.states.set(id, { roster: founders, role: () => OWNER } as never);
  relay.groups.tell(id, [bob.account]);
  await until(() => bob.notices.some((one) => one.includes("the group is not shown")));
  expect(await summary(bob, id)).toBeUndefined();
});

test("a member who plays with the server cannot come to more by letting somebody in anew", async () => {
  const id = await made(alice, bob, carol);
  const forger = madeUp(keysOf(alice));
  show(relay, forger.list);
  const { meta } = relay.groups.states.get(id)!;
  slip(relay, id, forger, new Remove(idOf(bob), meta));
  slip(relay, id, forger, new SetRole(idOf(carol), ADMIN));
  slip(relay, id, keysOf(carol), new Add(idOf(mallory)));
  slip(relay, id, keysOf(carol), new Add(idOf(bob)));
  await isHeld(bob, id, "alice owner, bob member, carol member");
});

test("the owner makes a new identity, members take it, and the group goes on", async () => {
  const id = await made(alice, bob, carol);
  await says(alice, id, "before");
  await until(async () => (await texts(bob, id)).includes("alice: before"));
  await reset(alice);
  await alice.messenger.changeGroup(id, { title: "Hikes" });
  await until(async () => (await group(bob, id))?.title === "Hikes"); // of a device that is known here
  const line = await bob.messenger.send(id, "after");
  await until(() => bob.notices.some((one) => one.includes("alice's identity has changed")));
  expect(await stateOf(bob, id, line.id)).toBe("queued");
  await acknowledges(bob, alice);
  await acknowledges(carol, alice);
  await passing([alice, bob], async () => (await texts(alice, id)).includes("bob: after"));
  await says(alice, id, "it is me");
  await until(async () => (await texts(bob, id)).includes("alice: it is me"));
});

test("what was signed before the change, and was not seen before it, is taken before the change is", async () => {
  const id = await made(alice, bob, carol);
  const tablet = await linked(alice);
  await until(async () => (await group(tablet, id))?.role === "owner");
  await bob.messenger.close();
  await tablet.messenger.setRole(id, bob.account, "admin");
  await alice.messenger.removeDevice(tablet.device, { newIdentity: true });
  await alice.messenger.changeGroup(id, { title: "Hikes" });
  relay.refusals.of("GET groups").push([503, { code: "unavailable", detail: "" }]); // nothing is tended just now
  await bob.reopen();
  await bob.online();
  expect((await group(bob, id))?.role).toBe("member");
  await bob.messenger.inside.directory.refresh(idOf(alice));
  await acknowledges(bob, alice);
  await until(async () => (await group(bob, id))?.title === "Hikes");
  expect(await group(bob, id)).toMatchObject({ role: "admin", trouble: "" });
});

test("what another device of a new identity has signed waits until that is taken", async () => {
  const id = await made(alice, bob);
  await reset(alice);
  const tablet = await linked(alice);
  await until(async () => (await group(tablet, id))?.role === "owner");
  await tablet.messenger.setRole(id, bob.account, "admin");
  await isHeld(bob, id, "alice owner, bob member");
  await acknowledges(bob, alice);
  await until(async () => (await group(bob, id))?.role === "admin");
  expect((await group(bob, id))?.trouble).toBe("");
  await passing([bob, alice], async () => (await texts(alice, id)).includes("bob: does this leave?"));
});

test("a device that is linked later follows operations under identities that were given up", async () => {
  const id = await made(bob, alice);
  const lost = await linked(bob);
  await until(async () => (await group(lost, id))?.role === "owner");
  await lost.messenger.setRole(id, alice.account, "admin");
  await until(async () => (await group(alice, id))?.role === "admin");
  await reset(bob);
  await acknowledges(alice, bob);
  const tablet = await linked(alice);
  await passing([alice, tablet], async () => (await members(tablet, id)) === "alice admin, bob owner");
  expect((await group(tablet, id))?.trouble).toBe("");
  await says(tablet, id, "from the tablet");
  await until(async () => (await texts(alice, id)).includes("from the tablet"));
});

/** Alice has lost all her devices, and begins anew in another browser. */
async function begunAnew(id: string): Promise<Party> {
  await alice.messenger.close();
  const other = new Party(relay, "alice");
  expect((await other.start()).state).toBe("linking_needed");
  expect((await other.messenger.resetIdentity()).state).toBe("ready");
  await until(() => other.notices.some((one) => one.includes("the group is not shown")));
  expect(await summary(other, id)).toBeUndefined();
  await acknowledges(bob, other);
  return other;
}

test("with a new identity on an empty device, a group is known by whom one has compared", async () => {
  const id = await made(alice, bob);
  await alice.messenger.changeGroup(id, { title: "Hikes" });
  await until(async () => (await group(bob, id))?.title === "Hikes");
  const other = await begunAnew(id);
  const { key } = await other.messenger.safetyNumber(bob.account);
  await other.messenger.verify(bob.account, key);
  await says(bob, id, "is that you?");
  await passing([bob, other], async () => (await members(other, id)) === "alice owner, bob member");
  await passing([bob, other], async () => (await texts(other, id)).includes("bob: is that you?"));
});

test("with a new identity on an empty device, a group is known by who adds one again", async () => {
  const id = await made(alice, bob);
  await alice.messenger.setRole(id, bob.account, "owner");
  await until(async () => (await group(bob, id))?.role === "owner");
  const other = await begunAnew(id);
  await bob.messenger.setRole(id, alice.account, "member");
  await bob.messenger.removeMember(id, alice.account);
  await bob.messenger.addMember(id, alice.account);
  await until(async () => (await members(other, id)) === "alice member, bob owner");
  await says(bob, id, "welcome back");
  await passing([bob, other], async () => (await texts(other, id)).includes("bob: welcome back"));
});

function roster(...all: (readonly [Party, number])[]): { account: Uint8Array; role: number }[] {
  return all.map(([party, role]) => ({ account: idOf(party), role }));
}
