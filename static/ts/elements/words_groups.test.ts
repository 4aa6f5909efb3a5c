import { expect, test } from "vitest";
import { groupWords } from "./words_groups";

test("of an open group it is not said that everything stays here", () => {
  const { closed, sureLeaveHelp, sureRemoveHelp } = groupWords;
  const said = (isOpen: boolean): string[] => [
    closed("left", isOpen),
    closed("removed", isOpen),
    sureLeaveHelp(isOpen),
    sureRemoveHelp("bob", isOpen),
  ];
  for (const sentence of said(true)) expect(sentence).toMatch(/only.* newest messages/i);
  for (const sentence of said(false)) expect(sentence).toMatch(/what (was written|came) before/i);
  expect(closed("request", true)).toBe(closed("request", false));
});
