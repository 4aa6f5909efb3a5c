import { beforeEach, describe, expect, test } from "vitest";
import { FakeMessenger, id } from "../tests/fake";
import { Groups } from "./groups";
import { Notices } from "./notices";

describe("what is done in a group", () => {
  let fake: FakeMessenger;
  let notices: Notices;
  let groups: Groups;
  let chat: string;

  beforeEach(() => {
    fake = new FakeMessenger();
    notices = new Notices();
    groups = new Groups(fake, notices);
    chat = fake.addGroup("Choir").id;
  });

  test("goes to the client, one at a time", async () => {
    const first = groups.accept(chat);
    expect(groups.busy).toBe(true);
    expect(await groups.leave(chat)).toBe(false);
    expect(await first).toBe(true);
    expect(groups.busy).toBe(false);
    expect(await groups.setRole(chat, id("p", 1), "admin")).toBe(true);
    expect(fake.calls).toEqual([`acceptGroup ${chat}`, `setRole ${chat} ${id("p", 1)} admin`]);
  });

  test("says why it did not work", async () => {
    fake.failing = "The server cannot be reached.";
    expect(await groups.remove(chat, id("p", 1))).toBe(false);
    expect(notices.all.map((notice) => notice.text)).toEqual(["The server cannot be reached."]);
    expect(groups.busy).toBe(false);
  });
});
