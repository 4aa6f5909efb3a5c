import { beforeEach, describe, expect, test } from "vitest";
import { FakeMessenger } from "../tests/fake";
import { ChatList } from "./chat_list";

let list: ChatList;
let fake: FakeMessenger;

beforeEach(() => {
  fake = new FakeMessenger();
  for (const [at, name] of ["alba", "bob", "charlie", "dana"].entries()) {
    const chat = fake.addChat(at + 1, name);
    if (name !== "dana") fake.addLine(chat.id, `from ${name}`);
  }
  list = new ChatList();
  list.take([...fake.summaries.values()], { complete: true });
});

function names(): string[] {
  return list.shown.map((chat) => chat.name);
}

function change(name: string, more: object): void {
  const chat = list.all.find((one) => one.name === name)!;
  list.take([{ ...chat, ...more }]);
}

describe("the list of chats", () => {
  test("shows the latest first, and above them those that nobody has written in", () => {
    expect(names()).toEqual(["dana", "charlie", "bob", "alba"]);
  });

  test("moves a chat up when a line comes in", () => {
    const alba = list.all.find((chat) => chat.name === "alba")!;
    change("alba", { last: fake.addLine(alba.id, "new") });
    expect(names()).toEqual(["dana", "alba", "charlie", "bob"]);
  });

  test("orders by time, whatever the positions of open chats are", () => {
    const alba = list.all.find((chat) => chat.name === "alba")!;
    const at = Date.now() + 60_000;
    change("alba", { open: true, last: fake.addLine(alba.id, "later", { position: 1, sentAt: at, acceptedAt: at }) });
    expect(names()).toEqual(["dana", "alba", "charlie", "bob"]);
  });

  test("filters the unread ones and the requests, and never the open chat", () => {
    change("bob", { unread: 3 });
    change("charlie", { request: true, unread: 1 });
    change("alba", { blocked: true, unread: 9 });
    list.setFilter("unread");
    expect(names()).toEqual(["charlie", "bob"]);
    list.setFilter("requests");
    expect(names()).toEqual(["charlie"]);
    list.setCurrent(list.all.find((chat) => chat.name === "dana")!.id);
    expect(names()).toEqual(["dana", "charlie"]);
  });

  test("counts what may be read: neither requests nor blocked people", () => {
    change("bob", { unread: 3 });
    change("charlie", { request: true, unread: 1 });
    change("alba", { blocked: true, unread: 9 });
    expect(list.unread).toBe(3);
    expect(list.requests).toBe(1);
  });

  test("searches through all chats, beginnings first, whatever the filter", () => {
    change("dana", { name: "xbob" });
    list.setFilter("unread");
    list.setQuery(" BOB ");
    expect(names()).toEqual(["bob", "xbob"]);
  });

  test("knows the neighbours of the open chat, and stops at the ends", () => {
    expect(list.neighbour(1)?.name).toBe("dana");
    expect(list.neighbour(-1)?.name).toBe("alba");
    list.setCurrent(list.all[1]!.id);
    expect(list.neighbour(1)?.name).toBe("bob");
    expect(list.neighbour(-1)?.name).toBe("dana");
    list.setCurrent(list.all[3]!.id);
    expect(list.neighbour(1)).toBeUndefined();
  });

  test("tells who listens, until they stop", () => {
    let heard = 0;
    const stop = list.changed.on(() => (heard += 1));
    list.setQuery("x");
    stop();
    list.setQuery("");
    expect(heard).toBe(1);
  });
});
