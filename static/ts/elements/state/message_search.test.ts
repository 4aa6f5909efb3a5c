import { beforeEach, describe, expect, test } from "vitest";
import { FakeClock, settled } from "../tests/clock";
import { FakeMessenger, id } from "../tests/fake";
import { MessageSearch, PAUSE } from "./message_search";

const OPEN = id("o", 1);
let fake: FakeMessenger;
let clock: FakeClock;
let search: MessageSearch;

beforeEach(() => {
  fake = new FakeMessenger();
  clock = new FakeClock();
  fake.addChat(1, "bob", { id: OPEN, open: true });
  for (let at = 0; at < 30; at += 1) fake.addLine(OPEN, `boat ${at}`);
  search = new MessageSearch((words, cursor) => fake.search(words, OPEN, cursor), clock);
});

async function find(text: string): Promise<void> {
  search.search(text);
  clock.pass(PAUSE);
  await settled();
}

describe("a search through messages", () => {
  test("asks once for what was typed, after a pause, and goes on from where it stopped", async () => {
    search.search("bo");
    await find(" boat ");
    expect(fake.calls).toEqual([`search boat ${OPEN} first`]);
    expect([search.state, search.matches.length, search.hasMore]).toEqual(["found", 20, true]);
    await search.more();
    expect([search.state, search.matches.length, search.hasMore]).toEqual(["found", 30, false]);
    expect(search.words).toEqual(["boat"]);
  });

  test("of no words asks for nothing", async () => {
    await find(" ?! ");
    expect([search.state, fake.calls]).toEqual(["idle", []]);
  });

  test("is answered by the last question alone", async () => {
    search.search("boat");
    clock.pass(PAUSE);
    search.search("boat 7");
    await settled();
    expect([search.state, search.matches]).toEqual(["searching", []]);
  });

  test("that failed keeps what it has, and goes on", async () => {
    await find("boat");
    fake.failing = "Too many searches: wait a minute.";
    await search.more();
    expect([search.state, search.why, search.matches.length]).toEqual(["failed", "Too many searches: wait a minute.", 20]);
    fake.failing = "";
    await search.more();
    expect([search.state, search.matches.length]).toEqual(["found", 30]);
  });
});
