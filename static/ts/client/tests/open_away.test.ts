// Open chats when something is missing: answers, the network, what was kept, sense.

import { beforeEach, expect, test, vi } from "vitest";
import { OPEN_PAGE, type OpenMessage } from "../../api/index";
import { idOf } from "../tab";
import { group, summary } from "./group_parties";
import { heard, hears, lineOf, openGroup, openWith, tells } from "./open_parties";
import { joined, linked, pause, Party, passing, until } from "./parties";
import { problem, Relay } from "./relay";

let relay: Relay;
let alice: Party;
let bob: Party;
let id: string;
beforeEach(async () => {
  relay = new Relay();
  [alice, bob] = [await joined(relay, "alice"), await joined(relay, "bob")];
  relay.contacts.of(alice.account).set(bob.account, "accepted");
  relay.contacts.of(bob.account).set(alice.account, "accepted");
  id = await openGroup(alice, bob);
});

/** Messages of bob's that nobody is told of. */
function fill(count: number, from = 0): void {
  for (let at = from; at < from + count; at++) relay.open.write(id, bob.account, String(at), { tell: false });
}

const numbers = async (lines: Promise<readonly { readonly text: string }[]>): Promise<string> => {
  const texts = (await lines).map((line) => line.text);
  return `${texts[0]}..${texts.at(-1)} ${texts.length}`;
};

test("a message whose answer was lost is sent again under its id, and stands there once", async () => {
  relay.faults.of("FRAME open.send").push(() => null);
  const line = await alice.messenger.send(id, "once");
  await until(() => relay.times("FRAME", "open.send") === 1);
  await alice.reload();
  await until(async () => (await lineOf(alice, id, line.id))?.state === "accepted");
  await alice.online();
  await hears(bob, id, "alice: once");
  expect(await heard(alice, id)).toEqual(["alice: once"]);
  expect(await heard(bob, id)).toEqual(["alice: once"]);
});

test("what is written offline is shown where it was written, and leaves in order by itself", async () => {
  await tells(bob, id, "before");
  await hears(alice, id, "bob: before");
  alice.cut();
  for (const text of ["one", "two"]) await alice.messenger.send(id, text);
  expect((await summary(alice, id))?.last).toMatchObject({ text: "two", state: "queued", outgoing: true });
  await tells(bob, id, "meanwhile");
  await alice.reload();
  expect(await heard(alice, id)).toEqual(["bob: before", "alice: one", "alice: two"]);
  alice.mend();
  await hears(bob, id, "alice: one", "alice: two");
  await hears(alice, id, "bob: before", "bob: meanwhile", "alice: one", "alice: two");
  expect(alice.messenger.inside.openSender.waiting).toBe(0);
});

test("what happened while away is fetched: messages, edits, members, reading, a removal", async () => {
  const line = await tells(alice, id, "helo");
  const old = await tells(bob, id, "older");
  await hears(alice, id, "bob: older");
  const other = await openGroup(bob, alice);
  const carol = await joined(relay, "carol");
  await alice.messenger.close();
  await bob.messenger.addMember(other, carol.account);
  await bob.messenger.look(id);
  await tells(bob, id, "new");
  await bob.messenger.editLine(old.id, "newer");
  await until(() => relay.bodies("open.read").length > 0);
  await alice.reopen();
  await hears(alice, id, "bob: newer", "bob: new");
  await until(async () => (await lineOf(alice, id, line.id))?.state === "read");
  await until(async () => (await group(alice, other))?.members.length === 3);
  expect((await summary(alice, id))?.unread).toBe(2);
  await alice.messenger.close();
  await bob.messenger.removeMember(other, alice.account);
  await alice.reopen();
  await until(async () => (await group(alice, other))?.ended === "removed");
  await bob.messenger.addMember(other, alice.account);
  await until(async () => (await group(alice, other))?.ended === "");
});

test("a message that overtook another one hides nothing after a lost connection", async () => {
  const [first, second] = [relay.open.write(id, bob.account, "first", { tell: false }), relay.open.write(id, bob.account, "second", { tell: false })];
  relay.push("alice", { type: "open.message", open_chat: id, request: false, ...second });
  await hears(alice, id, "bob: second");
  await alice.reload();
  await hears(alice, id, "bob: first", "bob: second");
  relay.push("alice", { type: "open.message", open_chat: id, request: false, ...first });
  relay.push("alice", { type: "open.changed", open_chat: id, ...second, body: "stale" }); // edited never
  await pause(30);
  expect(await heard(alice, id)).toEqual(["bob: first", "bob: second"]);
});

