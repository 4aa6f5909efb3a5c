import { beforeEach, describe, expect, test } from "vitest";
import { FakeClock } from "../tests/clock";
import { FakeMessenger, id } from "../tests/fake";
import { MOST, TOGETHER } from "./announcements";
import { Conversation } from "./conversation";

const BOB = id("c", 1);
let fake: FakeMessenger;
let clock: FakeClock;
let conversation: Conversation;

beforeEach(async () => {
  fake = new FakeMessenger();
  clock = new FakeClock();
  fake.addChat(1, "bob");
  fake.fill(BOB, 20, clock.now());
  conversation = new Conversation(fake, clock, BOB);
  await conversation.open({ unread: 0, firstUnread: 0 });
});

function said(): string[] | number {
  clock.pass(TOGETHER);
  const { latest } = conversation.news;
  if (!latest) return [];
  return latest.lines.length > 0 ? latest.lines.map((line) => line.text) : latest.count;
}

describe("what is read aloud", () => {
  test("is not the history, and nothing of one's own", async () => {
    await conversation.older();
    const own = fake.addLine(BOB, "mine", { outgoing: true, state: "queued" });
    conversation.take([own]);
    conversation.take([{ ...own, state: "read" }]);
    expect(said()).toEqual([]);
  });

  test("is what comes in, once", () => {
    const line = fake.addLine(BOB, "hello");
    conversation.take([line]);
    expect(said()).toEqual(["hello"]);
    const before = conversation.news.latest;
    conversation.take([line]);
    said();
    expect(conversation.news.latest).toBe(before);
  });

  test("is counted when it is much at once", () => {
    for (let at = 0; at <= MOST; at += 1) conversation.take([fake.addLine(BOB, `${at}`)]);
    expect(said()).toBe(MOST + 1);
    conversation.take([fake.addLine(BOB, "one more")]);
    expect(said()).toEqual(["one more"]);
  });

  test("is what could not be sent", () => {
    const own = fake.addLine(BOB, "mine", { outgoing: true, state: "queued" });
    conversation.take([own]);
    conversation.take([{ ...own, state: "failed", cause: "No." }]);
    expect(said()).toEqual(["mine"]);
    const before = conversation.news.latest;
    conversation.take([{ ...own, state: "failed", cause: "No." }]);
    said();
    expect(conversation.news.latest).toBe(before);
  });

  test("goes on where the window has no room for it", () => {
    conversation.follow(false);
    for (let at = 0; at < 400; at += 1) conversation.take([fake.addLine(BOB, `${at}`)]);
    expect(said()).toBe(400);
    conversation.take([fake.addLine(BOB, "again")]);
    expect(said()).toEqual(["again"]);
    expect(conversation.unreadFrom).toBe(21);
  });
});
