import { describe, expect, test } from "vitest";
import { piecesOf, wordsOf } from "./pieces";

const bob = { account: "p1", name: "bob" };

function shown(text: string, words: readonly string[] = []): string[] {
  return piecesOf(text, { mentions: [bob], words }).map((piece) => `${piece.kind} ${piece.text}`);
}

describe("a text's pieces", () => {
  test("are web addresses, mentions, and the text around them", () => {
    expect(shown("See https://example.org/@bob, @bob!")).toEqual([
      "text See ",
      "link https://example.org/@bob",
      "text , ",
      "mention @bob",
      "text !",
    ]);
    expect(shown("@dana is nobody here")).toEqual(["text @dana is nobody here"]);
  });

  test("are the words that were searched for, whole ones, whatever their case", () => {
    expect(shown("The Ship, the ships, the ship.", ["ship", "the"])).toEqual([
      "found The",
      "text  ",
      "found Ship",
      "text , ",
      "found the",
      "text  ships, ",
      "found the",
      "text  ",
      "found ship",
      "text .",
    ]);
  });

  test("are found whatever stands around the words in the query", () => {
    expect(wordsOf("  (ship) zoë's *? ")).toEqual(["ship", "zoë", "s"]);
    expect(shown("a (b)", wordsOf("(b")).at(-2)).toBe("found b");
  });
});
