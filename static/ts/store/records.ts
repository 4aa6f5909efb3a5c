// What the store keeps of each thing. A record is plain, frozen by convention, and changed by spreading it anew.
//
// Packed as a CBOR map by field name without the fields that have their default: a record of an older version
// reads as one whose new fields have theirs. What is not known is null, never empty bytes, which would be truthy.
import { decode, encode } from "cborg";

import { StoreError } from "../lib/errors";

import type { GroupEvent } from "./group_records";

/** Who this browser is. The keys are made before the server is told anything. */
export interface Me {
  readonly account: Uint8Array;
  readonly username: string;
  readonly signingSeed: Uint8Array;
  readonly identityPrivate: Uint8Array;
  readonly device: Uint8Array | null; // null: not registered yet
  readonly accountKey: Uint8Array | null; // AK's public half; null: not on the device list yet
  readonly accountKeySeed: Uint8Array | null; // on managing devices
  readonly ready: boolean; // listed, with prekeys published
  /** Taken off the list since, or left behind by a new account key. What is stored stays. */
  readonly unlinked: "" | "removed" | "identity";
  readonly managing: readonly Uint8Array[]; // devices known to hold AK; none: this one alone, if it does
}

/** A step that was begun: being linked, being given history, starting a new identity. */
export interface Linking {
  readonly secret: Uint8Array | null; // s of the code that was shown, until it is used
  readonly history: number; // history contents that were announced
  readonly taken: number; // of those
  readonly nextSeed: Uint8Array | null; // AK of a list that was signed and may not have been published
  readonly nextList: Uint8Array | null;
  readonly groups: readonly Uint8Array[] | null; // group chats in the first list of them that was taken
}

/** Next ids by label, and when the signed ones were made. Written before anything is published. */
export interface PrekeyState {
  readonly nextIds: Readonly<Record<string, number>>;
  readonly signedAt: number; // ms
  readonly publishedAt: number; // ms; 0: the newest signed ones may not be on the server
  readonly checkedAt: number; // ms
  readonly tidiedAt: number; // ms
}

/** The newest prekeys that a device of a peer has shown. */
export interface SeenPrekeys {
  readonly device: Uint8Array;
  readonly spk: number;
  readonly klr: number;
}

/** A session that was opened to repair something, or to link: the newest with that device. */
export interface Opened {
  readonly device: Uint8Array;
  readonly at: number; // ms
  readonly session: Uint8Array;
}

/** Another account, or one's own. */
export interface Peer {
  readonly account: Uint8Array;
  readonly username: string; // empty: no name is known
  readonly pin: Uint8Array | null; // Pin.toBytes(); null before first contact
  readonly suspended: readonly Uint8Array[]; // devices, by the server's word
  readonly seenPrekeys: readonly SeenPrekeys[];
  readonly shownKey: Uint8Array | null; // the AK of the safety number that was shown last
  readonly verifiedKey: Uint8Array | null; // the AK that the person has compared
  readonly changedLists: readonly Uint8Array[]; // a chain under another AK, not acknowledged yet
  readonly changedKey: Uint8Array | null;
  readonly request: boolean; // they wrote, and the person has not answered
  readonly blocked: boolean;
  readonly opened: readonly Opened[]; // one a device
}

/** One conversation. Every field is a column: the page asks for all of them at once. */
export interface ChatState {
  readonly conversation: Uint8Array;
  readonly account: Uint8Array;
  readonly counter: number; // of this device's last message in it
  readonly readTo: number; // the position up to which the person has seen it
  readonly toldTo: number; // the position up to which the server knows that
  readonly draft: string;
}

export type EntryKind =
  | "text"
  | "unreadable"
  | "update_needed"
  | "gap"
  | "expired"
  | "identity_changed"
  | "warning"
  | "system" // what an operation made of a group chat
  | "control"; // kept for a later version, shown nowhere

/** What a device of the recipient did with a message. */
export interface EntryStatus {
  readonly account: Uint8Array;
  readonly device: Uint8Array;
  readonly status: "delivered" | "read" | "expired";
  readonly at: number; // ms
}

