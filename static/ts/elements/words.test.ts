import { describe, expect, test } from "vitest";
import type { DeviceStatus } from "../client/model";
import { FakeMessenger, id } from "./tests/fake";
import { timesOf } from "./times";
import { countsOfLine, timesInOpen, timesOfLine } from "./times_of_line";
import { preview, words } from "./words";

const NOW = new Date(2026, 4, 20, 15, 0).getTime();
const DAY = 86_400_000;

describe("times", () => {
  const times = timesOf("en-GB");

  test("name days by how near they are", () => {
    expect(times.day(NOW - 3_600_000, NOW)).toBe("Today");
    expect(times.day(NOW - DAY, NOW)).toBe("Yesterday");
    expect(times.day(NOW - 3 * DAY, NOW)).toBe("Sunday");
    expect(times.day(NOW - 30 * DAY, NOW)).toBe("20 April");
    expect(times.day(NOW - 400 * DAY, NOW)).toContain("2025");
    expect(times.day(NOW + 2 * DAY, NOW)).toBe("22 May");
  });

  test("are brief in the list", () => {
    expect(times.brief(NOW, NOW)).toBe("15:00");
    expect(times.brief(NOW - 2 * DAY, NOW)).toBe("Mon");
    expect(times.brief(NOW - 30 * DAY, NOW)).toBe("20 Apr");
    expect(times.brief(NOW - 400 * DAY, NOW)).toMatch(/25$/);
  });

  test("are exact where one asks, with the date of another day", () => {
    expect(times.exact(NOW, NOW)).toBe("15:00:00");
    expect(times.exact(NOW - DAY, NOW)).toMatch(/19 May 2026.*15:00:00/);
  });

  test("speak other languages", () => {
    expect(timesOf("de").day(NOW - DAY, NOW)).toBe("Gestern");
    expect(timesOf("ar").number(3)).toBeTruthy();
  });
});

describe("words", () => {
  test("count", () => {
    expect(words.list.unread(1)).toBe("1 unread message");
    expect(words.list.unread(1_200)).toBe("1,200 unread messages");
    expect(words.pageTitle("bob", 3)).toBe("(3) bob · Messenger");
    expect(words.pageTitle(null, 0)).toBe("Messenger");
  });

  test("number devices only where there are several", () => {
    const fake = new FakeMessenger();
    fake.addChat(1, "bob");
    const by = (device: number, status: "delivered" | "read"): DeviceStatus => ({
      account: id("p", 1),
      device: id("d", device),
      status,
      at: NOW + device,
    });
    const told = (...devices: DeviceStatus[]): string[] =>
      timesOfLine(fake.addLine(id("c", 1), "a", { outgoing: true, devices }), NOW).map((one) => one.what);
    expect(told(by(1, "delivered"), by(1, "read"))).toEqual(["Sent", "Delivered", "Read"]);
    expect(told(by(1, "read"), by(2, "delivered"))).toEqual(["Sent", "Read on device 1", "Delivered to device 2"]);
  });

  test("count the members who have a message, once it is sent", () => {
    const fake = new FakeMessenger();
    const chat = fake.addGroup("Choir").id;
    const none = { account: id("p", 1), name: "bob", at: 0 };
    const receipts = { read: [none], delivered: [], expired: [], waiting: [none, none] };
    const told = (more: object): string[] =>
      countsOfLine(fake.addLine(chat, "a", { outgoing: true, ...more }), receipts, NOW).map((one) => one.what);
    expect(told({})).toEqual(["Sent", "Read by 1", "Not yet: 2"]);
    expect(told({ acceptedAt: 0, state: "queued" })).toEqual(["Waiting to be sent", "Read by 1"]);
  });

  test("say of a group's message that came as history that somebody has it", () => {
    const fake = new FakeMessenger();
    const chat = fake.addGroup("Choir").id;
    const bob = { account: id("p", 1), name: "bob", at: 1 };
    const told = (state: "accepted" | "delivered" | "read", delivered: (typeof bob)[] = []): string[] => {
      const line = fake.addLine(chat, "a", { outgoing: true, state });
      return countsOfLine(line, { read: [], delivered, expired: [], waiting: [] }, NOW).map((one) => one.what);
    };
    expect(told("accepted")).toEqual(["Sent"]);
    expect(told("delivered")).toEqual(["Sent", "Delivered to at least one member"]);
    expect(told("delivered", [bob])).toEqual(["Sent", "Delivered to 1"]);
    expect(told("read", [bob])).toEqual(["Sent", "Read by at least one member", "Delivered to 1"]);
  });

  test("say of a message in an open chat no more than is known", () => {
    const fake = new FakeMessenger();
    const chat = fake.addChat(1, "bob", { open: true }).id;
    const told = (state: "accepted" | "read", isGroup: boolean): string[] =>
      timesInOpen(fake.addLine(chat, "a", { outgoing: true, state }), isGroup, NOW).map((one) => one.what);
    expect(told("accepted", true)).toEqual(["Sent"]);
    expect(told("read", false)).toEqual(["Sent", "Read"]);
    expect(told("read", true)).toEqual(["Sent", "Read by at least one member"]);
  });

  test("say what a message that cannot be read lacks, and what happens next", () => {
    expect(words.line.unreadable("bob", "too_far")).toBe(
      "A message from bob cannot be read: too many messages before it are missing.",
    );
    expect(words.line.next("bob", "asked")).toContain("has been asked to send it again");
    expect(words.line.next("bob", "none")).toContain("ask bob to write it again");
  });

  test("say which device can link others", () => {
    expect(words.devices.cannot(["Laptop", "Phone"])).toBe("This device cannot link others. Laptop and Phone can.");
    expect(words.devices.cannot([])).toContain("signed up");
  });

  test("say how far earlier messages are", () => {
    const progress = { direction: "in", done: 1, total: 3 } as const;
    expect(words.history.says(progress, false)).toBe("Your earlier messages are coming in: 33%");
    expect(words.history.says({ ...progress, done: 3 }, true)).toBe("Your earlier messages are here.");
  });

  test("say what a line is in one line", () => {
    const fake = new FakeMessenger();
    fake.addChat(1, "bob");
    const line = (more: object): string => preview(fake.addLine(id("c", 1), "a\n\n b", more), "bob");
    expect(line({})).toBe("a b");
    expect(line({ kind: "gap", missing: 1 })).toMatch(/^A message from bob has not arrived/);
    expect(line({ kind: "unreadable", cause: "never heard of" })).toContain("it is damaged");
  });
});
