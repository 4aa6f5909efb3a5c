// What the store keeps of group chats. Packed like all records (records.ts).

import { Kind } from "./records";

/** A group key: what title and picture are sealed under. */
export interface KeptKey {
  readonly version: number;
  readonly key: Uint8Array;
}

/** What became of a group chat, for its line: a name, and the account that it happened to. */
export interface GroupEvent {
  readonly name: string;
  readonly about: Uint8Array | null;
  readonly role: number;
}

/** A device that was told this device's chain. */
export interface Told {
  readonly account: Uint8Array;
  readonly device: Uint8Array;
  readonly signingKey: Uint8Array;
  readonly n: number; // from which message on it reads
}

/** An operation that a member knows and the server does not show. */
export interface Withheld {
  readonly gsh: Uint8Array;
  readonly account: Uint8Array; // the member
}

/** Why nothing is sent to a group chat: what the server shows of it contradicts what its members have signed. */
export type Trouble = "" | "refused" | "identity" | "newer" | "back" | "ghost" | "withheld";

/** One group chat, as its operations have made it and as this device takes part in it. */
export interface Group {
  readonly id: Uint8Array;
  readonly state: Uint8Array | null; // GroupState.toBytes(); null: no operation is known yet
  readonly keys: readonly KeptKey[]; // the group's, and those of own operations that may not have been taken
  readonly title: string; // empty: no group key is known yet
  readonly muted: boolean;
  readonly request: boolean; // somebody added this account, who has not accepted it
  readonly ended: "" | "removed" | "left"; // this account is not in it any more
  readonly trouble: Trouble;
  readonly chain: Uint8Array | null; // OwnChain.toBytes()
  readonly told: readonly Told[]; // who was ever told this chain
  readonly announce: boolean; // the chain is to be given to all who have not got it, and that was not done yet
  readonly leftAt: number; // the number of the last leave; -1: none
  readonly withheld: readonly Withheld[]; // until they are shown, or the member is one no more
  readonly isPart: boolean; // its operations did never yet hold to the last one that was shown
}

/** One message on its way to a group chat. Without `wire` it has not been encrypted yet, or has to be anew. */
export interface GroupOutgoing {
  readonly id: Uint8Array;
  readonly group: Uint8Array;
  readonly sent: number;
  readonly text: string;
  readonly mentions: readonly Uint8Array[];
  readonly padded: Uint8Array | null;
  readonly wire: Uint8Array | null;
  readonly gsh: Uint8Array | null; // with `lists`: what it was encrypted for
  readonly lists: Uint8Array | null;
  readonly attempts: number;
}

export const Group = new Kind<Group, Exclude<keyof Group, "id">>(["id"], {
  state: null,
  keys: [],
  title: "",
  muted: false,
  request: false,
  ended: "",
  trouble: "",
  chain: null,
  told: [],
  announce: false,
  leftAt: -1,
  withheld: [],
  isPart: false,
});

/** Who was told an own chain. */
export const ToldChain = new Kind<{ readonly told: readonly Told[] }, never>(["told"], {});

export const GroupOutgoing = new Kind<GroupOutgoing, "mentions" | "padded" | "wire" | "gsh" | "lists" | "attempts">(
  ["id", "group", "sent", "text"],
  { mentions: [], padded: null, wire: null, gsh: null, lists: null, attempts: 0 },
);