/** One line of a conversation: a message, or something that had to be said about one. */
export interface Entry {
  readonly id: Uint8Array; // message id, or a random one. Unique with `account`: a sender can choose any.
  readonly kind: EntryKind;
  readonly outgoing: boolean;
  readonly account: Uint8Array; // who wrote it; own account when outgoing
  readonly chat: Uint8Array; // conversation id
  readonly sent: number; // ms, by the sender's clock
  readonly position: number; // given by the store: where it stands; 0: shown nowhere (yet)
  readonly device: Uint8Array | null;
  readonly text: string;
  readonly accepted: number; // ms, by the server's clock
  readonly counter: number;
  readonly cause: string; // of unreadable; why a send failed
  readonly repair: "none" | "asked" | "possible"; // of unreadable: whether its device was asked for it, or can be
  readonly missing: number; // of a gap: how many
  readonly request: boolean;
  readonly state: "" | "queued" | "accepted" | "failed"; // of an outgoing one; beyond accepted `statuses` say
  readonly statuses: readonly EntryStatus[];
  readonly skipped: readonly Uint8Array[]; // devices left out
  readonly padded: Uint8Array | null; // with fk: what a report or a retry shows
  readonly stamp: Uint8Array | null;
  readonly stampKey: string;
  readonly raw: Uint8Array | null; // kept for a newer version
  readonly event: GroupEvent | null; // of system
  readonly mentions: readonly Uint8Array[]; // accounts that the text mentions, each a member then
  readonly mentioned: boolean; // one's own is among them, and somebody else wrote it
}

/** One send on its way. Without `padded` it has not been encrypted yet: no keys were at hand. */
export interface Outgoing {
  readonly id: Uint8Array;
  readonly account: Uint8Array; // the recipient's
  readonly sent: number;
  readonly text: string;
  readonly mentions: readonly Uint8Array[];
  readonly padded: Uint8Array | null;
  readonly lists: readonly { readonly account: Uint8Array; readonly hash: Uint8Array }[];
  readonly envelopes: readonly { readonly device: Uint8Array; readonly body: Uint8Array }[];
  readonly skipped: readonly Uint8Array[];
  readonly attempts: number; // at being encrypted for changed lists
}

/** A message that could not be read, as it is known from its outside. Its line has its id. */
export interface Unreadable {
  readonly account: Uint8Array;
  readonly device: Uint8Array;
  readonly message: Uint8Array;
  readonly chat: Uint8Array;
  readonly at: number; // ms
  readonly session: Uint8Array; // with dh and n: its place
  readonly dh: Uint8Array;
  readonly n: number;
  readonly asked: number; // times
  readonly askedAt: number; // ms
}

/** A content for one device, outside of any conversation. Without `wire` it has not been encrypted yet. */
export interface Control {
  readonly id: Uint8Array; // message id
  readonly account: Uint8Array;
  readonly device: Uint8Array;
  readonly signingKey: Uint8Array | null; // the device's when it was wanted; null: of a row from before it was kept
  readonly padded: Uint8Array;
  readonly at: number; // ms, when it was wanted
  readonly fresh: boolean; // on a session opened for such things, not on the one that decrypted last
  readonly only: boolean; // a reset: the other sessions are given up
  readonly logged: boolean; // a message sent again: it may be asked for again
  readonly psk: Uint8Array | null; // of the session to open
  readonly wire: Uint8Array | null;
}

/** The fields that have to be given, and those that may be. */
type Given<T, D extends keyof T> = Omit<T, D> & Partial<Pick<T, D>>;

/** Makes and packs the records of one kind. */
export class Kind<T extends object, D extends keyof T> {
  readonly #required: readonly (keyof T & string)[];
  readonly #defaults: Pick<T, D>;
  readonly #unpacked: readonly string[];

  constructor(required: readonly (keyof T & string)[], defaults: Pick<T, D>, unpacked: readonly string[] = []) {
    this.#required = required;
    this.#defaults = defaults;
    this.#unpacked = unpacked;
  }