test("a deletion stands, whatever comes after it", async () => {
  const row = relay.open.write(id, bob.account, "gone soon");
  await hears(alice, id, "bob: gone soon");
  relay.push("alice", { type: "open.changed", open_chat: id, ...row, deleted: true, body: "" });
  await hears(alice, id, "bob: (deleted)");
  relay.push("alice", { type: "open.changed", open_chat: id, ...row, edited_at: Date.now() + 9_000, body: "back" });
  await pause(30);
  expect(await heard(alice, id)).toEqual(["bob: (deleted)"]);
  expect((await summary(alice, id))?.unread).toBe(0);
});

test("the newest messages are kept, and older ones come from the server page by page", async () => {
  fill(450);
  await alice.reload();
  await until(async () => (await summary(alice, id))?.unread === 200);
  const { messenger } = alice;
  const newest = await messenger.lines(id, null, 60);
  expect(newest.map((line) => Number(line.text))).toEqual(Array.from({ length: 60 }, (_, at) => 390 + at));
  const kept = await messenger.lines(id, newest[0]!.position, 100);
  expect(await numbers(Promise.resolve(kept))).toBe("290..389 100");
  const across = await messenger.lines(id, kept[0]!.position, 60);
  expect(await numbers(Promise.resolve(across))).toBe("230..289 60");
  const older = await messenger.lines(id, across[0]!.position, 100);
  expect(await numbers(messenger.lines(id, older[0]!.position, 100))).toBe("30..129 100");
  expect(await numbers(messenger.lines(id, older[0]!.position - 300, 100))).toBe("0..29 30");
  expect(await numbers(messenger.linesAfter(id, older[0]!.position - 1, 60))).toBe("130..189 60");
  expect(await numbers(messenger.linesAfter(id, newest[10]!.position, 60))).toBe("401..449 49");
  expect(await numbers(messenger.linesAround(id, older[3]!.id, 20))).toBe("124..143 20");
  expect(await numbers(messenger.lines(id, older[0]!.position + 400, 240))).toBe("24..263 240"); // more than an answer has
  expect(await numbers(messenger.linesAfter(id, older[0]!.position - 91, 240))).toBe("100..339 240");
  alice.cut();
  await until(() => alice.connection !== "online");
  expect(await numbers(messenger.lines(id, across[30]!.position, 100))).toBe("250..259 10"); // all that is here
  await expect(messenger.lines(id, older[0]!.position, 100)).rejects.toMatchObject({ code: "unreachable" });
  await expect(messenger.linesAfter(id, older[0]!.position, 60)).rejects.toMatchObject({ code: "unreachable" }); // no gap
  expect(await numbers(messenger.linesAfter(id, across[20]!.position - 1, 60))).toBe("250..309 60"); // none is between
  await alice.reload();
  expect(await numbers(alice.messenger.lines(id, null, 60))).toBe("390..449 60");
});

test("what comes while older messages are fetched is among the lines", async () => {
  fill(300);
  await alice.reload();
  await until(async () => (await summary(alice, id))?.unread === 200);
  const isKept = (text: string): boolean =>
    alice.read((tx) => tx.one("SELECT 1 FROM open_message WHERE body = ?", [text])) !== null;
  const asked = alice.messenger.inside.context.api.open;
  for (const what of ["after", "before"] as const) {
    const ask = asked[what].bind(asked) as (...given: unknown[]) => Promise<unknown>;
    let isFirst = true;
    vi.spyOn(asked, what).mockImplementation(async (...given: unknown[]) => {
      const answer = (await ask(...given)) as OpenMessage[] | { readonly messages: OpenMessage[] };
      const isLast = what === "before" || (answer as OpenMessage[]).length < OPEN_PAGE;
      if (isFirst && isLast) {
        isFirst = false;
        relay.open.write(id, bob.account, what);
        await until(() => isKept(what));
      }
      return answer as never;
    });
  }
  const below = await alice.messenger.linesAfter(id, 0, 400);
  expect(below.map((line) => line.text).slice(-2)).toEqual(["299", "after"]);
  const newest = await alice.messenger.lines(id, null, 250);
  expect([newest.length, ...newest.map((line) => line.text).slice(-2)]).toEqual([250, "after", "before"]);
});

test("after more was missed than is kept, no gap is shown", async () => {
  fill(10);
  await alice.reload();
  await until(async () => (await summary(alice, id))?.unread === 10);
  await alice.messenger.close();
  fill(290, 10);
  await alice.reopen();
  await until(async () => (await summary(alice, id))?.unread === 200);
  const lines = await alice.messenger.lines(id, null, 250);
  expect(lines.map((line) => Number(line.text))).toEqual(Array.from({ length: 250 }, (_, at) => 50 + at));
});

