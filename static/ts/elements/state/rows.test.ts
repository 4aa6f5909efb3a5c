import { describe, expect, test } from "vitest";
import type { Line } from "../../client/model";
import { FakeMessenger, id } from "../tests/fake";
import { rowsOf, type LineRow } from "./rows";

const CHAT = id("c", 1);
const NOON = new Date(2026, 4, 5, 12, 0, 0).getTime();

function lines(...entries: [number, Partial<Line>?][]): Line[] {
  const fake = new FakeMessenger();
  fake.addChat(1, "bob");
  return entries.map(([seconds, more]) => fake.addLine(CHAT, "x", { sentAt: NOON + seconds * 1_000, ...more }));
}

function kinds(all: readonly Line[], unread = 0): string {
  return rowsOf(all, unread)
    .map((row) => (row.kind === "line" ? (row.first ? "(" : "") + "x" + (row.last ? ")" : "") : row.kind))
    .join(" ");
}

describe("rows", () => {
  test("group the texts of one person in one minute", () => {
    expect(kinds(lines([0], [20], [59], [61]))).toBe("day (x x x) (x)");
    expect(kinds(lines([0], [1, { outgoing: true }], [2, { outgoing: true }]))).toBe("day (x) (x x)");
    const [bob, dana] = [{ sender: "bob" }, { sender: "dana" }];
    expect(kinds(lines([0, bob], [1, bob], [2, dana], [3, bob]))).toBe("day (x x) (x) (x)");
  });

  test("begin a day with a divider", () => {
    expect(kinds(lines([0], [86_400], [86_401]))).toBe("day (x) day (x x)");
  });

  test("put the unread divider above the first unread line, once, and split its group", () => {
    expect(kinds(lines([0], [1], [2]), 2)).toBe("day (x) unread (x x)");
    expect(kinds(lines([0], [1]), 99)).toBe("day (x x)");
  });

  test("leave the divider out where what is unread begins further up", () => {
    expect(kinds(lines([0], [1], [2]).slice(1), 1)).toBe("day (x x)");
    expect(kinds(lines([0], [1], [2]).slice(1), 2)).toBe("day unread (x x)");
  });

  test("mark nothing of one's own as unread", () => {
    expect(kinds(lines([0], [1, { outgoing: true }], [2]), 2)).toBe("day (x) (x) unread (x)");
  });

  test("keep sentences and failed messages apart", () => {
    expect(kinds(lines([0], [1, { kind: "gap", missing: 2 }], [2]))).toBe("day (x) (x) (x)");
    const own = { outgoing: true };
    expect(kinds(lines([0, { ...own, state: "failed" }], [1, own]))).toBe("day (x) (x)");
  });

  test("say time and state at the end of a group, and where the state changes", () => {
    const own = { outgoing: true };
    const all = lines([0, { ...own, state: "read" }], [1, { ...own, state: "read" }], [2, { ...own, state: "accepted" }]);
    const metas = rowsOf(all, 0).filter((row): row is LineRow => row.kind === "line").map((row) => row.meta);
    expect(metas).toEqual([false, true, true]);
  });

  test("have keys of their own", () => {
    const keys = rowsOf(lines([0], [86_400], [2 * 86_400]), 2).map((row) => row.key);
    expect(new Set(keys).size).toBe(keys.length);
  });

  test("go by the server's clock once it has told", () => {
    const [line] = lines([0, { acceptedAt: NOON + 86_400_000 }]);
    expect(rowsOf([line!], 0)[0]).toMatchObject({ kind: "day", at: NOON + 86_400_000 });
  });
});
