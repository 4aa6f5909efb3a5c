import { beforeEach, describe, expect, test } from "vitest";
import type { Line } from "../../client/model";
import { FakeClock, settled } from "../tests/clock";
import { FakeMessenger, id, OPTIONS } from "../tests/fake";
import { SAVE_AFTER } from "./drafts";
import { ChatPage } from "./page";

const OPEN = id("o", 1);
let fake: FakeMessenger;
let clock: FakeClock;
let page: ChatPage;
let first: Line;
let last: Line;

beforeEach(async () => {
  fake = new FakeMessenger();
  clock = new FakeClock();
  fake.addChat(1, "bob", { id: OPEN, open: true });
  fake.addChat(2, "dana");
  first = fake.addLine(OPEN, "Four fit in", { outgoing: true });
  last = fake.addLine(OPEN, "Bring bread", { outgoing: true });
  fake.addLine(OPEN, "Will do");
  page = new ChatPage(fake, OPTIONS, clock);
  page.go({ chat: OPEN, details: false });
  await page.start();
  await settled();
});

function calls(name: string): string[] {
  return fake.calls.filter((call) => call.startsWith(name));
}

describe("editing", () => {
  test("begins with the newest of one's own, and changes it in its place", async () => {
    page.writing.typed("half a draft");
    expect(page.writing.editLast()).toBe(true);
    expect(page.writing.editing).toEqual({ line: last, text: "Bring bread" });
    page.writing.typed("Bring bread and water");
    await page.writing.send("Bring bread and water");
    expect(page.writing.editing).toBe(null);
    expect(calls("editLine")).toEqual([`editLine ${last.id} Bring bread and water`]);
    expect(calls("send")).toEqual([]);
    expect(page.conversation?.lines.map(({ text }) => text)).toContain("Bring bread and water");
    expect(page.writing.drafts.text(OPEN)).toBe("half a draft");
  });

  test("begins with nothing where the newest of one's own is not in the page, or not stored", async () => {
    const { conversation } = page;
    const pending = conversation!.addPending("on its way");
    expect(page.writing.editLast()).toBe(false);
    conversation!.settle(pending, fake.addLine(OPEN, "on its way", { outgoing: true, state: "queued", changeable: false }));
    expect(page.writing.editLast()).toBe(false);
    conversation!.take([{ ...conversation!.lines.at(-1)!, deleted: true }]);
    expect(page.writing.editLast()).toBe(true);
    page.writing.stopEditing();
    await conversation!.find(first.id, []);
    conversation!.atEnd = false;
    expect(page.writing.editLast()).toBe(false);
    expect(page.writing.editing).toBe(null);
  });

  test("goes on when one comes back to the chat", async () => {
    page.writing.edit(first);
    page.writing.typed("Five fit");
    page.go({ chat: id("c", 2), details: false });
    expect(page.writing.editing).toBe(null);
    page.go({ chat: OPEN, details: false });
    expect(page.writing.editing).toEqual({ line: first, text: "Five fit" });
    fake.failing = "The server cannot be reached.";
    const saving = page.writing.send("Five fit in");
    page.go({ chat: id("c", 2), details: false });
    await saving;
    page.go({ chat: OPEN, details: false });
    expect(page.writing.editing).toEqual({ line: first, text: "Five fit in" });
    page.writing.stopEditing();
    page.go({ chat: id("c", 2), details: false });
    page.go({ chat: OPEN, details: false });
    expect(page.writing.editing).toBe(null);
  });

  test("that changes nothing asks for nothing, and is given up with the chat", async () => {
    page.writing.edit(first);
    await page.writing.send("Four fit in");
    page.writing.edit(first);
    page.go({ chat: id("c", 2), details: false });
    expect(page.writing.editing).toBe(null);
    expect(calls("editLine")).toEqual([]);
  });

  test("that did not work can be tried once more", async () => {
    page.writing.edit(first);
    fake.failing = "The server cannot be reached.";
    await page.writing.send("Five fit in");
    expect(page.writing.editing).toEqual({ line: first, text: "Five fit in" });
    expect(page.notices.all.map(({ text }) => text)).toEqual(["The server cannot be reached."]);
  });

  test("is not for what others wrote, and nothing is where nothing can be changed", async () => {
    const theirs = page.conversation?.lines.at(-1);
    page.writing.edit(theirs!);
    expect(page.writing.editing).toBe(null);
    page.go({ chat: id("c", 2), details: false });
    await settled();
    fake.addLine(id("c", 2), "encrypted", { outgoing: true });
    expect(page.writing.editLast()).toBe(false);
  });
});

test("deleting a message that is being edited ends that", async () => {
  page.writing.edit(first);
  page.writing.delete(first);
  await settled();
  expect(page.writing.editing).toBe(null);
  expect(page.conversation?.line(first.id)).toMatchObject({ deleted: true, text: "" });
});

test("a draft that is sent is left to the message, which takes its place in the store", async () => {
  page.writing.typed("half a draft");
  clock.pass(SAVE_AFTER);
  await settled();
  page.writing.typed("half a draft, and the rest");
  const sending = page.writing.send("half a draft, and the rest");
  expect(page.writing.storing).toBe(1);
  expect(page.writing.drafts.text(OPEN)).toBe("");
  await sending;
  clock.pass(SAVE_AFTER);
  await settled();
  expect(page.writing.storing).toBe(0);
  expect(calls("saveDraft")).toEqual([`saveDraft ${OPEN} half a draft`]);

  fake.failing = "This message is too long.";
  const refused = page.writing.send("too long");
  expect(page.writing.storing).toBe(1);
  await refused;
  expect(page.writing.storing).toBe(0);
  clock.pass(SAVE_AFTER);
  await settled();
  expect(calls("saveDraft").at(-1)).toBe(`saveDraft ${OPEN} too long`);
});

test("drafts are stored while typing and when the chat is left", async () => {
  page.writing.typed("half");
  clock.pass(SAVE_AFTER);
  await settled();
  page.writing.typed("half a");
  page.go({ chat: id("c", 2), details: false });
  await settled();
  expect(calls("saveDraft")).toEqual([`saveDraft ${OPEN} half`, `saveDraft ${OPEN} half a`]);
});
