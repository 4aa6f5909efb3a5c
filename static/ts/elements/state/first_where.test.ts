import { expect, test } from "vitest";
import { firstWhere } from "./first_where";

test("the first that passes is found, also at the ends and nowhere", () => {
  const items = [1, 2, 3, 5, 8];
  for (const [least, at] of [[0, 0], [2, 1], [4, 3], [8, 4], [9, 5]] as const) {
    expect(firstWhere(items, (item) => item >= least)).toBe(at);
  }
  expect(firstWhere([], () => true)).toBe(0);
});
