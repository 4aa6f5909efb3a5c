// Signed device lists, their chain, and the pin on an account. Refuses ghosts, forks and rollbacks.
// PROTOCOL.md, Keys and the device list. A list travels as `CBOR[payload bytes, signature]`.

import { compare, equal, hex } from "./bytes";
import * as cbor from "./cbor";
import { BadSignature, IdentityChanged, ListRefused, Malformed } from "./errors";
import * as form from "./form";
import type { AccountId, DeviceId } from "./ids";
import type { OwnDevice } from "./keys";
import { MAX_DEVICES } from "./limits";
import { HASH_SIZE, KEY_SIZE, SIGNATURE_SIZE, sha256, verify, type SigningKey } from "./primitives";

export const NO_PREVIOUS = new Uint8Array(HASH_SIZE); // `prev` of the first list

/** One device as its account's list shows it. */
export interface ListedDevice {
  readonly device: DeviceId;
  readonly signingKey: Uint8Array; // DSK
  readonly identityKey: Uint8Array; // IK
  readonly added: number; // ms
  readonly bind: Uint8Array; // the device's signature under AK, account, device, IK: it agrees
}

interface ListFields {
  readonly account: AccountId;
  readonly accountKey: Uint8Array; // AK
  readonly seq: number;
  readonly previous: Uint8Array;
  readonly time: number; // ms
  readonly devices: readonly ListedDevice[];
  readonly hash: Uint8Array; // H(payload), the list's name everywhere
  readonly signed: Uint8Array; // the object as it travels
}

/** A list whose form and signatures have been checked; `acceptLists` judges its place in the chain. */
export class DeviceList implements ListFields {
  readonly account: AccountId;
  readonly accountKey: Uint8Array;
  readonly seq: number;
  readonly previous: Uint8Array;
  readonly time: number;
  readonly devices: readonly ListedDevice[];
  readonly hash: Uint8Array;
  readonly signed: Uint8Array;

  constructor(fields: ListFields) {
    this.account = fields.account;
    this.accountKey = fields.accountKey;
    this.seq = fields.seq;
    this.previous = fields.previous;
    this.time = fields.time;
    this.devices = fields.devices;
    this.hash = fields.hash;
    this.signed = fields.signed;
  }

  find(device: DeviceId): ListedDevice | null {
    return this.devices.find((one) => equal(one.device, device)) ?? null;
  }
}

/** What this client holds an account to: its AK, and the newest list seen. */
export class Pin {
  readonly newest: DeviceList;

  constructor(newest: DeviceList) {
    this.newest = newest;
  }

  get account(): AccountId {
    return this.newest.account;
  }

  get accountKey(): Uint8Array {
    return this.newest.accountKey;
  }

  toBytes(): Uint8Array {
    return this.newest.signed;
  }

  static fromBytes(data: Uint8Array): Pin {
    return new Pin(openList(data));
  }
}

/** Lists that hold together with the pin: store `pin` and `lists`, drop the sessions with `removed`. */
export interface Accepted {
  readonly pin: Pin;
  readonly lists: readonly DeviceList[]; // all that were given, oldest first: kept to look a named list up
  readonly removed: readonly DeviceId[]; // gone from the list, or under other keys than before
  readonly added: readonly DeviceId[]; // new on the list, or under other keys than before
}

/** Sign this device's agreement to be listed under `own.accountKey` (label `devbind`). */
export function bindDevice(own: OwnDevice): Uint8Array {
  return own.signing.sign("devbind", bindPayload(own.accountKey, own.account, own.device, own.identity.public));
}

/** Check a device's agreement to be listed under an account key. Throws BadSignature. */
export function checkBind(accountKey: Uint8Array, account: AccountId, one: ListedDevice): void {
  verify(one.signingKey, "devbind", bindPayload(accountKey, account, one.device, one.identityKey), one.bind);
}

/** This device's own entry for a list, bound. */
export function listed(own: OwnDevice, { added }: { readonly added: number }): ListedDevice {
  return {
    device: own.device,
    signingKey: own.signing.public,
    identityKey: own.identity.public,
    added,
    bind: bindDevice(own),
  };
}

/**
 * Make the next list: seq 1 when there is no previous list under this AK, else the previous seq + 1.
 *
 * A new AK starts a new chain: pass `previous: null`. Throws Malformed, ListRefused (a bad `bind`).
 */
export function signList(
  accountKey: SigningKey,
  account: AccountId,
  devices: Iterable<ListedDevice>,
  { previous, now }: { readonly previous: DeviceList | null; readonly now: number },
): DeviceList {
  const ordered = [...devices].sort((first, second) => compare(first.device, second.device));
  const payload = cbor.encode([
    "devlist",
    account,
    accountKey.public,
    previous === null ? 1 : previous.seq + 1,
    previous === null ? NO_PREVIOUS : previous.hash,
    now,
    ordered.map((one) => [one.device, one.signingKey, one.identityKey, one.added, 0, one.bind]),
  ]);
  // Opened at once: what others would refuse never leaves.
  return openList(cbor.encode([payload, accountKey.sign("devlist", payload)]));
}

