import { beforeEach, describe, expect, test, vi } from "vitest";
import type { Line } from "../../client/model";
import { FakeClock, settled } from "../tests/clock";
import { FakeMessenger, id } from "../tests/fake";
import { Conversation, NOWHERE, PAGE, WINDOW } from "./conversation";

const BOB = id("c", 1);
let fake: FakeMessenger;
let clock: FakeClock;
let conversation: Conversation;

beforeEach(() => {
  fake = new FakeMessenger();
  clock = new FakeClock();
  fake.addChat(1, "bob");
});

/** `history`: all of it is from before this device's time. */
async function open(count: number, unread = 0, { history = false } = {}): Promise<void> {
  fake.fill(BOB, count, clock.now());
  if (history) fake.stored.set(BOB, stored().map((line) => ({ ...line, position: line.position - 10_000 })));
  const lines = fake.stored.get(BOB)!;
  const first = lines[lines.length - unread];
  conversation = new Conversation(fake, clock, BOB);
  await conversation.open({ unread, firstUnread: unread ? first!.position : 0 });
}

function stored(): Line[] {
  return fake.stored.get(BOB) ?? [];
}

function texts(): string[] {
  return [...conversation.lines, ...conversation.pending].map((line) => line.text);
}

/** The next answer to this call is given, as it is now, once that is said. */
function hold(call: "lines" | "linesAfter"): () => void {
  let answer = (): void => undefined;
  const said = new Promise<void>((resolve) => (answer = resolve));
  const asked = fake[call].bind(fake) as (...args: unknown[]) => Promise<Line[]>;
  vi.spyOn(fake, call).mockImplementationOnce(async (...args: unknown[]) => {
    const lines = await asked(...args);
    await said;
    return lines;
  });
  return answer;
}

/** Nothing before a position can be had. */
function unreachable(position: number): void {
  const asked = fake.lines.bind(fake);
  vi.spyOn(fake, "lines").mockImplementation((chat, before, limit) => {
    if (before !== null && before <= position) return Promise.reject(new Error("The server cannot be reached."));
    return asked(chat, before, limit);
  });
}

function inOrder(): void {
  const positions = conversation.lines.map((line) => line.position);
  expect(positions).toEqual([...new Set(positions)].sort((one, other) => one - other));
}

describe("a conversation opens", () => {
  test("at its end when all is read", async () => {
    await open(200);
    expect(conversation.lines).toHaveLength(PAGE);
    expect(conversation.last).toBe(200);
    expect(conversation.atEnd).toBe(true);
    expect(conversation.atStart).toBe(false);
    expect(conversation.following).toBe(true);
  });

  test("at the first unread line, without everything after it", async () => {
    await open(1_000, 500);
    expect(conversation.unreadFrom).toBe(501);
    expect(conversation.lines.map((line) => line.position)).toContain(500);
    expect(conversation.lines.length).toBeLessThan(2 * PAGE);
    expect(conversation.atEnd).toBe(false);
    expect(conversation.following).toBe(false);
  });

  test("at the first unread line of before this device's time", async () => {
    await open(1_000, 500, { history: true });
    expect(conversation.unreadFrom).toBe(501 - 10_000);
    expect(conversation.lines.map((line) => line.position)).toContain(500 - 10_000);
    expect([conversation.lines.length, conversation.atEnd, conversation.following]).toEqual([PAGE + 20, false, false]);
    await conversation.newer();
    inOrder();
    expect(conversation.last).toBe(500 - 10_000 + 2 * PAGE);
  });

  test("with what came in meanwhile", async () => {
    fake.fill(BOB, 5, clock.now());
    conversation = new Conversation(fake, clock, BOB);
    const opening = conversation.open({ unread: 0, firstUnread: 0 });
    const line = fake.addLine(BOB, "early");
    conversation.take([line]);
    await opening;
    expect(texts().filter((text) => text === "early")).toHaveLength(1);
    inOrder();
  });

  test("empty when nobody has written", async () => {
    await open(0);
    expect(conversation.lines).toEqual([]);
    expect(conversation.last).toBe(NOWHERE);
    expect(conversation.atStart).toBe(true);
    expect(conversation.atEnd).toBe(true);
  });

  test("and says why when it cannot, and opens the second time", async () => {
    fake.failing = "The store is closed.";
    await open(5);
    expect(conversation.failed).toBe("The store is closed.");
    expect(conversation.opened).toBe(false);
    fake.failing = "";
    await conversation.open({ unread: 0, firstUnread: 0 });
    expect(conversation.failed).toBe("");
    expect(conversation.lines).toHaveLength(5);
  });
});

