// What an operation of a group chat says, one value a code (PROTOCOL.md, Groups).
//
// Refuses missing and mistyped fields, and any field that is not known: all readers must see one group.

import type { Fields } from "./body";
import { compare } from "./bytes";
import * as cbor from "./cbor";
import { Malformed } from "./errors";
import * as form from "./form";
import type { AccountId, GroupId } from "./ids";
import { MAX_META, MAX_ROSTER } from "./limits";
import { CSEAL_OVERHEAD, KEY_SIZE, SIGNATURE_SIZE, verify, type SigningKey } from "./primitives";

// Roles; each includes the lower ones.
export const MEMBER = 0;
export const ADMIN = 1;
export const OWNER = 2;

const JOIN_LABEL = "join";

export interface Member {
  readonly account: AccountId;
  readonly role: number; // MEMBER, ADMIN or OWNER
}

/** Starts the group chat; its author is among the owners. */
export class Create {
  static readonly code = 0;
  readonly code = Create.code;
  readonly roster: readonly Member[]; // by account
  readonly meta: Uint8Array; // sealed under the group key of version 0
  readonly membersMayAdd: boolean;

  constructor(roster: readonly Member[], meta: Uint8Array, membersMayAdd: boolean) {
    this.roster = roster;
    this.meta = meta;
    this.membersMayAdd = membersMayAdd;
  }

  /** Take the members in any order. */
  static of(members: Iterable<Member>, meta: Uint8Array, { membersMayAdd }: { membersMayAdd: boolean }): Create {
    const roster = [...members].sort((one, other) => compare(one.account, other.account));
    return new Create(roster, meta, membersMayAdd);
  }

  toMap(): Fields {
    return fields(this.roster.map((one) => [one.account, one.role]), this.meta, this.membersMayAdd);
  }

  static fromMap(given: Fields): Create {
    return new Create(readRoster(given.get(0)), readMeta(given.get(1)), form.boolean(given.get(2)));
  }
}

export class Add {
  static readonly code = 1;
  readonly code = Add.code;
  readonly account: AccountId;

  constructor(account: AccountId) {
    this.account = account;
  }

  toMap(): Fields {
    return fields(this.account);
  }

  static fromMap(given: Fields): Add {
    return new Add(form.identifier(given.get(0)));
  }
}

/** Removes a member, or refuses somebody who waits; what follows is under a new group key. */
export class Remove {
  static readonly code = 2;
  readonly code = Remove.code;
  readonly account: AccountId;
  readonly meta: Uint8Array; // under the new group key, whose version is this operation's index

  constructor(account: AccountId, meta: Uint8Array) {
    this.account = account;
    this.meta = meta;
  }

  toMap(): Fields {
    return fields(this.account, this.meta);
  }

  static fromMap(given: Fields): Remove {
    return new Remove(form.identifier(given.get(0)), readMeta(given.get(1)));
  }
}

/** Its author leaves, or takes the wish to join back. */
export class Leave {
  static readonly code = 3;
  readonly code = Leave.code;

  toMap(): Fields {
    return fields();
  }
}

export class SetRole {
  static readonly code = 4;
  readonly code = SetRole.code;
  readonly account: AccountId;
  readonly role: number;

  constructor(account: AccountId, role: number) {
    this.account = account;
    this.role = role;
  }

  toMap(): Fields {
    return fields(this.account, this.role);
  }

  static fromMap(given: Fields): SetRole {
    return new SetRole(form.identifier(given.get(0)), readRole(given.get(1)));
  }
}

export class SetMeta {
  static readonly code = 5;
  readonly code = SetMeta.code;
  readonly meta: Uint8Array; // under the group key of now
  readonly membersMayAdd: boolean;

  constructor(meta: Uint8Array, membersMayAdd: boolean) {
    this.meta = meta;
    this.membersMayAdd = membersMayAdd;
  }

  toMap(): Fields {
    return fields(this.meta, this.membersMayAdd);
  }

  static fromMap(given: Fields): SetMeta {
    return new SetMeta(readMeta(given.get(0)), form.boolean(given.get(1)));
  }
}

export interface OpenLinkOptions {
  readonly expires?: number | null; // ms: a join at that time or later is too late
  readonly uses?: number | null; // how many joins, those that wait for approval included
  readonly approval?: boolean;
}

