import { describe, expect, test } from "vitest";
import { MOST_BYTES, room } from "./size";

describe("the size of a message", () => {
  test("is counted in characters of the kind that it has", () => {
    expect(room("x".repeat(MOST_BYTES))).toBe(0);
    expect(room("x".repeat(MOST_BYTES - 7))).toBe(7);
    expect(room("x".repeat(MOST_BYTES + 7))).toBe(-7);
    expect(room("é".repeat(MOST_BYTES / 2 - 7))).toBe(7);
    expect(room("日".repeat(MOST_BYTES / 3 + 1))).toBe(-1);
  });

  test("is no matter for a short one", () => {
    expect(room("")).toBeGreaterThan(1_000);
    expect(room("日".repeat(1_000))).toBeGreaterThan(1_000);
  });
});