describe("its window", () => {
  test("moves to the beginning and back without losing or repeating a line", async () => {
    await open(1_000);
    conversation.follow(false);
    const seen = new Set<number>();
    while (!conversation.atStart) {
      await conversation.older();
      inOrder();
      expect(conversation.lines.length).toBeLessThanOrEqual(WINDOW);
      for (const line of conversation.lines) seen.add(line.position);
    }
    expect(seen.size).toBe(1_000);
    expect(conversation.atEnd).toBe(false);
    while (!conversation.atEnd) {
      await conversation.newer();
      inOrder();
    }
    expect(conversation.last).toBe(1_000);
    expect(conversation.atStart).toBe(false);
  });

  test("loads one page at a time", async () => {
    await open(1_000);
    await Promise.all([conversation.older(), conversation.older()]);
    expect(conversation.lines).toHaveLength(2 * PAGE);
  });

  test("goes back to the newest at once", async () => {
    await open(1_000, 900);
    await conversation.newest();
    expect(conversation.last).toBe(1_000);
    expect(conversation.following).toBe(true);
  });

  test("stays where one reads while lines come in, and counts them", async () => {
    await open(500);
    conversation.follow(false);
    for (let page = 0; page < 5; page += 1) await conversation.older();
    const before = conversation.lines;
    for (let at = 0; at < 3; at += 1) conversation.take([fake.addLine(BOB, "new")]);
    expect(conversation.lines.length).toBeLessThanOrEqual(before.length + 3);
    expect(conversation.lines[0]).toBe(before[0]);
    expect(conversation.unseen).toBe(3);
    await conversation.newest();
    expect(conversation.unseen).toBe(0);
    expect(conversation.last).toBe(503);
  });

  test("keeps its size while it follows", async () => {
    await open(50);
    for (let at = 0; at < 400; at += 1) conversation.take([fake.addLine(BOB, `${at}`)]);
    expect(conversation.lines).toHaveLength(WINDOW);
    expect(conversation.last).toBe(450);
    expect(conversation.atStart).toBe(false);
  });

  test("lets go of the end when it has grown without being followed", async () => {
    await open(50);
    conversation.follow(false);
    for (let at = 0; at < 400; at += 1) conversation.take([fake.addLine(BOB, `${at}`)]);
    expect(conversation.lines).toHaveLength(WINDOW);
    expect(conversation.unseen).toBe(400);
    while (!conversation.atEnd) await conversation.newer();
    expect(conversation.last).toBe(450);
    inOrder();
  });

  test.each(["newer", "newest"] as const)("has what came in while the %s lines were fetched", async (what) => {
    await open(100, 80);
    await settled();
    const answer = hold(what === "newer" ? "linesAfter" : "lines");
    const loading = conversation[what]();
    await settled();
    const line = fake.addLine(BOB, "meanwhile");
    conversation.take([line]);
    answer();
    await loading;
    while (!conversation.atEnd) await conversation.newer();
    expect(texts().filter((text) => text === "meanwhile")).toHaveLength(1);
    inOrder();
  });

  test("is at its beginning only where it is known that nothing is older", async () => {
    fake.fill(BOB, 30, clock.now());
    const all = stored();
    fake.stored.set(BOB, all.slice(20)); // all that can be had now
    unreachable(all[20]!.position);
    conversation = new Conversation(fake, clock, BOB);
    await conversation.open({ unread: 0, firstUnread: 0 });
    expect([conversation.lines.length, conversation.atStart, conversation.failed]).toEqual([10, false, ""]);
    await conversation.older();
    expect([conversation.atStart, conversation.failed]).toEqual([false, "The server cannot be reached."]);
    fake.stored.set(BOB, all);
    vi.restoreAllMocks();
    await conversation.older();
    expect([conversation.lines.length, conversation.atStart, conversation.failed]).toEqual([30, true, ""]);
  });

  test("says on which side lines could not be loaded, and tries there once more", async () => {
    await open(400, 200);
    fake.failing = "The server cannot be reached.";
    await conversation.newer();
    expect([conversation.failed, conversation.failedBelow]).toEqual([fake.failing, true]);
    await conversation.older();
    expect([conversation.failed, conversation.failedBelow]).toEqual([fake.failing, false]);
    await conversation.newer();
    const { length } = conversation.lines;
    const { last } = conversation;
    fake.failing = "";
    await conversation.again();
    expect([conversation.failed, conversation.failedBelow, conversation.last]).toEqual(["", false, last + PAGE]);
    expect(conversation.lines).toHaveLength(length + PAGE);
  });

  test("ignores changes of lines that it does not hold", async () => {
    await open(500);
    const old = fake.stored.get(BOB)![3]!;
    conversation.take([{ ...old, state: "read" }]);
    expect(conversation.lines.some((line) => line.id === old.id)).toBe(false);
  });
});

