import { expect, test } from "vitest";
import { passwordVerdict, UsernameCheck } from "./sign_up";

const words = { one: "# more character", other: "# more characters" };

test("a short password is told how much is missing, and a long one nothing", () => {
  expect(passwordVerdict("", 12, words)).toEqual({ good: "", bad: "" });
  expect(passwordVerdict("ten chars!", 12, words).good).toBe("2 more characters");
  expect(passwordVerdict("eleven chrs", 12, words).good).toBe("1 more character");
  expect(passwordVerdict("exactly 12 c", 12, words)).toEqual({ good: "", bad: "" });
  expect(passwordVerdict("🙂🙂🙂", 4, words).good).toBe("1 more character");
});

test("a username is free, or not for the reason that the server gives", async () => {
  const check = new UsernameCheck((name) => Promise.resolve(name === "taken" ? ["It is taken."] : []), "It is free.");
  expect(await check.check("taken")).toEqual({ good: "", bad: "It is taken." });
  expect(await check.check("nina")).toEqual({ good: "It is free.", bad: "" });
  expect(await check.check("  ")).toEqual({ good: "", bad: "" });
});

test("an answer to what was typed before counts no more", async () => {
  const answers = new Map<string, (errors: readonly string[]) => void>();
  const check = new UsernameCheck((name) => new Promise((answer) => answers.set(name, answer)), "It is free.");
  const first = check.check("nin");
  const second = check.check("nina");
  answers.get("nina")!([]);
  answers.get("nin")!(["It is too short."]);
  expect(await first).toBeNull();
  expect(await second).toEqual({ good: "It is free.", bad: "" });
});

test("no answer is no verdict: the form will tell", async () => {
  const check = new UsernameCheck(() => Promise.resolve(null), "It is free.");
  expect(await check.check("nina")).toEqual({ good: "", bad: "" });
});
