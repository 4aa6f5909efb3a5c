import { beforeEach, describe, expect, test } from "vitest";
import type { Person } from "../../client/model";
import { FakeClock, settled } from "../tests/clock";
import { id } from "../tests/fake";
import { PAUSE, PeopleSearch } from "./people";

let clock: FakeClock;

beforeEach(() => {
  clock = new FakeClock();
});

describe("finding people", () => {
  const bob: Person = { account: id("p", 1), username: "bob", chat: id("c", 1) };

  test("waits for a pause and asks for no single letter", async () => {
    const asked: string[] = [];
    const search = new PeopleSearch((prefix) => (asked.push(prefix), Promise.resolve([bob])), clock);
    search.search("b");
    clock.pass(PAUSE);
    search.search("bo");
    search.search("@bob ");
    expect(search.state).toBe("searching");
    clock.pass(PAUSE);
    await settled();
    expect(asked).toEqual(["bob"]);
    expect(search.people).toEqual([bob]);
    expect(search.state).toBe("found");
  });

  test("asks the server for nothing that no username begins with", () => {
    const asked: string[] = [];
    const search = new PeopleSearch((prefix) => (asked.push(prefix), Promise.resolve([bob])), clock);
    for (const text of ["Family trip", "1:1", "what?"]) {
      search.search(text);
      clock.pass(PAUSE);
      expect(search.state).toBe("found");
    }
    expect(search.people).toEqual([]);
    expect(asked).toEqual([]);
  });

  test("believes only the answer to the last question", async () => {
    const answers: ((people: Person[]) => void)[] = [];
    const search = new PeopleSearch(() => new Promise((resolve) => answers.push(resolve)), clock);
    search.search("bo");
    clock.pass(PAUSE);
    search.search("bob");
    clock.pass(PAUSE);
    answers[1]!([bob]);
    await settled();
    answers[0]!([]);
    await settled();
    expect(search.people).toEqual([bob]);
  });

  test("offers meanwhile nobody of before who does not fit any more", async () => {
    const boris: Person = { account: id("p", 2), username: "boris", chat: id("c", 2) };
    const search = new PeopleSearch(() => Promise.resolve([bob, boris]), clock);
    search.search("bo");
    clock.pass(PAUSE);
    await settled();
    search.search("BOR");
    expect([search.state, search.people]).toEqual(["searching", [boris]]);
  });

  test("says why it failed", async () => {
    const search = new PeopleSearch(() => Promise.reject(new Error("There is no connection.")), clock);
    search.search("bob");
    clock.pass(PAUSE);
    await settled();
    expect([search.state, search.why]).toEqual(["failed", "There is no connection."]);
  });
});
