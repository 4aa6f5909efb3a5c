// A group chat as its operations have made it: a value that `group_chain` moves on, and its bytes for the store.
//
// PROTOCOL.md, Groups.

import { equal } from "./bytes";
import * as cbor from "./cbor";
import * as form from "./form";
import { OWNER, readRoster, type Member } from "./group_args";
import type { AccountId, GroupId } from "./ids";
import { HASH_SIZE, KEY_SIZE } from "./primitives";

const STATE_VERSION = 1;

/** An open link to join by. */
export interface Link {
  readonly key: Uint8Array; // public
  readonly expires: number | null; // ms
  readonly uses: number | null; // how many joins are left
  readonly approval: boolean;
}

/** The newest list, under one AK, that an author of operations has named. */
export interface Author {
  readonly account: AccountId;
  readonly accountKey: Uint8Array;
  readonly seq: number;
}

export interface GroupFields {
  readonly group: GroupId; // gid
  readonly index: number;
  readonly hash: Uint8Array; // gsh, H(payload) of that operation
  readonly time: number; // ms, of that operation
  readonly roster: readonly Member[]; // by account; empty once the last member has left
  readonly pending: readonly AccountId[]; // who waits for approval, sorted
  readonly removed: readonly AccountId[]; // who was ever removed or refused, sorted
  readonly links: readonly Link[]; // by key
  readonly membersMayAdd: boolean;
  readonly epoch: number; // how many removes, leaves and rekeys there were
  readonly meta: Uint8Array; // sealed, as it was last set
  readonly keyVersion: number; // of the group key: the index of the operation that brought it
  readonly keyMeta: Uint8Array; // what that operation sealed: a group key must open it
  readonly authors: readonly Author[]; // by account and AK
}

/** The group chat after its operation number `index`. */
export class GroupState implements GroupFields {
  readonly group: GroupId;
  readonly index: number;
  readonly hash: Uint8Array;
  readonly time: number;
  readonly roster: readonly Member[];
  readonly pending: readonly AccountId[];
  readonly removed: readonly AccountId[];
  readonly links: readonly Link[];
  readonly membersMayAdd: boolean;
  readonly epoch: number;
  readonly meta: Uint8Array;
  readonly keyVersion: number;
  readonly keyMeta: Uint8Array;
  readonly authors: readonly Author[];

  constructor(fields: GroupFields) {
    this.group = fields.group;
    this.index = fields.index;
    this.hash = fields.hash;
    this.time = fields.time;
    this.roster = fields.roster;
    this.pending = fields.pending;
    this.removed = fields.removed;
    this.links = fields.links;
    this.membersMayAdd = fields.membersMayAdd;
    this.epoch = fields.epoch;
    this.meta = fields.meta;
    this.keyVersion = fields.keyVersion;
    this.keyMeta = fields.keyMeta;
    this.authors = fields.authors;
  }

  with(changes: Partial<GroupFields>): GroupState {
    const { group, index, hash, time, roster, pending, removed, links } = this;
    const { membersMayAdd, epoch, meta, keyVersion, keyMeta, authors } = this;
    const first = { group, index, hash, time, roster, pending, removed, links };
    return new GroupState({ ...first, membersMayAdd, epoch, meta, keyVersion, keyMeta, authors, ...changes });
  }

  /** Whether nobody is left: no operation can follow. */
  get isOver(): boolean {
    return this.roster.length === 0;
  }

  get owners(): readonly AccountId[] {
    return this.roster.filter((one) => one.role === OWNER).map((one) => one.account);
  }

  /** A member's role, or null for everybody else. */
  role(account: AccountId): number | null {
    return this.roster.find((one) => equal(one.account, account))?.role ?? null;
  }

  isPending(account: AccountId): boolean {
    return this.pending.some((one) => equal(one, account));
  }

  link(key: Uint8Array): Link | null {
    return this.links.find((one) => equal(one.key, key)) ?? null;
  }

  toBytes(): Uint8Array {
    return cbor.dump([
      STATE_VERSION,
      this.group,
      this.index,
      this.hash,
      this.time,
      this.roster.map((one) => [one.account, one.role]),
      this.pending,
      this.removed,
      this.links.map((one) => [one.key, one.expires, one.uses, one.approval]),
      this.membersMayAdd,
      this.epoch,
      this.meta,
      this.keyVersion,
      this.keyMeta,
      this.authors.map((one) => [one.account, one.accountKey, one.seq]),
    ]);
  }

  static fromBytes(data: Uint8Array): GroupState {
    const [version, group, index, hash, time, ...rest] = form.array(cbor.decode(data), 15);
    const [roster, pending, removed, links, mayAdd, epoch, meta, keyVersion, keyMeta, authors] = rest;
    form.unsigned(version, STATE_VERSION, STATE_VERSION);
    return new GroupState({
      group: form.identifier(group),
      index: form.unsigned(index),
      hash: form.octets(hash, HASH_SIZE),
      time: form.unsigned(time),
      roster: readRoster(roster),
      pending: form.array(pending).map(form.identifier),
      removed: form.array(removed).map(form.identifier),
      links: form.array(links).map(readLink),
      membersMayAdd: form.boolean(mayAdd),
      epoch: form.unsigned(epoch),
      meta: form.anyOctets(meta),
      keyVersion: form.unsigned(keyVersion),
      keyMeta: form.anyOctets(keyMeta),
      authors: form.array(authors).map(readAuthor),
    });
  }
}

function readLink(value: unknown): Link {
  const [key, expires, uses, approval] = form.array(value, 4);
  return {
    key: form.octets(key, KEY_SIZE),
    expires: expires === null ? null : form.unsigned(expires),
    uses: uses === null ? null : form.unsigned(uses),
    approval: form.boolean(approval),
  };
}

function readAuthor(value: unknown): Author {
  const [account, accountKey, seq] = form.array(value, 3);
  return { account: form.identifier(account), accountKey: form.octets(accountKey, KEY_SIZE), seq: form.unsigned(seq) };
}
