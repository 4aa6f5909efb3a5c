import { describe, expect, test } from "vitest";
import { linkify } from "./linkify";

describe("links", () => {
  const links = (text: string): string[] => linkify(text).filter((piece) => piece.href).map((piece) => piece.text);

  test("leave every character where it was", () => {
    for (const text of ["", "no link", "a https://example.org b", "https://a.b.https://c.d", "<b>http://x.y</b>"]) {
      expect(linkify(text).map((piece) => piece.text).join("")).toBe(text);
    }
  });

  test("end before the punctuation of the sentence", () => {
    expect(links("See https://example.org/a, or (https://example.org/b_(c)).")).toEqual([
      "https://example.org/a",
      "https://example.org/b_(c)",
    ]);
  });

  test("are of the web only", () => {
    expect(links("javascript:alert(1) data:text/html,x ftp://a.b file:///etc http:// https://")).toEqual([]);
    expect(links('https://example.org/"onclick="x')).toEqual(["https://example.org/"]);
    expect(links("HTTPS://EXAMPLE.ORG")).toEqual(["HTTPS://EXAMPLE.ORG"]);
  });

  test("hold no character that turns the direction of what follows", () => {
    expect(links("https://example.org/\u202egpj.exe")).toEqual(["https://example.org/"]);
  });
});
