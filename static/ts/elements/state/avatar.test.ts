import { describe, expect, test } from "vitest";
import { id } from "../tests/fake";
import { COLOURS, colourOf, initialsOf } from "./avatar";

describe("avatars", () => {
  test("show whole letters", () => {
    expect(initialsOf("bob")).toBe("B");
    expect(initialsOf("marko.petrov")).toBe("MP");
    expect(initialsOf("émile_zola")).toBe("ÉZ");
    expect(initialsOf("😀x")).toBe("😀");
    expect(initialsOf("")).toBe("?");
  });

  test("use all colours, the same for an account", () => {
    const seen = new Set(Array.from({ length: 200 }, (_, at) => colourOf(id("p", at))));
    expect([...seen].sort((one, other) => one - other)).toEqual(Array.from({ length: COLOURS }, (_, at) => at + 1));
    expect(colourOf(id("p", 1))).toBe(colourOf(id("p", 1)));
  });
});
