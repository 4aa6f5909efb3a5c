import { describe, expect, test } from "vitest";
import { completed, fitting, mentionsIn, startedAt } from "./mentions";

const people = ["bob", "bob.smith", "zoë", "carol"].map((name, at) => ({ account: `p${at}`, name }));

function found(text: string): string[] {
  return mentionsIn(text, people).map(({ from, to, account }) => `${text.slice(from, to)} ${account}`);
}

describe("a mention", () => {
  test("is an @ and the whole name of somebody who is there", () => {
    expect(found("@bob and @zoë: ask (@carol), @Bob!")).toEqual(["@bob p0", "@zoë p2", "@carol p3", "@Bob p0"]);
    expect(found("@bobby @dana @ bob bob")).toEqual([]);
  });

  test("takes the longest name, and leaves a sentence its full stop", () => {
    expect(found("Ask @bob.smith. Or @bob.")).toEqual(["@bob.smith p1", "@bob p0"]);
    expect(found("@bob.smithers")).toEqual([]);
  });

  test("is no e-mail address", () => {
    expect(found("alice@bob, a.@bob, @@bob")).toEqual([]);
  });
});

describe("completing", () => {
  test("begins with the @ that the caret stands behind", () => {
    expect(startedAt("hello @bo", 9)).toEqual({ from: 6, to: 9, prefix: "bo" });
    expect(startedAt("hello @bo there", 8)).toEqual({ from: 6, to: 8, prefix: "b" });
    expect(startedAt("@", 1)).toEqual({ from: 0, to: 1, prefix: "" });
    expect(startedAt("(@zo", 4)?.prefix).toBe("zo");
    expect(startedAt("a@bo", 4)).toBe(null);
    expect(startedAt("@bo there", 9)).toBe(null);
    expect(startedAt("bo", 2)).toBe(null);
  });

  test("shows who fits, beginnings first", () => {
    expect(fitting(people, "").map(({ name }) => name)).toEqual(["bob", "bob.smith", "carol", "zoë"]);
    expect(fitting(people, "O").map(({ name }) => name)).toEqual(["bob", "bob.smith", "carol", "zoë"]);
    expect(fitting(people, "s").map(({ name }) => name)).toEqual(["bob.smith"]);
    expect(fitting(people, "c").map(({ name }) => name)).toEqual(["carol"]);
  });

  test("puts the name and a space in the place of what was started", () => {
    const text = "ask @bo about it";
    expect(completed(text, startedAt(text, 7)!, "bob")).toEqual({ text: "ask @bob about it", caret: 9 });
    expect(completed("@", startedAt("@", 1)!, "zoë")).toEqual({ text: "@zoë ", caret: 5 });
  });
});
