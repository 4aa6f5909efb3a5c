import { beforeEach, describe, expect, test } from "vitest";
import { FakeClock, settled } from "../tests/clock";
import { FakeMessenger, id, OPTIONS, READY } from "../tests/fake";
import { NOWHERE } from "./conversation";
import { ChatPage } from "./page";

const BOB = id("c", 1);
const DANA = id("c", 2);
let fake: FakeMessenger;
let clock: FakeClock;
let page: ChatPage;

beforeEach(() => {
  fake = new FakeMessenger();
  clock = new FakeClock();
  fake.addChat(1, "bob");
  fake.addChat(2, "dana");
  fake.fill(BOB, 10, clock.now());
  page = new ChatPage(fake, OPTIONS, clock);
});

async function begin(chat: string | null = BOB): Promise<void> {
  page.attend(true);
  page.go({ chat, details: false });
  await page.start();
  await settled();
}

function texts(): string[] {
  return [...(page.conversation?.lines ?? []), ...(page.conversation?.pending ?? [])].map((line) => line.text);
}

function called(name: string): string[] {
  return fake.calls.filter((call) => call.startsWith(name));
}

describe("starting", () => {
  test("shows the chats and the one in the address", async () => {
    await begin();
    expect(page.phase.state).toBe("ready");
    expect(page.list.all).toHaveLength(2);
    expect(page.conversation?.lines).toHaveLength(10);
    expect(page.account?.username).toBe("alice");
  });

  test("that ends otherwise says how", async () => {
    fake.start_ = { state: "evicted" };
    await begin();
    expect(page.phase.state).toBe("evicted");
    await page.startAfresh();
    expect(page.phase.state).toBe("ready");
  });

  test("of a browser that is none of the devices makes a code, and begins once it is linked", async () => {
    fake.start_ = { state: "linking_needed", reset: false };
    await begin();
    expect(page.linking).toMatchObject({ step: "waiting", code: fake.code });
    page.devices.open("code");
    const { start_ } = new FakeMessenger();
    fake.start_ = start_;
    fake.tell({ type: "link", link: { step: "done" } });
    await settled();
    expect(page.phase.state).toBe("ready");
    expect(page.devices.isOpen).toBe(false);
    expect(called("start")).toHaveLength(2);
  });

  test("with a new identity ends the code", async () => {
    fake.start_ = { state: "linking_needed", reset: false };
    await begin();
    await page.resetIdentity();
    expect(page.phase.state).toBe("ready");
    expect(fake.calls.indexOf("stopLinking")).toBeLessThan(fake.calls.indexOf("resetIdentity"));
  });

  test("takes over when the person has said so already", async () => {
    fake.start_ = { state: "open_elsewhere" };
    await page.start({ takeOver: true });
    expect(page.phase.state).toBe("ready");
    expect(called("takeOver")).toHaveLength(1);
  });

  test("is tried again, without a stir, when the person comes back to a tab beside another one", async () => {
    const phases: string[] = [];
    page.changed.on(() => phases.push(page.phase.state));
    fake.start_ = { state: "open_elsewhere" };
    await begin();
    page.attend(false);
    phases.length = 0;
    page.attend(true);
    await settled();
    expect(phases).toEqual([]);
    fake.start_ = READY; // the other tab was closed
    page.attend(true);
    await settled();
    expect(page.phase.state).toBe("ready");
    expect(page.conversation?.lines).toHaveLength(10);
  });

  test("that breaks is a sentence", async () => {
    fake.failing = "The Worker did not start.";
    await begin();
    expect(page.phase).toEqual({ state: "failed", why: "The Worker did not start." });
  });

  test("sends afterwards what was written before", async () => {
    page.go({ chat: BOB, details: false });
    void page.writing.send("early");
    expect(texts()).toEqual(["early"]);
    expect(called("send")).toEqual([]);
    await page.start();
    await settled();
    expect(called("send")).toEqual([`send ${BOB} early`]);
    expect(texts().filter((text) => text === "early")).toHaveLength(1);
  });

  test("says in an unknown chat that it is not here", async () => {
    await begin(id("c", 99));
    expect(page.conversation).toBeNull();
    expect(page.summary).toBeUndefined();
  });
});

describe("sending", () => {
  test("shows the message at once, empties the draft, and stores it", async () => {
    await begin();
    page.writing.typed("hi");
    void page.writing.send("hi");
    expect(texts().at(-1)).toBe("hi");
    expect(page.writing.drafts.text(BOB)).toBe("");
    await settled();
    expect(texts().filter((text) => text === "hi")).toHaveLength(1);
    expect(called("typing")).toEqual([`typing ${BOB} on`, `typing ${BOB} off`]);
  });

  test("keeps the order of what is written", async () => {
    await begin();
    for (const text of ["1", "2", "3"]) void page.writing.send(text);
    await settled();
    expect(called("send").map((call) => call.slice(-1))).toEqual(["1", "2", "3"]);
    expect(texts().slice(-3)).toEqual(["1", "2", "3"]);
  });

  test("that is refused gives the text back and says why", async () => {
    await begin();
    fake.failing = "This message cannot be sent.";
    await page.writing.send("hi");
    expect(texts()).not.toContain("hi");
    expect(page.writing.drafts.text(BOB)).toBe("hi");
    expect(page.notices.all.map((notice) => notice.text)).toEqual(["This message cannot be sent."]);
    page.notices.dismiss(page.notices.all[0]!.id);
    expect(page.notices.all).toEqual([]);
  });

  test("goes to the chat that was open, whatever is open when it is stored", async () => {
    await begin();
    void page.writing.send("for bob");
    page.go({ chat: DANA, details: false });
    await settled();
    expect(called("send")).toEqual([`send ${BOB} for bob`]);
    expect(texts()).not.toContain("for bob");
  });

  test("of nothing does nothing", async () => {
    await begin();
    await page.writing.send("  \n ");
    expect(called("send")).toEqual([]);
  });

  test("a failed message again, or discarding it", async () => {
    const line = fake.addLine(BOB, "failed", { outgoing: true, state: "failed" });
    await begin();
    page.writing.resend(line);
    await settled();
    expect(page.conversation?.lines.find((one) => one.id === line.id)?.state).toBe("queued");
    page.writing.discard(line);
    await settled();
    expect(texts()).not.toContain("failed");
  });
});

