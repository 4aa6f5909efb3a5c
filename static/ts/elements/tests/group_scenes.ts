// What group chats can look like, by name: for the dev page only.

import type { ChatSummary, DeviceStatus, GroupInfo, GroupMember, Role } from "../../client/model";
import { press, type Scene } from "./device_scenes";
import { id, OPTIONS, type FakeMessenger } from "./fake";

const MINUTE = 60_000;
const DAY = 86_400_000;
const TROUBLE =
  "The server counts somebody among this group's members whom no member has added: nothing is sent to it.";

export function groupScenes(everybody: () => FakeMessenger): Record<string, () => Scene> {
  const group = (
    more: Partial<GroupInfo> = {},
    { chat = {}, hash = "", presses = [] }: { chat?: Partial<ChatSummary>; hash?: string; presses?: readonly string[] } = {},
  ): (() => Scene) => {
    return () => {
      const fake = everybody();
      const made = fake.addGroup("Choir on Thursdays", { members: members("owner"), ...more });
      talk(fake, made.id);
      fake.change(made.id, chat);
      return { fake, path: `/chats/${made.id}${hash}`, then: () => void press(presses) };
    };
  };
  const receipts = (count: number): (() => Scene) => {
    return () => {
      const fake = everybody();
      const all = [...members("owner"), ...Array.from({ length: count - 4 }, (_, at) => extra(at))];
      const { id: chat } = fake.addGroup("Choir on Thursdays", { members: all });
      fake.addLine(chat, "Who can sing the solo on Thursday? We need to know by tomorrow evening, so please answer.", {
        outgoing: true,
        devices: all.slice(1).flatMap(statuses),
        state: "delivered",
      });
      return { fake, path: `/chats/${chat}`, then: () => void press([".line-own .state"]) };
    };
  };
  const typing = (names: readonly string[]): (() => Scene) => {
    return () => {
      const scene = group()();
      const chat = scene.path.slice("/chats/".length);
      const then = (): void =>
        names.forEach((name, at) => scene.fake.tell({ type: "typing", chat, account: id("p", at), name, on: true }));
      return { ...scene, then };
    };
  };
  const pending = [person(8, "ivan.k"), person(9, "a-very-long-username-of-somebody-who-waits")];
  const links = [
    { key: "01", expires: Date.now() + 3 * DAY, uses: null, approval: true },
    { key: "02", expires: null, uses: 3, approval: false },
  ];
  return {
    group: group(),
    groupdetails: group({ pending }, { hash: "#details" }),
    groupmember: group({ role: "member", members: members("member") }, { hash: "#details" }),
    groupmanage: group({}, { hash: "#details", presses: [".member-more summary"] }),
    groupremove: group({}, { hash: "#details", presses: [".member-more summary", ".member-more .button-danger"] }),
    groupleave: group(
      { role: "member", members: members("member") },
      { hash: "#details", presses: ["section > .button-danger"] },
    ),
    grouprequest: group({ role: "member", members: members("member") }, { chat: { request: true, unread: 2 } }),
    grouptrouble: group({ trouble: TROUBLE }, { hash: "#details" }),
    groupchanged: group({ members: members("owner").map(changed) }, { hash: "#details" }),
    groupleft: group({ ended: "left", role: null, members: [] }, { hash: "#details" }),
    groupremoved: group({ ended: "removed", role: null, members: members("member").slice(1) }),
    grouppending: group({ role: null, isPending: true, members: [], title: "" }, { hash: "#details" }),
    groupnew: group({}, { presses: [".list-head [aria-label='New group']"] }),
    groupfind: group({}, { presses: [".list-head [aria-label='New group']", "find mar", ".member-choice", "find mar"] }),
    groupadd: group({}, { hash: "#details", presses: ["section:has(.roster) > .button-quiet"] }),
    grouplinks: group({ links }, { hash: "#details", presses: [".group-inline:has(.choice) .button"] }),
    groupjoin: () => ({ fake: everybody(), path: "/chats/#join/0123456789" }),
    groupjoinfailed: () => ({
      fake: Object.assign(everybody(), { join: () => Promise.reject(new Error("That link has ended.")) }),
      path: "/chats/#join/0123456789",
      then: () => void press([".group-form [type=submit]"]),
    }),
    groupreceipts: receipts(5),
    groupreceiptsmany: receipts(50),
    groupabout: group({ description: "We sing on Thursdays at seven, and bring what we have.", colour: 0x5b3fa0 }, { hash: "#details" }),
    grouptyping: typing(["bob"]),
    grouptypingtwo: typing(["bob", "dana"]),
    grouptypingmany: typing(["bob", "dana", "erin"]),
    groupmention: group({}, { presses: ["write Hello @"] }),
    groupmentions: () => {
      const fake = everybody();
      const all = members("owner");
      const { id: chat } = fake.addGroup("Choir on Thursdays", { members: all, muted: true });
      const [alice, bob] = all;
      const mentions = [alice, bob].flatMap((one) => (one ? [one] : []));
      fake.addLine(chat, "@bob, do you sing the solo?", { outgoing: true, mentions });
      fake.addLine(chat, "Only if @alice brings the scores, and @bob the water.", { sender: "dana", mentions, mentioned: true });
      fake.change(chat, { unread: 2, mentioned: true });
      return { fake, path: `/chats/${chat}` };
    },
    groupmentioned: () => {
      const scene = group({ muted: true }, { chat: { unread: 3, mentioned: true } })();
      return { ...scene, path: "/chats/" };
    },
    groupmuted: group({ muted: true }, { chat: { unread: 3 } }),
  };
}

