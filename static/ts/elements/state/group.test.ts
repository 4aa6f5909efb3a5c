import { describe, expect, test } from "vitest";
import type { ChatSummary, GroupInfo, GroupMember, Role } from "../../client/model";
import { FakeMessenger, id, OPTIONS } from "../tests/fake";
import { awaitsWord, canRemove, changedMember, changesOf, closedWhy, inOrder, isOnlyOwner, rolesFor } from "./group";

function chat(more: Partial<GroupInfo> = {}): ChatSummary {
  return new FakeMessenger().addGroup("Choir", more);
}

function group(more: Partial<GroupInfo> = {}): GroupInfo {
  const made = chat(more).group;
  if (!made) throw new Error("no group");
  return made;
}

function member(name: string, role: Role, more: Partial<GroupMember> = {}): GroupMember {
  return { account: id("p", name.length), name, role, identityChanged: false, ...more };
}

const OWN = member("alice", "owner", { account: OPTIONS.account });

describe("a group", () => {
  test("can be written in by who is in it and has accepted, and by nobody else", () => {
    expect(closedWhy(chat())).toBe(null);
    expect(closedWhy({ ...chat(), request: true })).toBe("request");
    expect(closedWhy(chat({ ended: "left", role: null }))).toBe("left");
    expect(closedWhy({ ...chat({ ended: "removed", role: null }), request: true })).toBe("removed");
    expect(closedWhy(chat({ isPending: true, role: null }))).toBe("pending");
    expect(closedWhy(chat({ role: null }))).toBe("outside");
    expect(closedWhy(chat({ trouble: "The server lies." }))).toBe("trouble");
    expect(closedWhy(new FakeMessenger().addChat(1, "bob", { request: true }))).toBe(null);
  });

  test("waits for the person's word about a member whose identity has changed", () => {
    const bob = member("bob", "member", { identityChanged: true });
    expect(awaitsWord(chat({ members: [OWN, bob] }))).toBe(true);
    expect(changedMember(chat({ members: [OWN, bob] }))).toBe(bob);
    expect(awaitsWord(chat({ members: [OWN, bob], role: null, ended: "left" }))).toBe(false);
    expect(awaitsWord(new FakeMessenger().addChat(1, "bob", { identityChanged: true }))).toBe(true);
  });

  test("shows oneself first, then owners, admins and members, by name", () => {
    const all = [member("zoe", "member"), member("bo", "member"), member("yann", "owner"), member("ada1", "admin"), OWN];
    expect(inOrder(all, OWN.account).map((one) => one.name)).toEqual(["alice", "yann", "ada1", "bo", "zoe"]);
  });

  test("lets owners do everything, and admins remove members", () => {
    const [bob, carol] = [member("bob", "member"), member("carol", "admin")];
    expect(rolesFor(group(), bob)).toEqual(["owner", "admin"]);
    expect(rolesFor(group({ role: "admin" }), bob)).toEqual([]);
    expect([bob, carol].map((one) => canRemove(group(), one))).toEqual([true, true]);
    expect([bob, carol].map((one) => canRemove(group({ role: "admin" }), one))).toEqual([true, false]);
    expect(canRemove(group({ role: "member" }), bob)).toBe(false);
  });

  test("is changed by what was filled in and is other than before, an open one by its title alone", () => {
    const before = group({ title: "Choir", colour: 1 });
    const same = { title: "Choir", description: "", colour: 1, membersMayAdd: false };
    expect(changesOf(before, same, false)).toEqual({});
    const filled = { title: "Big choir", description: "On Thursdays", colour: null, membersMayAdd: true };
    expect(changesOf(before, filled, false)).toEqual(filled);
    expect(changesOf(before, filled, true)).toEqual({ title: "Big choir" });
    expect(changesOf(before, { ...same, title: "" }, false)).toEqual({});
  });

  test("is not left by its only owner while others are in it", () => {
    const isOnly = (more: Partial<GroupInfo>, open = false): boolean => isOnlyOwner({ group: group(more), open });
    expect(isOnly({})).toBe(false);
    expect(isOnly({ members: [OWN, member("bob", "member")] })).toBe(true);
    expect(isOnly({ members: [OWN, member("bob", "owner")] })).toBe(false);
    expect(isOnly({ role: "member", members: [OWN, member("bob", "owner")] })).toBe(false);
    expect(isOnly({ members: [OWN, member("bob", "member")] }, true)).toBe(false);
  });
});