test("words are looked for at the server, and a match is shown in its place", async () => {
  fill(300);
  relay.open.rooms.get(id)!.messages[20]!.body = "the needle in it";
  await alice.reload();
  await until(async () => (await summary(alice, id))?.unread === 200);
  await tells(alice, id, "a Needle of one's own");
  await openWith(alice, bob);
  const { matches, next } = await alice.messenger.search("needle", null, null);
  expect(next).toBeNull();
  expect(matches.map((one) => [one.chat, one.sender, one.snippet])).toEqual([
    [id, "", "a Needle of one's own"],
    [id, "bob", "the needle in it"],
  ]);
  const around = await alice.messenger.linesAround(id, matches[1]!.line, 10);
  expect(around.map((line) => line.text)).toEqual(["16", "17", "18", "19", "the needle in it", "21", "22", "23", "24", "25"]);
  const first = await alice.messenger.search("1", id, null);
  expect(first.matches).toHaveLength(2);
  expect((await alice.messenger.search("1", id, first.next)).matches[0]!.at).toBeLessThanOrEqual(first.matches[1]!.at);
  await expect(alice.messenger.search(" .", null, null)).rejects.toThrow("at least one word");
  const encrypted = await alice.chat(bob);
  await expect(alice.messenger.search("needle", encrypted.id, null)).rejects.toThrow("open chats alone");
});

test("a message far above what is kept can be changed, and in view it changes", async () => {
  const line = await tells(alice, id, "long ago");
  fill(300);
  await alice.reload();
  await until(async () => (await summary(alice, id))?.unread === 200);
  const seen = await alice.messenger.linesAfter(id, 0, 10);
  expect(seen[0]).toMatchObject({ id: line.id, text: "long ago" });
  await alice.messenger.editLine(line.id, "very long ago");
  const told = (): unknown => alice.told.flatMap((one) => (one.type === "lines" ? one.lines : [])).findLast((one) => one.id === line.id);
  expect(told()).toMatchObject({ text: "very long ago" });
  await alice.messenger.deleteLine(line.id);
  expect(told()).toMatchObject({ text: "", deleted: true });
  expect(await numbers(alice.messenger.lines(id, null, 200))).toBe("100..299 200"); // not among what is kept
});

test("what is refused is said of the message, which can be sent again or taken away", async () => {
  relay.refusals.of("FRAME open.send").push(problem(404, "not_found"), problem(400, "malformed"));
  const lines = [await alice.messenger.send(id, "one"), await alice.messenger.send(id, "two")];
  for (const { id: line } of lines) await until(async () => (await lineOf(alice, id, line))?.state === "failed");
  expect((await lineOf(alice, id, lines[0]!.id))?.cause).toBe("You are not in this group any more.");
  expect((await alice.messenger.resend(lines[0]!.id)).state).toBe("queued");
  await hears(bob, id, "alice: one");
  await alice.messenger.discard(lines[1]!.id);
  await hears(alice, id, "alice: one");
  await expect(alice.messenger.resend(lines[0]!.id)).rejects.toThrow("Only a message that could not be sent");
  await expect(alice.messenger.discard(lines[1]!.id)).rejects.toThrow("not here any more");
  for (const text of ["", " \n", "a\0b", "x".repeat(16_001)]) {
    await expect(alice.messenger.send(id, text)).rejects.toMatchObject({ code: "wrong_use" });
  }
  await tells(alice, id, "😀".repeat(16_000));
});

test("a server that asks to go slowly is waited for", async () => {
  relay.refusals.of("FRAME open.send").push(problem(429, "too_many_requests", "Slowly.", { retry_after: 7 }));
  const { id: line } = await alice.messenger.send(id, "patience");
  await passing([alice], async () => (await lineOf(alice, id, line))?.state === "accepted");
  expect(alice.clock.slept).toContain(7);
  expect(relay.times("FRAME", "open.send")).toBe(2);
});

test("a list that is too long to be read at once is read as fast as the server allows", async () => {
  const ids = [id, await openGroup(alice, bob), await openGroup(alice, bob)];
  await alice.messenger.close();
  for (const one of ids) relay.open.write(one, bob.account, "while away");
  for (const one of ids) relay.refusals.of(`GET open-chats/${one}`).push(problem(429, "too_many_requests"));
  await alice.reopen();
  await passing([alice], async () => (await Promise.all(ids.map((one) => summary(alice, one)))).every((one) => one?.unread === 1));
  expect(alice.clock.slept.filter((seconds) => seconds === 5).length).toBeGreaterThanOrEqual(3);
});

