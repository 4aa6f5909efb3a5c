// What a group chat allows this person: whether it can be written in, and what can be done about whom.

import { ROLES, type ChatSummary, type GroupChanges, type GroupInfo, type GroupMember, type Role } from "../../client/model";

/** Why nothing can be written in a group. */
export type Closed = "left" | "removed" | "pending" | "outside" | "trouble" | "request";

export function closedWhy({ group, request }: Pick<ChatSummary, "group" | "request">): Closed | null {
  if (!group) return null;
  if (group.ended !== "") return group.ended;
  if (group.isPending) return "pending";
  if (request) return "request";
  if (group.trouble !== "") return "trouble";
  return group.role === null ? "outside" : null;
}

/** Somebody in it whose changed identity the person has not answered: nothing is sent until then. */
export function changedMember({ group }: Pick<ChatSummary, "group">): GroupMember | null {
  if (!group || group.role === null) return null;
  return group.members.find((member) => member.identityChanged) ?? null;
}

/** Whether what is sent here waits for the person's word about an identity. */
export function awaitsWord(chat: ChatSummary): boolean {
  return chat.identityChanged || changedMember(chat) !== null;
}

export function isAdmin({ role }: GroupInfo): boolean {
  return role === "admin" || role === "owner";
}

export function mayAdd(group: GroupInfo): boolean {
  return isAdmin(group) || (group.role !== null && group.membersMayAdd);
}

/** Nobody else could decide about roles. An open group's owner is followed by somebody when they leave. */
export function isOnlyOwner({ group, open }: Pick<ChatSummary, "open"> & { readonly group: GroupInfo }): boolean {
  if (open) return false;
  const owners = group.members.filter((member) => member.role === "owner");
  return group.role === "owner" && owners.length === 1 && group.members.length > 1;
}

/** The person first, then the others: owners, admins, members, by name. */
export function inOrder(members: readonly GroupMember[], own: string): GroupMember[] {
  const rank = (member: GroupMember): number =>
    member.account === own ? -ROLES.length : -ROLES.indexOf(member.role);
  return [...members].sort((one, other) => rank(one) - rank(other) || one.name.localeCompare(other.name));
}

/** The roles that the person can give to a member. */
export function rolesFor({ role }: GroupInfo, member: GroupMember): Role[] {
  return role === "owner" ? ROLES.filter((one) => one !== member.role).reverse() : [];
}

/** What was filled in and is not so yet. An open group has a title alone. */
export function changesOf(group: GroupInfo, filled: Required<GroupChanges>, isOpen: boolean): GroupChanges {
  return {
    ...(filled.title === "" || filled.title === group.title ? {} : { title: filled.title }),
    ...(isOpen || filled.description === group.description ? {} : { description: filled.description }),
    ...(isOpen || filled.colour === group.colour ? {} : { colour: filled.colour }),
    ...(isOpen || filled.membersMayAdd === group.membersMayAdd ? {} : { membersMayAdd: filled.membersMayAdd }),
  };
}

export function canRemove(group: GroupInfo, member: GroupMember): boolean {
  return group.role === "owner" || (group.role === "admin" && member.role === "member");
}
