import { beforeEach, describe, expect, test } from "vitest";
import { Completion } from "./completion";

const PEOPLE = ["bob", "bobby", "carol"].map((name, at) => ({ account: `p${at}`, name }));
let completion: Completion;

beforeEach(() => {
  completion = new Completion();
});

function write(text: string, caret = text.length): string[] {
  completion.take(text, caret, PEOPLE);
  return completion.people.map(({ name }) => name);
}

describe("completing a mention", () => {
  test("shows who fits what stands behind the @, and nobody anywhere else", () => {
    expect(write("hello @")).toEqual(["bob", "bobby", "carol"]);
    expect(write("hello @bo")).toEqual(["bob", "bobby"]);
    expect(write("hello @box")).toEqual([]);
    expect(write("hello @bo", 3)).toEqual([]);
    completion.take("hello @bo", 9, []);
    expect(completion.started).toBe(null);
  });

  test("goes around at both ends, and begins anew with other letters", () => {
    write("@bo");
    completion.move(-1);
    expect(completion.chosen?.name).toBe("bobby");
    write("@bo");
    expect(completion.chosen?.name).toBe("bobby");
    completion.move(1);
    expect(completion.chosen?.name).toBe("bob");
    completion.move(1);
    write("@b");
    expect(completion.chosen?.name).toBe("bob");
  });

  test("that was refused comes back for another @ alone", () => {
    write("@b");
    expect(completion.refuse()).toBe(true);
    expect(write("@bo")).toEqual([]);
    expect(completion.refuse()).toBe(false);
    expect(write("@bo @c")).toEqual(["carol"]);
    expect(write("@bo", 3)).toEqual(["bob", "bobby"]);
  });
});