export function members(own: Role): GroupMember[] {
  return [
    { account: OPTIONS.account, name: OPTIONS.username, role: own, identityChanged: false },
    { ...person(1, "bob"), role: own === "owner" ? "admin" : "owner", identityChanged: false },
    { ...person(4, "dana"), role: "member", identityChanged: false },
    { ...person(30, "somebody_with_quite_a_long_name"), role: "member", identityChanged: false },
  ];
}

function extra(number: number): GroupMember {
  return { ...person(50 + number, `singer${number + 1}`), role: "member", identityChanged: false };
}

/** Of some nothing, of some that it was delivered, of some that it was read. */
function statuses({ account }: GroupMember, at: number): DeviceStatus[] {
  const time = Date.now() - 50_000 + at * 600;
  const said = { account, device: id("d", at) };
  const all = [{ ...said, status: "delivered" as const, at: time }, { ...said, status: "read" as const, at: time + 20_000 }];
  return all.slice(0, at % 3);
}

function person(number: number, name: string): { account: string; name: string } {
  return { account: id("p", number), name };
}

function changed(member: GroupMember): GroupMember {
  return { ...member, identityChanged: member.name === "dana" };
}

function talk(fake: FakeMessenger, chat: string): void {
  const start = new Date().setHours(9, 12, 0, 0);
  const system = { kind: "system" } as const;
  fake.addLine(chat, "bob made this group.", { ...system, sentAt: start });
  fake.addLine(chat, "bob added you.", { ...system, sentAt: start });
  fake.addLine(chat, "Welcome, everybody!", { sender: "bob", sentAt: start + MINUTE });
  fake.addLine(chat, "We sing on Thursday at seven.", { sender: "bob", sentAt: start + MINUTE + 10 });
  fake.addLine(chat, "I bring the scores.", { sender: "dana", sentAt: start + MINUTE + 20 });
  fake.addLine(chat, "Thank you", { outgoing: true, sentAt: start + 2 * MINUTE });
  fake.addLine(chat, "", { kind: "unreadable", cause: "undecryptable", sender: "dana", sentAt: start + 3 * MINUTE });
  fake.addLine(chat, "bob removed ivan.k.", { ...system, sentAt: start + 4 * MINUTE });
  fake.addLine(chat, "See you there", { sender: "somebody_with_quite_a_long_name", sentAt: start + 5 * MINUTE });
  fake.addLine(chat, "This one expired", { outgoing: true, state: "expired", sentAt: start + 6 * MINUTE });
  fake.addLine(chat, "Can somebody bring water?", { sender: "dana", sentAt: start + 7 * MINUTE });
}
