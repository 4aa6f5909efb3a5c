import { beforeEach, describe, expect, test } from "vitest";
import type { Person } from "../../client/model";
import { FakeClock, settled } from "../tests/clock";
import { FakeMessenger, id } from "../tests/fake";
import { GroupDialog } from "./group_dialog";
import { PAUSE } from "./people";

const MARTA: Person = { account: id("p", 1), username: "marta", chat: id("c", 1) };
const MARKO: Person = { account: id("p", 2), username: "marko", chat: id("c", 2) };

const FORM = { title: "Choir", description: "On Thursdays", colour: 0x0b6b5f };

describe("the dialog of groups", () => {
  let fake: FakeMessenger;
  let clock: FakeClock;
  let dialog: GroupDialog;

  beforeEach(() => {
    fake = new FakeMessenger();
    fake.people = [MARTA, MARKO];
    clock = new FakeClock();
    dialog = new GroupDialog(fake, Promise.resolve(), clock);
  });

  async function find(text: string): Promise<string[]> {
    dialog.search(text);
    clock.pass(PAUSE);
    await settled();
    return dialog.found.map((person) => person.username);
  }

  test("makes a group with those who were found and chosen", async () => {
    dialog.open({ name: "new" });
    expect(await find("mar")).toEqual(["marta", "marko"]);
    dialog.choose(MARTA);
    expect(await find("mar")).toEqual(["marko"]);
    dialog.choose(MARKO);
    dialog.drop(MARTA);
    expect(await dialog.create(FORM)).not.toBe(null);
    const options = JSON.stringify({ open: false, description: FORM.description, colour: FORM.colour });
    expect(fake.calls.at(-1)).toBe(`createGroup Choir ${MARKO.account} ${options}`);
    expect(dialog.view).toBe(null);
  });

  test("makes an open group with its title alone, and is back at an encrypted one the next time", async () => {
    dialog.open({ name: "new" });
    dialog.setOpen(true);
    expect(await dialog.create(FORM)).not.toBe(null);
    expect(fake.calls.at(-1)).toBe('createGroup Choir  {"open":true}');
    dialog.open({ name: "new" });
    expect(dialog.isOpen).toBe(false);
  });

  test("begins a chat with one person, encrypted or open", async () => {
    dialog.open({ name: "chat" });
    expect(await dialog.write()).toBe(null);
    await find("mar");
    dialog.choose(MARTA);
    dialog.choose(MARKO);
    expect(dialog.chosen).toEqual([MARKO]);
    const encrypted = await dialog.write();
    expect(fake.calls.at(-1)).toBe(`chatWith ${MARKO.account} encrypted`);
    dialog.open({ name: "chat" });
    dialog.choose(MARKO);
    dialog.setOpen(true);
    const open = await dialog.write();
    expect(fake.calls.at(-1)).toBe(`chatWith ${MARKO.account} open`);
    expect([encrypted, open].map((chat) => fake.summaries.get(chat ?? "")?.open)).toEqual([false, true]);
  });

  test("adds those who are not in it yet, and keeps whom it did not work for", async () => {
    const chat = fake.addGroup("Choir").id;
    dialog.open({ name: "add", chat, title: "Choir", known: [MARTA.account] });
    expect(await find("mar")).toEqual(["marko"]);
    dialog.choose(MARKO);
    fake.failing = "The group is full.";
    expect(await dialog.add()).toBe(false);
    expect([dialog.why, dialog.chosen.length, dialog.view?.name]).toEqual(["The group is full.", 1, "add"]);
    fake.failing = "";
    expect(await dialog.add()).toBe(true);
    expect(fake.calls.at(-1)).toBe(`addMember ${chat} ${MARKO.account}`);
  });

  test("joins by a link once it was asked to, and says why it did not work", async () => {
    dialog.open({ name: "join", code: "CODE" });
    expect(fake.calls).toEqual([]);
    fake.failing = "That link has ended.";
    expect(await dialog.join()).toBe(null);
    expect([dialog.why, dialog.busy]).toEqual(["That link has ended.", false]);
    fake.failing = "";
    expect(await dialog.join()).not.toBe(null);
    expect(fake.calls.at(-1)).toBe("join CODE");
  });
});
