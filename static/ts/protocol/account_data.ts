// What a managing device hands to a device that it links: contacts with their pins, AK, history.
//
// PROTOCOL.md, Linking; contents of kinds 9 and 10, taken from devices of one's own account only. Their form is read
// here; a list or a message inside is checked when it is opened, so that a bad one spoils itself alone.

import type { Fields } from "./body";
import { compare, equal } from "./bytes";
import * as cbor from "./cbor";
import { openList, Pin } from "./device_list";
import { BadKey, IdentityChanged, ListRefused, Malformed } from "./errors";
import * as form from "./form";
import type { AccountId, DeviceId, GroupId } from "./ids";
import { MAX_SHARED } from "./limits";
import { HASH_SIZE, KEY_SIZE, SIGNATURE_SIZE, SigningKey } from "./primitives";
import { secret, Unprinted, type Secret } from "./secret";

// States of a message; a received one that is not read is ACCEPTED.
export const ACCEPTED = 0;
export const DELIVERED = 1;
export const READ = 2;

/** An account as the sharing device holds it: its newest pinned list, and whether the person verified it. */
export class SharedContact extends Unprinted {
  readonly account: AccountId;
  readonly username: string;
  readonly deviceList: Uint8Array; // the signed object
  readonly verified: boolean;

  constructor(account: AccountId, username: string, deviceList: Uint8Array, verified: boolean) {
    super();
    this.account = account;
    this.username = username;
    this.deviceList = deviceList;
    this.verified = verified;
  }

  toValue(): cbor.Value {
    return [this.account, this.username, cbor.decode(this.deviceList), this.verified];
  }

  static fromValue(value: cbor.Value): SharedContact {
    const [account, username, signed, verified] = form.array(value, 4);
    const [payload, signature] = form.array(signed, 2);
    return new SharedContact(
      form.identifier(account),
      form.text(username),
      cbor.encode([form.anyOctets(payload), form.octets(signature, SIGNATURE_SIZE)]),
      form.boolean(verified),
    );
  }

  /**
   * The pin to hold from now on: the shared list where there was none, else the one held.
   *
   * Throws Malformed, ListRefused, IdentityChanged (pinned here under another AK): ignore the contact.
   */
  pin(held: Pin | null): Pin {
    const newest = openList(this.deviceList);
    if (!equal(newest.account, this.account)) throw new ListRefused("another account");
    if (held === null) return new Pin(newest);
    if (!equal(held.accountKey, newest.accountKey)) throw new IdentityChanged();
    return held;
  }
}

export interface AccountDataOptions {
  readonly contacts?: readonly SharedContact[];
  readonly accountKeySeed?: Secret | null;
  readonly managing?: readonly DeviceId[] | null;
  readonly history?: number | null;
}

/** What a linked device is to know of its account. What is null is not said. */
export class AccountData extends Unprinted {
  static readonly kind = 9;
  readonly kind = AccountData.kind;
  readonly contacts: readonly SharedContact[];
  readonly accountKeySeed: Secret | null; // makes the receiver a managing device
  readonly managing: readonly DeviceId[] | null; // the devices known to hold AK, sorted
  readonly history: number | null; // how many History contents follow

  constructor({ contacts = [], accountKeySeed = null, managing = null, history = null }: AccountDataOptions = {}) {
    super();
    this.contacts = contacts;
    this.accountKeySeed = accountKeySeed;
    this.managing = managing;
    this.history = history;
  }

  /** AK, if it was given. Throws BadKey unless it is the AK pinned: take nothing of it then. */
  accountKey(pinned: Uint8Array): SigningKey | null {
    if (this.accountKeySeed === null) return null;
    const key = SigningKey.fromSeed(this.accountKeySeed);
    if (!equal(key.public, pinned)) throw new BadKey("another account key");
    return key;
  }

  toMap(): Fields {
    const fields = new Map<number, cbor.Value>();
    if (this.contacts.length > 0) fields.set(0, this.contacts.map((one) => one.toValue()));
    if (this.accountKeySeed !== null) fields.set(1, this.accountKeySeed);
    if (this.managing !== null) fields.set(2, this.managing);
    if (this.history !== null) fields.set(3, this.history);
    return fields;
  }

