// What the client gives to the page. Frozen values; ids as the usual text of UUIDs, times in ms since 1970.

export type MessageState = "queued" | "accepted" | "delivered" | "read" | "expired" | "failed" | "received";

/** Who this page speaks for. */
export interface Account {
  readonly id: string;
  readonly username: string;
  readonly device: string;
}

/** What one device of the recipient has said of a message. */
export interface DeviceStatus {
  readonly account: string;
  readonly device: string;
  readonly status: "delivered" | "read" | "expired";
  readonly at: number;
}

/**
 * One line of a conversation: a text, or something that had to be said about one.
 *
 * `id` never changes; `position` orders the lines of all chats and grows as they are shown. `cause`: of `unreadable`
 * the protocol's name of the failure; of a failed text why, in a sentence. `missing`: of a gap, how many messages.
 * `repair`: of `unreadable`, whether its sender's device has been asked to send it again, or can be (`askAgain`).
 */
export interface Line {
  readonly id: string;
  readonly chat: string;
  readonly position: number;
  readonly kind: "text" | "unreadable" | "update_needed" | "gap" | "expired" | "identity_changed" | "notice" | "system";
  readonly outgoing: boolean;
  readonly sender: string; // who wrote it, by name; empty for one's own, and for what nobody wrote
  readonly sentAt: number; // by the sender's clock
  readonly acceptedAt: number; // by the server's; 0: not yet
  readonly text: string;
  readonly state: MessageState;
  readonly devices: readonly DeviceStatus[];
  readonly skipped: number; // devices that it could not be encrypted for
  readonly cause: string;
  readonly missing: number;
  readonly repair: "asked" | "possible" | "none";
  readonly mentions: readonly GroupPerson[]; // whom the text mentions as @name
  readonly mentioned: boolean; // the person themselves is among them, and somebody else wrote it
  readonly editedAt: number; // by the server's clock; 0: never. Of open chats alone
  readonly deleted: boolean; // its text is empty. Of open chats alone
  readonly changeable: boolean; // `editLine` takes it: a text of one's own
  readonly deletable: boolean; // `deleteLine` takes it
}

/** One conversation as the list shows it. `last` is null in one that nobody has written in yet. */
export interface ChatSummary {
  readonly id: string;
  readonly kind: "private" | "group";
  readonly open: boolean; // not end-to-end encrypted: chosen when it was made, for good
  readonly account: string; // the other person's; of a group, its own id
  readonly name: string; // their username, or the account's id while no name is known; a group's title
  readonly group: GroupInfo | null; // of a group
  readonly last: Line | null;
  readonly unread: number;
  readonly firstUnread: number; // its position; 0: none
  readonly mentioned: boolean; // something unread mentions the person
  readonly draft: string;
  readonly request: boolean; // they wrote, and the person has not answered yet
  readonly blocked: boolean;
  readonly verified: boolean; // the safety number was compared, and their identity is still that one
  readonly identityChanged: boolean; // sending waits until the person has acknowledged it
}

export const ROLES = ["member", "admin", "owner"] as const;
export type Role = (typeof ROLES)[number];

export interface GroupPerson {
  readonly account: string;
  readonly name: string;
}

export interface GroupMember extends GroupPerson {
  readonly role: Role;
  readonly identityChanged: boolean; // sending to the group waits until the person has acknowledged it
}

/** An open link to join a group by. */
export interface LinkInfo {
  readonly key: string; // `endLink` takes it
  readonly expires: number | null; // ms
  readonly uses: number | null; // how many joins are left
  readonly approval: boolean;
}

/** What a group is, as its members' signed operations have made it. */
export interface GroupInfo {
  readonly title: string; // empty: not known here yet
  readonly description: string;
  readonly colour: number | null; // 0xRRGGBB; null: not chosen
  readonly role: Role | null; // one's own; null: not in it (yet, or any more)
  readonly members: readonly GroupMember[];
  readonly pending: readonly GroupPerson[]; // who waits to be let in
  readonly isPending: boolean; // one waits oneself
  readonly links: readonly LinkInfo[];
  readonly membersMayAdd: boolean;
  readonly muted: boolean;
  readonly ended: "" | "removed" | "left";
  readonly trouble: string; // why nothing is sent to it, a sentence; empty: nothing is wrong
}

/** What can be changed about a group; what is not given stays. Of an open one, the title alone. */
export interface GroupChanges {
  readonly title?: string;
  readonly description?: string;
  readonly colour?: number | null;
  readonly membersMayAdd?: boolean;
}