describe("reading", () => {
  test("tells where the person looks, and that they look away", async () => {
    await begin();
    page.reading.see(true, 10);
    expect(called("look")).toEqual([`look ${BOB}`]);
    page.attend(false);
    expect(called("look")).toEqual([`look ${BOB}`, "look nowhere"]);
  });

  test("marks what is in view, up to there, and once", async () => {
    fake.change(BOB, { unread: 5, firstUnread: 6 });
    await begin();
    page.reading.see(false, 7);
    page.reading.see(false, 7);
    page.reading.see(false, 5);
    expect(called("markRead")).toEqual([`markRead ${BOB} 7`]);
  });

  test("marks what is from before this device's time as it comes into view, and not before", async () => {
    fake.stored.set(BOB, fake.stored.get(BOB)!.map((line) => ({ ...line, position: line.position - 100 })));
    fake.change(BOB, { unread: 5, firstUnread: -94 });
    fake.change(DANA, { unread: 1, firstUnread: -50 });
    await begin();
    page.reading.see(false, NOWHERE); // hidden
    page.reading.see(false, -95);
    expect(called("markRead")).toEqual([]);
    page.reading.see(false, -93);
    expect(called("markRead")).toEqual([`markRead ${BOB} -93`]);
    page.go({ chat: DANA, details: false });
    page.attend(true);
    expect(called("markRead")).toHaveLength(1);
  });

  test("marks nothing while nobody looks, and does when they come back", async () => {
    fake.change(BOB, { unread: 5, firstUnread: 6 });
    await begin();
    page.attend(false);
    page.reading.see(true, 10);
    expect(called("markRead")).toEqual([]);
    page.attend(true);
    expect(called("markRead")).toEqual([`markRead ${BOB} 10`]);
  });

  test("of a request tells nobody anything", async () => {
    fake.change(BOB, { request: true, unread: 5, firstUnread: 6 });
    await begin();
    page.reading.see(true, 10);
    page.writing.typed("so");
    expect([...called("look"), ...called("markRead"), ...called("typing")]).toEqual([]);
    await page.decide("accept");
    page.reading.see(true, 10);
    expect(called("markRead")).toEqual([`markRead ${BOB} 10`]);
  });

  test("leaves the marks of a chat with it", async () => {
    fake.change(DANA, { unread: 1, firstUnread: 3 });
    await begin();
    page.reading.see(true, 10);
    page.go({ chat: DANA, details: false });
    expect(called("markRead")).toEqual([]);
  });
});

describe("what the client tells", () => {
  test("of the open chat shows up there", async () => {
    await begin();
    fake.receive(BOB, "new");
    expect(texts().at(-1)).toBe("new");
    fake.receive(DANA, "elsewhere");
    expect(texts()).not.toContain("elsewhere");
    expect(page.list.get(DANA)?.unread).toBe(1);
  });

  test("of typing, the connection and notices", async () => {
    await begin();
    fake.tell({ type: "typing", chat: BOB, account: id("p", 1), name: "bob", on: true });
    fake.tell({ type: "connection", connection: { state: "offline" } });
    fake.tell({ type: "notice", text: "Something." });
    fake.tell({ type: "notice", text: "Something." });
    expect(page.typists.in(BOB)).toEqual(["bob"]);
    fake.receive(BOB, "there");
    expect(page.typists.in(BOB)).toEqual([]);
    expect(page.connection.shown).toBe("offline");
    expect(page.notices.all).toHaveLength(1);
  });

  test("last of all ends the page", async () => {
    await begin();
    fake.tell({ type: "ended", why: "taken_over", text: "" });
    expect(page.phase.state).toBe("ended");
  });

  test("a chat that somebody just began opens where the address waits for it", async () => {
    await begin(id("c", 3));
    expect(page.conversation).toBeNull();
    fake.addChat(3, "eve");
    fake.receive(id("c", 3), "hello");
    await settled();
    expect(texts()).toEqual(["hello"]);
  });
});

describe("people", () => {
  test("who were found have a chat", async () => {
    await begin(null);
    const chat = await page.chatWith({ account: id("p", 5), username: "eve", chat: id("c", 5) });
    expect(chat).toBe(id("c", 5));
    expect(page.list.get(id("c", 5))?.name).toBe("eve");
  });

  test("who cannot be written to are a notice", async () => {
    await begin(null);
    fake.failing = "There is no connection.";
    expect(await page.chatWith({ account: id("p", 5), username: "eve", chat: id("c", 5) })).toBeNull();
    expect(page.notices.all).toHaveLength(1);
  });

  test("are blocked, unblocked and verified", async () => {
    await begin();
    expect(await page.decide("block")).toBe(true);
    expect(page.summary?.blocked).toBe(true);
    await page.decide("unblock");
    await page.verify(id("p", 1), await page.safetyNumber(id("p", 1)));
    expect(page.summary).toMatchObject({ blocked: false, verified: true });
    expect(called("verify")).toEqual([`verify ${id("p", 1)} 1.2.3`]);
  });
});
