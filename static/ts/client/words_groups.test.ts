import { expect, test } from "vitest";
import { systemSentence } from "./words_groups";

/** What is said where bob did it to carol, to oneself, and where one did it to carol. */
function said(name: string, role = 0): string[] {
  const rest = { role, title: "Walks" };
  return [
    systemSentence(name, { who: "bob", whom: "carol", isOwnWhom: false, ...rest }),
    systemSentence(name, { who: "bob", whom: "You", isOwnWhom: true, ...rest }),
    systemSentence(name, { who: "You", whom: "carol", isOwnWhom: false, ...rest }),
  ];
}

/** What is said where bob did it himself, and where one did it oneself. */
function saidOfSelf(name: string, role = 0): string[] {
  return ["bob", "You"].map((who) => systemSentence(name, { who, whom: who, isOwnWhom: who === "You", role, title: "" }));
}

test("what somebody did to somebody is a sentence, whoever it was", () => {
  expect(said("added")).toEqual(["bob added carol.", "bob added you.", "You added carol."]);
  expect(said("removed")).toEqual(["bob removed carol.", "You were removed by bob.", "You removed carol."]);
  expect(said("refused")).toEqual(["bob did not let carol in.", "bob did not let you in.", "You did not let carol in."]);
  expect(said("approved")).toEqual(["bob let carol in.", "bob let you in.", "You let carol in."]);
  expect(said("role", 1)).toEqual(["bob made carol an admin.", "bob made you an admin.", "You made carol an admin."]);
});

test("what somebody did themselves is a sentence, whoever it was", () => {
  expect(saidOfSelf("left")).toEqual(["bob left.", "You left."]);
  expect(saidOfSelf("joined")).toEqual(["bob joined by a link.", "You joined by a link."]);
  expect(saidOfSelf("asked")).toEqual(["bob asks to be let in.", "You ask to be let in."]);
  expect(saidOfSelf("withdrew")).toEqual([
    "bob does not wait to be let in any more.",
    "You do not wait to be let in any more.",
  ]);
  expect(saidOfSelf("role", 0)).toEqual(["bob became a member.", "You became a member."]);
  expect(saidOfSelf("created")).toEqual(["bob made this group.", "You made this group."]);
  expect(saidOfSelf("changed")).toEqual(["bob changed the group's settings.", "You changed the group's settings."]);
  expect(saidOfSelf("title")).toEqual(["bob changed the group's name.", "You changed the group's name."]);
  expect(said("title")[0]).toBe("bob named the group “Walks”.");
  expect(saidOfSelf("link_made")).toEqual(["bob made a link to this group.", "You made a link to this group."]);
  expect(saidOfSelf("link_ended")).toEqual(["bob ended a link to this group.", "You ended a link to this group."]);
});
