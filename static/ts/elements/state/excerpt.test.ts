import { describe, expect, test } from "vitest";
import { excerpt, LONG, LONG_LINES } from "./excerpt";

describe("an excerpt", () => {
  test("is not made of what fits a screen or two", () => {
    expect(excerpt("x".repeat(LONG))).toBeNull();
    expect(excerpt("x\n".repeat(LONG_LINES - 1))).toBeNull();
  });

  test("ends with a word", () => {
    const shown = excerpt("some words ".repeat(LONG))!;
    expect(shown).toMatch(/(some|words)$/);
    expect(shown.length).toBeGreaterThan(1_400);
  });

  test("ends with a line where there are many", () => {
    expect(excerpt("ab\n".repeat(500))).toBe("ab\n".repeat(25).slice(0, -1));
  });

  test("splits no character", () => {
    expect(excerpt("x" + "😀".repeat(LONG))).toMatch(/^x(😀)+$/u);
  });
});