  static fromMap(fields: Fields): AccountData {
    const seed = form.optional(fields, 1, (value) => form.octets(value, KEY_SIZE));
    return new AccountData({
      contacts: form.optional(fields, 0, form.array)?.map((one) => SharedContact.fromValue(one)) ?? [],
      accountKeySeed: seed && secret(seed),
      managing: form.optional(fields, 2, readDevices),
      history: form.optional(fields, 3, form.unsigned),
    });
  }
}

export interface HistoryEntryFields {
  readonly account: AccountId; // who sent it
  readonly device: DeviceId;
  readonly accepted: number; // ms, by the server
  readonly padded: Secret; // fk ‖ content, padded
  readonly stamp: Uint8Array | null;
  readonly stampKey: string | null;
  readonly state: number; // ACCEPTED, DELIVERED or READ
}

/** One message as the sharing device keeps it; `content.readHistory` opens it. */
export class HistoryEntry implements HistoryEntryFields {
  readonly account: AccountId;
  readonly device: DeviceId;
  readonly accepted: number;
  readonly padded: Secret;
  readonly stamp: Uint8Array | null;
  readonly stampKey: string | null;
  readonly state: number;

  constructor(fields: HistoryEntryFields) {
    this.account = fields.account;
    this.device = fields.device;
    this.accepted = fields.accepted;
    this.padded = fields.padded;
    this.stamp = fields.stamp;
    this.stampKey = fields.stampKey;
    this.state = fields.state;
  }

  toValue(): cbor.Value {
    return [this.account, this.device, this.accepted, this.padded, this.stamp, this.stampKey, this.state];
  }

  static fromValue(value: cbor.Value): HistoryEntry {
    const [account, device, accepted, padded, stamp, stampKey, state] = form.array(value, 7);
    return new HistoryEntry({
      account: form.identifier(account),
      device: form.identifier(device),
      accepted: form.unsigned(accepted),
      padded: secret(form.anyOctets(padded)),
      stamp: stamp === null ? null : form.octets(stamp, HASH_SIZE),
      stampKey: stampKey === null ? null : form.text(stampKey),
      state: form.unsigned(state, ACCEPTED, READ),
    });
  }
}

/** A part of one chat, oldest first: of the private chat with `account`, or of the group chat `group`. */
export class History {
  static readonly kind = 10;
  readonly kind = History.kind;
  readonly account: AccountId | null;
  readonly entries: readonly HistoryEntry[];
  readonly index: number; // which of the announced contents this is, from 0
  readonly group: GroupId | null;

  constructor(account: AccountId | null, entries: readonly HistoryEntry[], index: number, group: GroupId | null = null) {
    this.account = account;
    this.entries = entries;
    this.index = index;
    this.group = group;
  }

  toMap(): Fields {
    const fields = new Map<number, cbor.Value>();
    if (this.account !== null) fields.set(0, this.account);
    fields.set(1, this.entries.map((one) => one.toValue()));
    fields.set(2, this.index);
    if (this.group !== null) fields.set(3, this.group);
    return fields;
  }

  static fromMap(fields: Fields): History {
    const account = form.optional(fields, 0, form.identifier);
    const group = form.optional(fields, 3, form.identifier);
    if ((account === null) === (group === null)) throw new Malformed("history of one chat");
    const entries = form.array(fields.get(1)).map((one) => HistoryEntry.fromValue(one));
    return new History(account, entries, form.unsigned(fields.get(2)), group);
  }
}

/**
 * Split contacts or entries, in their order, so that each part fits into one content.
 *
 * One that fits into none is left out: a text within a percent of the longest, say.
 */
export function parts<Shared extends SharedContact | HistoryEntry>(items: Iterable<Shared>): readonly Shared[][] {
  const made: Shared[][] = [];
  let size = 0;
  for (const one of items) {
    const length = cbor.encode(one.toValue()).length;
    if (length > MAX_SHARED) continue;
    const part = made.at(-1);
    if (part === undefined || size + length > MAX_SHARED) {
      made.push([one]);
      size = length;
    } else {
      part.push(one);
      size += length;
    }
  }
  return made;
}

function readDevices(value: unknown): readonly DeviceId[] {
  const devices = form.array(value).map(form.identifier);
  const inOrder = devices.slice(1).every((device, index) => compare(devices[index] as DeviceId, device) < 0);
  if (!inOrder) throw new Malformed("devices out of order");
  return devices;
}
