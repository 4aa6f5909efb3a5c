// Whom a message in a group has reached: by member, where its line knows single devices.

import type { GroupMember, Line } from "../../client/model";

/** `at`: when it was first read, delivered or given up; 0 where nothing has happened yet. */
export interface Receipt {
  readonly account: string;
  readonly name: string; // empty: somebody who is not in the group any more
  readonly at: number; // ms
}

export interface Receipts {
  readonly read: readonly Receipt[];
  readonly delivered: readonly Receipt[]; // and not read yet
  readonly expired: readonly Receipt[]; // no device of theirs fetched it in time
  readonly waiting: readonly Receipt[];
}

/**
 * What is known of a message of one's own, the person themselves left out. The earliest stands first. What the person's
 * other device has summed up says nothing of single members: of nobody is it known then that they have not got it yet.
 */
export function receiptsOf(line: Pick<Line, "devices">, members: readonly GroupMember[], own: string): Receipts {
  const names = new Map(members.filter((member) => member.account !== own).map(({ account, name }) => [account, name]));
  for (const { account } of line.devices) if (account !== own && !names.has(account)) names.set(account, "");
  const kinds = { read: [] as Receipt[], delivered: [] as Receipt[], expired: [] as Receipt[], waiting: [] as Receipt[] };
  for (const [account, name] of names) {
    const said = line.devices.filter((status) => status.account === account);
    const kind = (["read", "delivered", "expired"] as const).find((one) => said.some(({ status }) => status === one));
    const times = said.filter(({ status }) => status === kind).map(({ at }) => at);
    kinds[kind ?? "waiting"].push({ account, name, at: kind ? Math.min(...times) : 0 });
  }
  if (line.devices.some(({ account }) => account === own)) kinds.waiting = [];
  for (const kind of Object.values(kinds)) kind.sort((one, other) => one.at - other.at || one.name.localeCompare(other.name));
  return kinds;
}
