import { beforeEach, describe, expect, test } from "vitest";
import { FakeClock, settled } from "../tests/clock";
import { FakeMessenger, id, OPTIONS } from "../tests/fake";
import { ChatPage } from "./page";

const DANA = id("c", 2);
let fake: FakeMessenger;
let page: ChatPage;

beforeEach(() => {
  fake = new FakeMessenger();
  fake.addChat(2, "dana");
  page = new ChatPage(fake, OPTIONS, new FakeClock());
});

async function begin(chat: string | null): Promise<void> {
  page.attend(true);
  page.go({ chat, details: false });
  await page.start();
  await settled();
}

function called(name: string): string[] {
  return fake.calls.filter((call) => call.startsWith(name));
}

describe("a group", () => {
  const [own, bob, dana] = [
    { account: OPTIONS.account, name: "alice" },
    { account: id("p", 1), name: "bob" },
    { account: id("p", 2), name: "dana" },
  ].map((person) => ({ ...person, role: "owner" as const, identityChanged: false }));

  test("is written in like any chat, and its members are told that one types", async () => {
    const { id: group } = fake.addGroup("Choir");
    await begin(group);
    page.writing.typed("At seven");
    await page.writing.send("At seven");
    expect(called("typing")).toEqual([`typing ${group} on`, `typing ${group} off`]);
    expect(called("send")).toEqual([`send ${group} At seven`]);
    expect(page.conversation?.lines.map(({ text }) => text)).toEqual(["At seven"]);
  });

  test("that one is not in any more is told nothing", async () => {
    await begin(fake.addGroup("Choir", { ended: "left", role: null }).id);
    page.writing.typed("At seven");
    expect(called("typing")).toEqual([]);
  });

  test("has its members mentioned by their names, each once, and oneself never", async () => {
    const { id: group } = fake.addGroup("Choir", { members: [own!, bob!, dana!] });
    await begin(group);
    expect(page.writing.people.map(({ name }) => name)).toEqual(["bob", "dana"]);
    const sent = page.writing.send("@bob, @alice, @bob: bread");
    expect(page.conversation?.pending[0]?.mentions).toEqual([bob]);
    await sent;
    expect(called("send")).toEqual([`send ${group} @bob, @alice, @bob: bread ${bob!.account}`]);
  });

  test("that is muted counts for nothing in the title, until it mentions the person", async () => {
    const { id: group } = fake.addGroup("Choir", { muted: true });
    fake.change(group, { unread: 3 });
    fake.change(DANA, { unread: 2 });
    await begin(null);
    expect(page.list.unread).toBe(2);
    fake.update(group, { mentioned: true });
    expect(page.list.unread).toBe(3);
    fake.update(group, { request: true });
    expect(page.list.unread).toBe(2);
  });
});
