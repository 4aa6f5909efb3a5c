import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { PALETTE, shownColour } from "./palette";

test("a colour of the palette is shown as itself, any other one as the nearest", () => {
  expect(PALETTE.map(shownColour)).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
  expect([0xff0000, 0x00ffff, 0x3388ff, 0xff00ff, 0xffff00].map(shownColour)).toEqual([2, 1, 4, 7, 6]);
  expect([0x000000, 0xffffff, 0x808080].map(shownColour)).toEqual([8, 8, 8]);
});

/** By WCAG 2: of two colours, how much lighter one is. */
function contrast(one: number, other: number): number {
  const luminance = (colour: number): number =>
    [16, 8, 0]
      .map((shift) => ((colour >> shift) & 255) / 255)
      .map((part) => (part <= 0.03928 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4))
      .reduce((sum, part, at) => sum + part * ([0.2126, 0.7152, 0.0722][at] ?? 0), 0);
  const [light, dark] = [luminance(one), luminance(other)].sort((a, b) => b - a) as [number, number];
  return (light + 0.05) / (dark + 0.05);
}

test("letters can be read on every colour, in the light and in the dark", () => {
  const css = readFileSync("static/css/tokens.css", "utf8");
  const token = (name: string): number[] => {
    const match = new RegExp(`--${name}: light-dark\\(#(\\w{6}), #(\\w{6})\\)`).exec(css);
    return [match?.[1], match?.[2]].map((hex) => Number.parseInt(hex ?? "", 16));
  };
  const letters = token("on-person");
  PALETTE.forEach((colour, at) => {
    const shown = token(`person-${at + 1}`);
    expect(shown[0]).toBe(colour);
    for (const theme of [0, 1]) expect(contrast(shown[theme]!, letters[theme]!)).toBeGreaterThan(4.5);
  });
});