  /** A record with defaults for what is not given. */
  of(given: Given<T, D>): T {
    return { ...this.#defaults, ...given } as T;
  }

  pack(value: T): Uint8Array {
    const defaults = this.#defaults as Record<string, unknown>;
    const kept = Object.entries(value).filter(
      ([name, field]) => !this.#unpacked.includes(name) && !isDefault(field, defaults[name]),
    );
    return encode(Object.fromEntries(kept));
  }

  /** Throws StoreError. `columns`: the fields that are kept beside the packed ones. */
  unpack(data: unknown, columns: Partial<T> = {}): T {
    const fields = open(data);
    const value: Record<string, unknown> = { ...this.#defaults };
    for (const name of [...this.#required, ...Object.keys(this.#defaults)]) {
      if (Object.hasOwn(fields, name)) value[name] = fields[name];
    }
    Object.assign(value, columns);
    if (this.#required.some((name) => value[name] === undefined)) throw damaged();
    return value as T;
  }
}

export const Me = new Kind<Me, Exclude<keyof Me, "account" | "username" | "signingSeed" | "identityPrivate">>(
  ["account", "username", "signingSeed", "identityPrivate"],
  { device: null, accountKey: null, accountKeySeed: null, ready: false, unlinked: "", managing: [] },
);

export const Linking = new Kind<Linking, keyof Linking>([], {
  secret: null,
  history: 0,
  taken: 0,
  nextSeed: null,
  nextList: null,
  groups: null,
});

export const PrekeyState = new Kind<PrekeyState, keyof PrekeyState>([], {
  nextIds: {},
  signedAt: 0,
  publishedAt: 0,
  checkedAt: 0,
  tidiedAt: 0,
});

export const Peer = new Kind<Peer, Exclude<keyof Peer, "account">>(["account"], {
  username: "",
  pin: null,
  suspended: [],
  seenPrekeys: [],
  shownKey: null,
  verifiedKey: null,
  changedLists: [],
  changedKey: null,
  request: false,
  blocked: false,
  opened: [],
});

export const Entry = new Kind<Entry, Exclude<keyof Entry, "id" | "kind" | "outgoing" | "account" | "chat" | "sent">>(
  ["id", "kind", "outgoing", "account", "chat", "sent"],
  {
    position: 0,
    device: null,
    text: "",
    accepted: 0,
    counter: 0,
    cause: "",
    repair: "none",
    missing: 0,
    request: false,
    state: "",
    statuses: [],
    skipped: [],
    padded: null,
    stamp: null,
    stampKey: "",
    raw: null,
    event: null,
    mentions: [],
    mentioned: false,
  },
  ["id", "account", "chat", "outgoing", "counter", "position", "mentioned"], // columns
);

export const Outgoing = new Kind<Outgoing, Exclude<keyof Outgoing, "id" | "account" | "sent" | "text">>(
  ["id", "account", "sent", "text"],
  { mentions: [], padded: null, lists: [], envelopes: [], skipped: [], attempts: 0 },
);

export const Unreadable = new Kind<Unreadable, "asked" | "askedAt">(
  ["account", "device", "message", "chat", "at", "session", "dh", "n"],
  { asked: 0, askedAt: 0 },
);

export const Control = new Kind<Control, "signingKey" | "fresh" | "only" | "logged" | "psk" | "wire">(
  ["id", "account", "device", "padded", "at"],
  { signingKey: null, fresh: false, only: false, logged: false, psk: null, wire: null },
);

function open(data: unknown): Record<string, unknown> {
  try {
    const value: unknown = data instanceof Uint8Array ? decode(data) : null;
    if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  } catch {
    // below
  }
  throw damaged();
}

function isDefault(value: unknown, usual: unknown): boolean {
  return value === usual || (Array.isArray(value) && value.length === 0 && Array.isArray(usual));
}

export function damaged(): StoreError {
  return new StoreError("What this browser has stored is damaged.");
}
