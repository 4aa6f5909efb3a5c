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

export const groupWords = {
  members: (count: number) => many(count, "# member", "# members"),
  said: (who: string, text: string) => `${who}: ${text}`,
  closed: (why: Closed) => CLOSED[why],
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
  sureRemoveHelp: (name: string) => `${name} reads nothing that is written from then on, and keeps what came before.`,
  sureRemoveAction: "Remove",
  leaveGroup: "Leave the group",
  sureLeave: (title: string) => `Leave “${title}”?`,
  sureLeaveHelp: "Nothing more of it reaches you. What was written before stays here.",
  onlyOwner: "You are its only owner. Make another member an owner before you leave.",
  stopWaiting: "Do not wait any longer",
  mute: "Mute",
  muteHelp: "Its messages come in as before; the page's title and its icon do not count them.",
  muted: "Muted",
  cancel: "Cancel",
  busy: "One moment: the server and the other members' devices have to know.",
} as const;