/** Check form, signature and binds of one list. Throws Malformed, ListRefused. */
export function openList(signed: Uint8Array): DeviceList {
  const [payloadValue, signatureValue] = form.array(cbor.decode(signed), 2);
  const payload = form.anyOctets(payloadValue);
  const signature = form.octets(signatureValue, SIGNATURE_SIZE);
  const [kind, account, accountKey, seq, previous, time, entries] = form.array(cbor.decode(payload), 7);
  if (kind !== "devlist") throw new Malformed("not a device list");
  const rows = form.array(entries);
  if (rows.length > MAX_DEVICES) throw new Malformed("too many devices");
  const result = new DeviceList({
    account: form.identifier(account),
    accountKey: form.octets(accountKey, KEY_SIZE),
    seq: form.unsigned(seq, 1),
    previous: form.octets(previous, HASH_SIZE),
    time: form.unsigned(time),
    devices: rows.map(entry),
    hash: sha256(payload),
    signed,
  });
  for (const [first, second] of pairwise(result.devices)) {
    if (compare(first.device, second.device) >= 0) throw new Malformed("devices out of order");
  }
  checkSignatures(result, payload, signature);
  if ((result.seq === 1) !== equal(result.previous, NO_PREVIOUS)) throw new ListRefused("the chain starts wrongly");
  return result;
}

/**
 * Hold lists that the server gave (oldest first, no gap) against the pin; `pin` is null at first contact.
 *
 * With a pin, the lists must reach it: include it, or start right after it; older ones may precede it.
 * Throws Malformed; ListRefused for a lower seq, a fork, a gap or a bad signature (a gap: fetch what is
 * missing and call again; else report it); IdentityChanged for a well-made chain under another AK: stop
 * sending, ask the person, then `acknowledgeIdentity`. An error changes nothing.
 */
export function acceptLists(account: AccountId, pin: Pin | null, objects: readonly Uint8Array[]): Accepted {
  const { lists, first, newest } = openChain(account, objects);
  if (pin === null) return { pin: new Pin(newest), lists, removed: [], added: ids(newest.devices) };
  const pinned = pin.newest;
  if (!equal(newest.accountKey, pinned.accountKey)) throw new IdentityChanged();
  if (newest.seq < pinned.seq) throw new ListRefused("rolled back");
  if (first.seq > pinned.seq) {
    if (first.seq !== pinned.seq + 1 || !equal(first.previous, pinned.hash)) throw new ListRefused("gap or fork");
  } else {
    const again = lists[pinned.seq - first.seq];
    if (again === undefined || !equal(again.hash, pinned.hash)) throw new ListRefused("fork");
  }
  return {
    pin: new Pin(newest),
    lists,
    removed: ids(without(pinned.devices, newest.devices)),
    added: ids(without(newest.devices, pinned.devices)),
  };
}

/**
 * Pin the new AK that the person has acknowledged; all sessions with the old one are `removed`.
 *
 * Throws Malformed, ListRefused, and IdentityChanged when the lists show yet another AK.
 */
export function acknowledgeIdentity(pin: Pin, accountKey: Uint8Array, objects: readonly Uint8Array[]): Accepted {
  const { lists, newest } = openChain(pin.account, objects);
  if (!equal(newest.accountKey, accountKey)) throw new IdentityChanged();
  return { pin: new Pin(newest), lists, removed: ids(pin.newest.devices), added: ids(newest.devices) };
}

interface Chain {
  readonly lists: readonly DeviceList[];
  readonly first: DeviceList;
  readonly newest: DeviceList;
}

function openChain(account: AccountId, objects: readonly Uint8Array[]): Chain {
  const lists = objects.map(openList);
  const first = lists[0];
  const newest = lists.at(-1);
  if (first === undefined || newest === undefined) throw new ListRefused("no list");
  if (lists.some((one) => !equal(one.account, account))) throw new ListRefused("another account");
  for (const [older, newer] of pairwise(lists)) {
    const follows =
      equal(newer.accountKey, older.accountKey) && newer.seq === older.seq + 1 && equal(newer.previous, older.hash);
    if (!follows) throw new ListRefused("broken chain");
  }
  return { lists, first, newest };
}

function entry(row: cbor.Value): ListedDevice {
  const [device, signingKey, identityKey, added, caps, bind] = form.array(row, 6);
  form.unsigned(caps, 0, 0);
  return {
    device: form.identifier(device),
    signingKey: form.octets(signingKey, KEY_SIZE),
    identityKey: form.octets(identityKey, KEY_SIZE),
    added: form.unsigned(added),
    bind: form.octets(bind, SIGNATURE_SIZE),
  };
}

function checkSignatures(result: DeviceList, payload: Uint8Array, signature: Uint8Array): void {
  try {
    verify(result.accountKey, "devlist", payload, signature);
    for (const one of result.devices) checkBind(result.accountKey, result.account, one);
  } catch (error) {
    if (error instanceof BadSignature) throw new ListRefused("signature", { cause: error });
    throw error;
  }
}

function bindPayload(accountKey: Uint8Array, account: AccountId, device: DeviceId, identityKey: Uint8Array) {
  return cbor.encode([accountKey, account, device, identityKey]);
}

function ids(devices: readonly ListedDevice[]): readonly DeviceId[] {
  return devices.map((one) => one.device);
}

// The devices that are not among the others under the same keys.
function without(devices: readonly ListedDevice[], others: readonly ListedDevice[]): readonly ListedDevice[] {
  const name = (one: ListedDevice) => hex(one.device) + hex(one.signingKey) + hex(one.identityKey);
  const names = new Set(others.map(name));
  return devices.filter((one) => !names.has(name(one)));
}

function pairwise<Item>(items: readonly Item[]): readonly (readonly [Item, Item])[] {
  return items.slice(1).map((item, index) => [items[index] as Item, item]);
}