describe("its lines", () => {
  test("change in place", async () => {
    await open(5);
    const line = conversation.lines[2]!;
    conversation.take([{ ...line, state: "failed" }]);
    expect(conversation.lines[2]!.state).toBe("failed");
    expect(conversation.lines).toHaveLength(5);
  });

  test("are shown before they are stored, and once", async () => {
    await open(2);
    const pending = conversation.addPending("mine");
    expect(texts().at(-1)).toBe("mine");
    const line = fake.addLine(BOB, "mine", { outgoing: true, state: "queued" });
    conversation.take([line]); // told before the answer
    expect(texts().filter((text) => text === "mine")).toHaveLength(1);
    conversation.settle(pending, line);
    expect(texts().filter((text) => text === "mine")).toHaveLength(1);
  });

  test("equal ones are as many as were written", async () => {
    await open(0);
    const [one, two] = [conversation.addPending("ok"), conversation.addPending("ok")];
    const first = fake.addLine(BOB, "ok", { outgoing: true });
    const second = fake.addLine(BOB, "ok", { outgoing: true });
    conversation.take([first]);
    expect(texts()).toEqual(["ok", "ok"]);
    conversation.settle(one, first);
    conversation.take([second]);
    conversation.settle(two, second);
    expect(texts()).toEqual(["ok", "ok"]);
    expect(conversation.pending).toEqual([]);
  });

  test("that were refused go away", async () => {
    await open(1);
    conversation.settle(conversation.addPending("no"), null);
    expect(texts()).toHaveLength(1);
  });

  test("go away when they are discarded", async () => {
    await open(3);
    conversation.remove(conversation.lines[1]!.id);
    expect(conversation.lines).toHaveLength(2);
  });
});

describe("what is new", () => {
  test("is marked when nobody looks, from the first such line on", async () => {
    await open(3);
    conversation.take([fake.addLine(BOB, "one")], { seen: false });
    conversation.take([fake.addLine(BOB, "two")], { seen: false });
    expect(conversation.unreadFrom).toBe(4);
  });

  test("is not marked while one reads along", async () => {
    await open(3);
    conversation.take([fake.addLine(BOB, "one")]);
    expect(conversation.unreadFrom).toBe(0);
    expect(conversation.unseen).toBe(0);
  });

  test("is not what comes from before this device's time", async () => {
    await open(0);
    const earlier = [-40, -30, -20].map((position) => fake.addLine(BOB, `${position}`, { position }));
    for (const line of earlier) conversation.take([line], { seen: false });
    expect([texts(), conversation.unreadFrom, conversation.unseen]).toEqual([["-40", "-30", "-20"], 0, 0]);
    conversation.take([fake.addLine(BOB, "new")], { seen: false });
    expect(conversation.unreadFrom).toBe(4);
  });

  test("is no longer marked once one has answered", async () => {
    await open(100, 10);
    conversation.addPending("answer");
    expect(conversation.unreadFrom).toBe(0);
  });
});

describe("finding a line", () => {
  test("shows it in its place, from where one scrolls on in both directions", async () => {
    await open(1_000);
    const wanted = stored()[400]!;
    await conversation.find(wanted.id, ["word"]);
    expect(conversation.target).toEqual({ line: wanted.id, words: ["word"] });
    expect(conversation.following).toBe(false);
    expect([conversation.lines.length, conversation.line(wanted.id)]).toEqual([PAGE, wanted]);
    await conversation.older();
    await conversation.newer();
    expect(conversation.lines).toHaveLength(3 * PAGE);
    expect(conversation.lines.map(({ position }) => position)).toEqual(stored().slice(310, 490).map(({ position }) => position));
    await conversation.newest();
    expect([conversation.target, conversation.line(wanted.id)]).toEqual([null, undefined]);
  });

  test("waits for the chat to open, and loads nothing for one that is in the page", async () => {
    fake.fill(BOB, 10, clock.now());
    conversation = new Conversation(fake, clock, BOB);
    const opening = conversation.open({ firstUnread: 0, unread: 0 });
    await conversation.find(stored()[2]!.id, []);
    await opening;
    expect(conversation.target?.line).toBe(stored()[2]!.id);
    expect(conversation.lines).toHaveLength(10);
    expect(fake.calls.filter((call) => call.startsWith("linesAround"))).toEqual([]);
  });

  test("that is gone changes nothing", async () => {
    await open(10);
    await conversation.find("gone", []);
    expect(conversation.target).toBe(null);
    expect(conversation.lines).toHaveLength(10);
  });
});
