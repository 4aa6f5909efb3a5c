// What is said of group chats: a part of `words.ts`.

import type { Role } from "../client/model";
import { many } from "./language";
import type { Closed } from "./state/group";

const ROLES: Readonly<Record<Role, string>> = { member: "Member", admin: "Admin", owner: "Owner" };

const CLOSED: Readonly<Record<Closed, string>> = {
  left: "You have left this group. What was written before stays here.",
  removed: "You are not in this group any more. What was written before stays here.",
  pending: "You wait to be let in. An admin of the group decides.",
  outside: "You are not in this group yet, or what was signed in it is not known here yet.",
  trouble: "Nothing is sent to this group for now. Why stands above.",
  request: "Accept to write in this group.",
};

const CLOSED_OPEN: Readonly<Record<Closed, string>> = {
  ...CLOSED,
  left: "You have left this group. Only its newest messages stay here.",
  removed: "You are not in this group any more. Only its newest messages stay here.",
};

export const groupWords = {
  members: (count: number) => many(count, "# member", "# members"),
  said: (who: string, text: string) => `${who}: ${text}`,
  closed: (why: Closed, isOpen: boolean) => (isOpen ? CLOSED_OPEN : CLOSED)[why],
  beginning: (title: string) => `This is where “${title}” begins for you.`,
  beginningHelp: "Messages are encrypted on your device. Only the members of the group can read them.",
  expiredOwn: "Not everybody fetched this message in time, and it expired.",
  changed: "Sending waits until you have decided about the changed identity.",
  changedHelp: (name: string) =>
    `Either ${name} began anew, having lost every device, or somebody else speaks in ${name}'s name. ` +
    `Nothing is sent to this group until you decide: compare safety numbers in your chat with ${name}, or go on without.`,
  openChat: (name: string) => `Open the chat with ${name}`,
  request: (title: string) => `You were added to “${title}”`,
  requestHelp: "Somebody you have not written with added you. If you leave, nothing more of it reaches you.",
  accept: "Accept",
  leave: "Leave",
  troubleTitle: "Nothing is sent to this group",
  openHelp:
    "The server keeps the group's name, its members with their roles and how far each has read, and every message with its sender, its time and an index of its words. " +
    "Whoever runs the server can read all of it, and so can whoever is added later.",
  openRolesHelp: "Whoever makes another member the owner is an admin from then on.",
  encryptionHelp: "Messages and the group's name are encrypted between the members' devices. The server cannot read them.",
  roster: "Members",
  role: (role: Role) => ROLES[role],
  you: "You",
  changedMark: "Identity changed",
  waiting: "Waiting to be let in",
  approve: "Let in",
  refuse: "Refuse",
  approveWho: (name: string) => `Let ${name} in`,
  refuseWho: (name: string) => `Refuse ${name}`,
  manage: (name: string) => `What you can do about ${name}`,
  make: { member: "Make a member", admin: "Make an admin", owner: "Make an owner" } as Readonly<Record<Role, string>>,
  remove: "Remove from the group",
  sureRemove: (name: string) => `Remove ${name}?`,
  sureRemoveHelp: (name: string, isOpen: boolean) =>
    `${name} reads nothing that is written from then on, and keeps ${isOpen ? "only the newest messages of before" : "what came before"}.`,
  sureRemoveAction: "Remove",
  leaveGroup: "Leave the group",
  sureLeave: (title: string) => `Leave “${title}”?`,
  sureLeaveHelp: (isOpen: boolean) =>
    `Nothing more of it reaches you. ${isOpen ? "Only its newest messages stay here." : "What was written before stays here."}`,
  onlyOwner: "You are its only owner. Make another member an owner before you leave.",
  stopWaiting: "Do not wait any longer",
  mute: "Mute",
  muteHelp: "Its messages come in as before; the page's title and its icon do not count them.",
  muted: "Muted",
  newTitle: "New group",
  newHelp: "Everybody whom you add can write and read in it.",
  titleLabel: "Name of the group",
  peopleLabel: "Find people by their username",
  peopleHelp: "Type at least two letters, and choose.",
  found: "People who were found",
  choose: (name: string) => `Choose ${name}`,
  chosen: "People who are chosen",
  drop: (name: string) => `Do not add ${name}`,
  create: "Make the group",
  newChatTitle: "New chat",
  newChatPeople: "Find somebody by their username",
  write: "Go to the chat",
  choice: {
    legend: "Encryption",
    encrypted: "End-to-end encrypted",
    encryptedHelp: "Recommended. Only the people in it can read what is written.",
    open: "Not end-to-end encrypted",
    openHelp: "History on the server, searchable, on every device at once. Whoever runs the server can read it.",
    final: "This cannot be changed later.",
  },
  addTitle: (title: string) => `Add people to “${title}”`,
  add: "Add",
  addMore: "Add people",
  joinTitle: "Join a group",
  joinMeans: [
    "You were given a link to a group. Once you are in it, its members see your username and what you write there.",
    "You read what is written from then on, and nothing of before.",
    "Perhaps an admin of the group has to let you in first.",
  ],
  join: "Join",
  settings: "Settings of the group",
  more: "Description and colour",
  description: "What it is about",
  colours: {
    legend: "Colour",
    none: "None",
    names: ["Teal", "Rust", "Violet", "Blue", "Rose", "Olive", "Purple", "Slate"],
  },
  membersMayAdd: "Members may add people",
  save: "Save",
  saved: "Saved.",
  links: "Links to join by",
  linksHelp: "Whoever has a link can join, or ask to. Give it only to whom you want in the group.",
  linkMade: "Copy it now: it is not shown again.",
  copyLink: "Copy the link",
  linkApproval: "Admins let in who comes by it",
  linkWeek: "It ends after a week",
  makeLink: "Make a link",
  linkEndless: "A link without an end.",
  linkEnds: (when: string) => `A link until ${when}.`,
  linkAsks: "Who comes by it waits to be let in.",
  linkUses: (count: number) => many(count, "# person can still use it.", "# people can still use it."),
  endLink: "End it",
  cancel: "Cancel",
  busy: "One moment: the server and the other members' devices have to know.",
} as const;