/** Lets whoever holds the link's secret join. What is null is left out: no end, no bound. */
export class OpenLink {
  static readonly code = 6;
  readonly code = OpenLink.code;
  readonly key: Uint8Array; // the link's public key
  readonly expires: number | null;
  readonly uses: number | null;
  readonly approval: boolean;

  constructor(key: Uint8Array, { expires = null, uses = null, approval = false }: OpenLinkOptions = {}) {
    this.key = key;
    this.expires = expires;
    this.uses = uses;
    this.approval = approval;
  }

  toMap(): Fields {
    return fields(this.key, this.expires, this.uses, this.approval);
  }

  static fromMap(given: Fields): OpenLink {
    return new OpenLink(form.octets(given.get(0), KEY_SIZE), {
      expires: form.optional(given, 1, form.unsigned),
      uses: form.optional(given, 2, (value) => form.unsigned(value, 1)),
      approval: form.boolean(given.get(3)),
    });
  }
}

export class CloseLink {
  static readonly code = 7;
  readonly code = CloseLink.code;
  readonly key: Uint8Array;

  constructor(key: Uint8Array) {
    this.key = key;
  }

  toMap(): Fields {
    return fields(this.key);
  }

  static fromMap(given: Fields): CloseLink {
    return new CloseLink(form.octets(given.get(0), KEY_SIZE));
  }
}

/** Its author joins by a link, whose key signs for that account alone. */
export class Join {
  static readonly code = 8;
  readonly code = Join.code;
  readonly signature: Uint8Array;
  readonly key: Uint8Array; // the link's

  constructor(signature: Uint8Array, key: Uint8Array) {
    this.signature = signature;
    this.key = key;
  }

  /** Sign with the link's secret. The same signature shows a server that one may read the chain. */
  static by(link: SigningKey, group: GroupId, account: AccountId): Join {
    return new Join(link.sign(JOIN_LABEL, joinPayload(group, account)), link.public);
  }

  /** Check that the link's key has signed for that account. Throws BadSignature. */
  check(group: GroupId, account: AccountId): void {
    verify(this.key, JOIN_LABEL, joinPayload(group, account), this.signature);
  }

  toMap(): Fields {
    return fields(this.signature, this.key);
  }

  static fromMap(given: Fields): Join {
    return new Join(form.octets(given.get(0), SIGNATURE_SIZE), form.octets(given.get(1), KEY_SIZE));
  }
}

/** Lets somebody in who waits. */
export class Approve {
  static readonly code = 9;
  readonly code = Approve.code;
  readonly account: AccountId;

  constructor(account: AccountId) {
    this.account = account;
  }

  toMap(): Fields {
    return fields(this.account);
  }

  static fromMap(given: Fields): Approve {
    return new Approve(form.identifier(given.get(0)));
  }
}

export class Rekey {
  static readonly code = 10;
  readonly code = Rekey.code;
  readonly meta: Uint8Array; // under the new group key, whose version is this operation's index

  constructor(meta: Uint8Array) {
    this.meta = meta;
  }

  toMap(): Fields {
    return fields(this.meta);
  }

  static fromMap(given: Fields): Rekey {
    return new Rekey(readMeta(given.get(0)));
  }
}

export type Args =
  | Create | Add | Remove | Leave | SetRole | SetMeta | OpenLink | CloseLink | Join | Approve | Rekey;

/** Read a roster: by account, nobody twice. Throws Malformed. */
export function readRoster(value: unknown): readonly Member[] {
  const roster = form.array(value).map((row) => {
    const [account, role] = form.array(row, 2);
    return { account: form.identifier(account), role: readRole(role) };
  });
  if (roster.length > MAX_ROSTER) throw new Malformed("too many members");
  const inOrder = roster.slice(1).every((one, index) => compare((roster[index] as Member).account, one.account) < 0);
  if (!inOrder) throw new Malformed("members out of order");
  return roster;
}

function readRole(value: unknown): number {
  return form.unsigned(value, MEMBER, OWNER);
}

function readMeta(value: unknown): Uint8Array {
  return form.anyOctets(value, CSEAL_OVERHEAD, MAX_META);
}

function joinPayload(group: GroupId, account: AccountId): Uint8Array {
  return cbor.encode([group, account]);
}

// The values under their places as keys, less those that are null.
function fields(...values: readonly (cbor.Value | null)[]): Fields {
  return new Map(Array.from(values.entries()).filter(([, value]) => value !== null));
}
