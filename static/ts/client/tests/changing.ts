// What a server can do to the device lists of somebody, truly or as a lie.

import { decodeBase64url, encodeBase64url } from "../../lib/base64url";
import * as cbor from "../../protocol/cbor";
import { listed, Pin, signList, type DeviceList } from "../../protocol/device_list";
import { SYSTEM } from "../../protocol/entropy";
import { generateAccountKey, OwnDevice } from "../../protocol/keys";
import { SigningKey } from "../../protocol/primitives";
import * as peers from "../../store/peers";
import type { Me } from "../../store/records";
import * as settings from "../../store/settings";
import { ownDevice } from "../context";
import type { Party } from "./parties";
import { problem, type Answer, type Json } from "./relay";

const ADDED = new Uint8Array(16).fill(0xff);
export const ADDED_ID = "ffffffff-ffff-ffff-ffff-ffffffffffff";

/** Sign another device onto somebody's list, as a linked one would be. It has no prekeys. */
export function addDevice(party: Party): void {
  const me = meOf(party);
  const pin = party.read((tx) => peers.pinOf(peers.byAccount(tx, me.account)));
  if (pin === null || me.accountKeySeed === null) throw new Error("not set up");
  const accountKey = SigningKey.fromSeed(me.accountKeySeed);
  const added = OwnDevice.generate(me.account, ADDED, accountKey.public);
  const devices = [...pin.newest.devices, listed(added, { added: 1 })];
  publish(party, signList(accountKey, me.account, devices, { previous: pin.newest, now: 2 }));
}

export function publish(party: Party, list: DeviceList, { anew = false } = {}): void {
  const [payload, signature] = cbor.decode(list.signed) as [Uint8Array, Uint8Array];
  const lists = party.relay.lists.of(party.account);
  if (anew) lists.length = 0;
  lists.push({ payload: encodeBase64url(payload), signature: encodeBase64url(signature) });
}

/** A server that has noticed: `devices_changed` with the newest list. */
export function changed({ relay, account }: Party): Answer {
  const lists = relay.lists.of(account).slice(-1);
  return problem(409, "devices_changed", "", { accounts: [{ account, lists, suspended: relay.suspended.of(account) }] });
}

/** Have the server show somebody under another account key, as it could make one up. */
export function showAnotherIdentity(party: Party): { accountKey: SigningKey; list: DeviceList } {
  const me = meOf(party);
  const accountKey = generateAccountKey(SYSTEM);
  const own = ownDevice({ ...me, accountKey: accountKey.public });
  const list = signList(accountKey, me.account, [listed(own, { added: 1 })], { previous: null, now: 2 });
  publish(party, list, { anew: true });
  return { accountKey, list };
}

/** The same with keys of its own for the device as well: whoever holds them is somebody else. */
export function showAnImpostor(party: Party): void {
  const { account, device } = meOf(party);
  if (device === null) throw new Error("not set up");
  const accountKey = generateAccountKey(SYSTEM);
  const impostor = OwnDevice.generate(account, device, accountKey.public);
  publish(party, signList(accountKey, account, [listed(impostor, { added: 1 })], { previous: null, now: 2 }), { anew: true });
}

/** Give somebody another account key, as after an identity reset: their own browser goes on under it. */
export function newIdentity(party: Party): void {
  const { accountKey, list } = showAnotherIdentity(party);
  const me = meOf(party);
  party.read((tx) => {
    settings.saveMe(tx, { ...me, accountKey: accountKey.public, accountKeySeed: accountKey.seed });
    peers.change(tx, list.account, { pin: new Pin(list).toBytes() });
    peers.saveList(tx, list);
    tx.run("DELETE FROM session");
  });
}

/** The last list with one bit of its payload flipped. */
export function forged(list: Json): Json {
  const payload = String(list.payload);
  const last = payload.at(-5) === "A" ? "B" : "A";
  return { ...list, payload: payload.slice(0, -5) + last + payload.slice(-4) };
}

/** A message with one bit of its ciphertext flipped: it does not decrypt. */
export function spoiled(body: string): string {
  const fields = cbor.decode(decodeBase64url(body) ?? new Uint8Array(0)) as Uint8Array[];
  const sealed = fields[3]?.slice() ?? new Uint8Array(1);
  sealed[sealed.length - 1] = (sealed.at(-1) ?? 0) ^ 1;
  return encodeBase64url(cbor.encode([...fields.slice(0, 3), sealed, ...fields.slice(4)]));
}

function meOf(party: Party): Me {
  const me = party.read((tx) => settings.me(tx));
  if (me === null) throw new Error("not set up");
  return me;
}
