// What several tests do with people in group chats.

import { expect } from "vitest";
import type { ChatSummary, GroupInfo } from "../model";
import { pause, until, type Party } from "./parties";

export async function summary(party: Party, chat: string): Promise<ChatSummary | undefined> {
  return (await party.messenger.chats()).find((one) => one.id === chat);
}

export async function group(party: Party, chat: string): Promise<GroupInfo | null> {
  return (await summary(party, chat))?.group ?? null;
}

/** The lines of a group chat; what others wrote under their names. */
export async function texts(party: Party, chat: string): Promise<string[]> {
  const lines = await party.messenger.lines(chat, null, 100);
  return lines.map((line) => (line.sender === "" ? line.text : `${line.sender}: ${line.text}`));
}

export async function members(party: Party, chat: string): Promise<string> {
  const all = (await group(party, chat))?.members ?? [];
  return all.map((one) => `${one.name} ${one.role}`).sort().join(", ");
}

/** A group of somebody's; resolves with its id once all others know what it is called. */
export async function made(owner: Party, ...others: Party[]): Promise<string> {
  const { id } = await owner.messenger.createGroup("Walks", others.map((one) => one.account), { open: false });
  for (const other of others) await until(async () => (await summary(other, id))?.name === "Walks");
  return id;
}

/** Write in a group chat, and wait until the server has it. */
export async function says(party: Party, chat: string, text: string): Promise<string> {
  const line = await party.messenger.send(chat, text);
  await until(async () => (await stateOf(party, chat, line.id)) !== "queued");
  return line.id;
}

export async function stateOf(party: Party, chat: string, id: string): Promise<string> {
  return (await party.messenger.lines(chat, null, 100)).find((line) => line.id === id)?.state ?? "queued";
}

/** Somebody's browser, which is told that something is new, sends nothing and says once why. */
export async function isHeld(party: Party, id: string, who: string): Promise<void> {
  const { relay } = party;
  const asked = relay.times("GET", `groups/${id}/operations`);
  relay.groups.tell(id, [party.account]);
  await until(() => relay.times("GET", `groups/${id}/operations`) > asked);
  await until(async () => (await group(party, id))?.trouble.includes("another identity") === true);
  const [sends, line] = [relay.times("FRAME", "group.send"), await party.messenger.send(id, "does this leave?")];
  await pause(50);
  expect(await stateOf(party, id, line.id)).toBe("queued");
  expect(relay.times("FRAME", "group.send")).toBe(sends);
  expect(await members(party, id)).toBe(who);
  expect((await texts(party, id)).filter((one) => one.includes("another identity"))).toHaveLength(1);
}