/** `open`: not end-to-end encrypted, for good. */
export interface GroupOptions extends Omit<GroupChanges, "title"> {
  readonly open: boolean;
}

/** `expires` (ms) and `uses`: no end and no bound where they are not given. */
export interface InviteOptions {
  readonly expires?: number;
  readonly uses?: number;
  readonly approval?: boolean;
}

/** A message that has the words that were looked for. `snippet`: plain text around the first of them. */
export interface Match {
  readonly chat: string;
  readonly line: string; // its id: `linesAround` shows it in its place
  readonly sender: string; // by name; empty for one's own
  readonly at: number; // ms
  readonly snippet: string;
}

/** `next`: what `search` goes on from; null: that was all. */
export interface Found {
  readonly matches: readonly Match[];
  readonly next: string | null;
}

export interface Person {
  readonly account: string;
  readonly username: string;
  readonly chat: string; // the id that the conversation with them has, or would have
}

export interface SafetyNumber {
  readonly digits: string; // 60 of them
  readonly scannable: Uint8Array; // what a QR code holds
  readonly key: Uint8Array; // the account key that the number stands for: `verify` takes it
}

/** One device of one's own account. */
export interface DeviceInfo {
  readonly id: string;
  readonly name: string;
  readonly platform: string;
  readonly lastSeen: number; // 0: never
  readonly thisOne: boolean;
  readonly managing: boolean; // holds the account key, as far as this device knows
  readonly listed: boolean; // on the newest list: contacts encrypt to it
  readonly suspended: boolean; // signed out: the server serves it no more
}

/** A device that asks to be linked, as its code and the server describe it. */
export interface NewDevice {
  readonly device: string;
  readonly name: string;
  readonly platform: string;
}

/** `history`: send it the messages of before. `managing`: let it hold the account key, too. */
export interface LinkOptions {
  readonly history: boolean;
  readonly managing: boolean;
}

/** How linking this browser goes on. `approved`: it is on the list, and its contacts are coming in. */
export type LinkStep =
  | { readonly step: "waiting" }
  | { readonly step: "approved" }
  | { readonly step: "done" }
  | { readonly step: "failed"; readonly why: string };

/** `retryAt` (ms): when the next attempt comes. `updating`: connected, and what waited is still coming in. */
export type Connection =
  | { readonly state: "connecting" | "updating" | "online" | "offline" }
  | { readonly state: "waiting"; readonly retryAt: number };

export interface StorageState {
  readonly persistent: boolean; // the browser has promised not to evict it
  readonly usage: number; // bytes
}

/** How starting ended. Everything but `ready` leaves the page with one sentence and one action. */
export type Start =
  | { readonly state: "ready"; readonly account: Account; readonly storage: StorageState }
  | { readonly state: "open_elsewhere" } // another tab has this account's store: `takeOver`
  | { readonly state: "evicted" } // this browser was one of the account's devices, and its store is gone
  // The account has devices, and this browser is none of them. `reset`: it was one, of an identity that is no more.
  | { readonly state: "linking_needed"; readonly reset: boolean }
  | { readonly state: "signed_out" } // the page's session has ended
  | { readonly state: "unsupported"; readonly missing: string } // OPFS or Web Locks are not there
  | { readonly state: "failed"; readonly why: string }; // a sentence; nothing was changed

/** What the client tells the page by itself. */
export type Told =
  | { readonly type: "lines"; readonly chat: string; readonly lines: readonly Line[] } // new or changed, in order
  | { readonly type: "chats"; readonly chats: readonly ChatSummary[] } // new or changed
  | { readonly type: "connection"; readonly connection: Connection }
  | { readonly type: "typing"; readonly chat: string; readonly account: string; readonly name: string; readonly on: boolean }
  | { readonly type: "notice"; readonly text: string } // a sentence for the person, of no single conversation
  | { readonly type: "link"; readonly link: LinkStep }
  // Messages of before, from or to a device that was linked. `done` of `total` pieces; equal: complete.
  | { readonly type: "history"; readonly direction: "in" | "out"; readonly done: number; readonly total: number }
  | { readonly type: "devices" } // one's own devices have changed: read them again
  | { readonly type: "ended"; readonly why: Ending; readonly text: string };

/** Why the client has stopped. `unlinked`: this browser is none of the account's devices any more; the store stays. */
export type Ending = "taken_over" | "signed_out" | "replaced" | "unlinked" | "failed";