test("what the server does not answer of the list, or of a chat that is heard of, is asked again", async () => {
  await alice.messenger.close();
  relay.open.write(id, bob.account, "while away");
  relay.refusals.of("GET open-chats").push(problem(429, "too_many_requests"), problem(503, "unavailable"));
  await alice.reopen();
  await passing([alice], async () => (await summary(alice, id))?.unread === 1);
  const others = [await openGroup(bob, alice), await openGroup(bob, alice)];
  for (const one of others) {
    relay.open.rooms.get(one)!.title = "Walks";
    relay.refusals.of(`GET open-chats/${one}`).push(problem(503, "unavailable"));
    relay.push("alice", { type: "open.chat", open_chat: one, title: "Walks", member_count: 2 });
  }
  await passing([alice], async () => (await Promise.all(others.map((one) => summary(alice, one)))).every((one) => one?.name === "Walks"));
  expect(relay.times("GET", "open-chats")).toBeGreaterThanOrEqual(3);
  expect(alice.connection).toBe("online");
});

test("making a group again after a lost answer makes no second one", async () => {
  relay.faults.of("POST open-chats").push(() => null);
  const again = (): Promise<unknown> => alice.messenger.createGroup("Walks", [bob.account], { open: true });
  await expect(again()).rejects.toMatchObject({ code: "unreachable" });
  await again();
  expect([...relay.open.rooms.values()].filter((one) => one.title === "Walks")).toHaveLength(1);
  await again();
  expect([...relay.open.rooms.values()].filter((one) => one.title === "Walks")).toHaveLength(2);
  await expect(alice.messenger.createGroup("X", [relay.id()], { open: true })).rejects.toThrow("cannot be added");
});

test("two devices of one account write in one chat, and each message stands there once", async () => {
  const laptop = await linked(alice);
  await Promise.all([tells(alice, id, "from here"), tells(laptop, id, "from there")]);
  for (const party of [alice, laptop, bob]) {
    await until(async () => (await heard(party, id)).length === 2);
    expect((await heard(party, id)).sort()).toEqual(["alice: from here", "alice: from there"]);
  }
  const [line] = await laptop.messenger.lines(id, null, 1);
  await alice.messenger.deleteLine(line!.id);
  await hears(laptop, id, "alice: (deleted)");
});

test("a tab that takes over goes on with what waits", async () => {
  alice.cut();
  const line = await alice.messenger.send(id, "handed over");
  const other = new Party(relay, "alice", { disk: alice.disk });
  expect((await other.start()).state).toBe("open_elsewhere");
  expect((await other.messenger.takeOver()).state).toBe("ready");
  await until(async () => (await lineOf(other, id, line.id))?.state === "accepted");
  expect(await heard(other, id)).toEqual(["alice: handed over"]);
  expect(alice.told.at(-1)).toMatchObject({ type: "ended", why: "taken_over" });
});

test("answers and frames that make no sense are errors, and the next ones are heard", async () => {
  const row = relay.open.write(id, bob.account, "sense");
  await hears(alice, id, "bob: sense");
  const message = { type: "open.message", open_chat: id, request: false, ...row };
  const nonsense = [
    { type: "open.message" },
    { ...message, position: 0 },
    { ...message, position: "9" },
    { ...message, position: row.position + 1, body: "x".repeat(40_000) },
    { ...message, position: row.position + 1, sender: 5 },
    { type: "open.read", open_chat: id, account: bob.account, position: -1 },
    { type: "open.chat", open_chat: "x" },
    { type: "open.chat", open_chat: relay.id(), title: "nobody's" },
    { type: "open.surprise", open_chat: id },
  ];
  for (const frame of nonsense) relay.push("alice", frame);
  await tells(bob, id, "still here");
  await hears(alice, id, "bob: sense", "bob: still here");
  expect((await alice.messenger.chats()).filter((one) => one.open)).toHaveLength(1);
  const path = `open-chats/${id}/messages`;
  const circle = { messages: [{ ...row }, { ...row }], next: "more" };
  for (const body of [{}, { messages: 5 }, circle, { messages: [{ ...row, position: 2 ** 60 }], next: null }]) {
    relay.refusals.of(`GET ${path}`).push([200, body]);
    await expect(alice.messenger.linesAfter(id, 0, 10).then(() => alice.messenger.inside.openKeeper.refresh(idOf(id)))).rejects.toMatchObject({ code: "defect" });
  }
  relay.refusals.of("GET open-chats").push([200, { open_chats: [{ id: "x" }] }]);
  relay.faults.of("FRAME open.send").push(() => [201, { open_chat: id, message_id: relay.id(), position: 1, accepted_at: 1 }]);
  await alice.reload();
  await alice.online();
  const line = await alice.messenger.send(id, "and this?");
  await until(async () => (await lineOf(alice, id, line.id))?.state === "failed");
  await alice.messenger.resend(line.id);
  await until(async () => (await lineOf(alice, id, line.id))?.state === "accepted");
  expect(await heard(bob, id)).toEqual(["bob: sense", "bob: still here", "alice: and this?"]);
});
