// What several tests do with people in open chats.

import type { ChatSummary, Line } from "../model";
import { summary } from "./group_parties";
import { until, type Party } from "./parties";

/** An open group of somebody's; resolves with its id once all others have it. */
export async function openGroup(owner: Party, ...others: Party[]): Promise<string> {
  const { id } = await owner.messenger.createGroup("Choir", others.map((one) => one.account), { open: true });
  for (const other of others) await until(async () => (await summary(other, id)) !== undefined);
  return id;
}

/** The open chat of two. */
export async function openWith(one: Party, other: Party): Promise<ChatSummary> {
  return one.messenger.chatWith({ account: other.account, username: other.name, chat: "" }, { open: true });
}

/** Write in an open chat, and wait until the server has it. */
export async function tells(party: Party, chat: string, text: string): Promise<Line> {
  const { id } = await party.messenger.send(chat, text);
  let line: Line | undefined;
  await until(async () => ["accepted", "read"].includes((line = await lineOf(party, chat, id))?.state ?? ""));
  if (line === undefined) throw new Error(`no line ${id}`);
  return line;
}

export async function lineOf(party: Party, chat: string, id: string): Promise<Line | undefined> {
  return (await party.messenger.lines(chat, null, 300)).find((line) => line.id === id);
}

/** What stands there, with who wrote it. */
export async function heard(party: Party, chat: string): Promise<string[]> {
  const lines = await party.messenger.lines(chat, null, 300);
  return lines.map((line) => `${line.outgoing ? party.name : line.sender}: ${line.deleted ? "(deleted)" : line.text}`);
}

export async function hears(party: Party, chat: string, ...texts: string[]): Promise<void> {
  await until(async () => (await heard(party, chat)).join("|").endsWith(texts.join("|")));
}

/** Rows in the tables of one kind of chats that know an id, in whatever column. */
export function tablesWith(party: Party, needle: string): string[] {
  return party.read((tx) => {
    const tables = tx.all("SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'");
    const hex = Array.from(new TextEncoder().encode(needle), (one) => one.toString(16).padStart(2, "0")).join("");
    return tables
      .map(([name]) => String(name))
      .filter((name) => {
        const columns = tx.all(`SELECT name FROM pragma_table_info('${name}')`).map(([column]) => `instr(hex(${String(column)}), ?1)`);
        return tx.one(`SELECT 1 FROM ${name} WHERE ${columns.join(" OR ")} LIMIT 1`, [hex.toUpperCase()]) !== null;
      });
  });
}
