// What open chats can look like, by name: for the dev page only.

import type { ChatSummary, GroupInfo } from "../../client/model";
import { PAUSE } from "../state/message_search";
import { press, type Scene } from "./device_scenes";
import { id, OPTIONS, type FakeMessenger } from "./fake";
import { members } from "./group_scenes";

const MINUTE = 60_000;
const CHAT = id("o", 1);

export function openScenes(everybody: () => FakeMessenger): Record<string, () => Scene> {
  const open = (hash = "", presses: readonly string[] = [], chat: Partial<ChatSummary> = {}): (() => Scene) => {
    return () => {
      const fake = everybody();
      fake.addChat(4, "dana", { id: CHAT, open: true });
      talk(fake, CHAT);
      fake.change(CHAT, chat);
      return { fake, path: `/chats/${CHAT}${hash}`, then: () => void press(presses) };
    };
  };
  const group = (hash = "", presses: readonly string[] = [], more: Partial<GroupInfo> = {}): (() => Scene) => {
    return () => {
      const fake = everybody();
      const { id: made } = fake.addGroup("Boat owners", { members: members("owner"), ...more }, { open: true });
      talk(fake, made);
      return { fake, path: `/chats/${made}${hash}`, then: () => void press(presses) };
    };
  };
  const searched = (text: string): string[] => [".chat-find", `search ${text}`, `wait ${PAUSE + 200}`];
  return {
    open: open(),
    openmenu: open("", [".line-own .line-more"]),
    opendelete: open("", [".line-own .line-more", ".menu-item:last-child"]),
    openedit: open("", [".line-own .line-more", ".menu-item:first-child"]),
    opendetails: open("#details"),
    opensearch: open("", searched("boat")),
    opensearchnone: open("", searched("submarine")),
    openfound: open("", [...searched("harbour"), ".row-match"]),
    openlistsearch: open("", ["search boat", ".rows-button", `wait ${PAUSE + 200}`]),
    openlong: () => {
      const fake = everybody();
      fake.addChat(4, "dana", { id: CHAT, open: true });
      fake.addLine(CHAT, "The harbour of old", { sentAt: Date.now() - 5_000 * 17 * MINUTE });
      fake.fill(CHAT, 5_000, Date.now());
      return { fake, path: `/chats/${CHAT}` };
    },
    openrequest: open("", [], { request: true, unread: 1 }),
    opengroup: group(),
    opengroupdetails: group("#details"),
    opengroupmember: group("#details", [], { role: "member", members: members("member") }),
    newchat: () => ({
      fake: everybody(),
      path: "/chats/",
      then: () => void press([".list-head [aria-label='New chat']", "find mar", ".member-choice"]),
    }),
    newopengroup: () => ({
      fake: everybody(),
      path: "/chats/",
      then: () => void press([".list-head [aria-label='New group']", "#encryption-open"]),
    }),
  };
}

function talk(fake: FakeMessenger, chat: string): void {
  const start = new Date().setHours(9, 12, 0, 0);
  const sender = "dana";
  fake.addLine(chat, "Is the boat free on Saturday?", { sender, sentAt: start });
  fake.addLine(chat, "It is, from ten in the morning. It lies in the old harbour.", { outgoing: true, sentAt: start + MINUTE, editedAt: start + 2 * MINUTE });
  fake.addLine(chat, "", { sender, deleted: true, sentAt: start + 3 * MINUTE });
  fake.addLine(chat, "", { outgoing: true, deleted: true, changeable: false, deletable: false, sentAt: start + 4 * MINUTE });
  fake.addLine(chat, "Then we take the boat to the harbour, and the small boat comes along: https://example.org/boat", { sender, sentAt: start + 5 * MINUTE });
  const read = { account: id("p", 4), device: id("d", 4), status: "read" as const, at: start + 7 * MINUTE };
  fake.addLine(chat, "Four fit in 🙂", { outgoing: true, sentAt: start + 6 * MINUTE, devices: [read] });
  fake.addLine(chat, "Good. @alice, do you bring the bread?", {
    sender,
    sentAt: start + 8 * MINUTE,
    mentions: [{ account: OPTIONS.account, name: OPTIONS.username }],
    mentioned: true,
    deletable: true,
  });
}
