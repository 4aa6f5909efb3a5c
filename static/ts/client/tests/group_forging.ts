// Operations that a server shows and nobody's client has published, with the keys that whoever helps it has.

import { decodeBase64url, encodeBase64url } from "../../lib/base64url";
import { fromUuid, uuid } from "../../lib/uuid";
import * as cbor from "../../protocol/cbor";
import { listed, signList, type DeviceList } from "../../protocol/device_list";
import { SYSTEM } from "../../protocol/entropy";
import type { Args } from "../../protocol/group_args";
import { NO_PREVIOUS, openOperation, signOperation } from "../../protocol/group_operation";
import { generateAccountKey, OwnDevice } from "../../protocol/keys";
import { SigningKey } from "../../protocol/primitives";
import * as peers from "../../store/peers";
import * as settings from "../../store/settings";
import { ownDevice } from "../context";
import type { Party } from "./parties";
import type { Json, Relay } from "./relay";

const THIEF = new Uint8Array(16).fill(0xff);

/** Whoever has these signs as a device of an account. */
export interface Keys {
  readonly own: OwnDevice;
  readonly list: DeviceList;
}

/** The keys that somebody's browser has now. */
export function keysOf(party: Party): Keys {
  return party.read((tx) => {
    const me = settings.me(tx);
    const pin = me === null ? null : peers.pinOf(peers.byAccount(tx, me.account));
    if (me === null || pin === null) throw new Error("not set up");
    return { own: ownDevice(me), list: pin.newest };
  });
}

/** Keys of an identity of somebody's that never was. */
export function madeUp({ own }: Keys): Keys {
  const accountKey = generateAccountKey(SYSTEM);
  const forger = OwnDevice.generate(own.account, own.device, accountKey.public, SYSTEM);
  return { own: forger, list: signList(accountKey, own.account, [listed(forger, { added: 1 })], { previous: null, now: 2 }) };
}

/** Keys that somebody has who has stolen somebody's account key: another device on a list of its own making. */
export function stolen(party: Party): Keys {
  const { own, list } = keysOf(party);
  const seed = party.read((tx) => settings.me(tx))?.accountKeySeed ?? null;
  if (seed === null) throw new Error("no account key");
  const thief = OwnDevice.generate(own.account, THIEF, own.accountKey, SYSTEM);
  const devices = [...list.devices, listed(thief, { added: 1 })];
  return { own: thief, list: signList(SigningKey.fromSeed(seed), own.account, devices, { previous: list, now: 2 }) };
}

/** Have the server show a list beside the operations. */
export function show({ groups }: Relay, list: DeviceList): void {
  groups.ended.push({ account: uuid(list.account), ...object(list.signed) });
}

/** Put one more operation at the end of what the server shows of a group. */
export function slip({ groups }: Relay, id: string, { own, list }: Keys, args: Args): void {
  const chain = groups.chains.get(id) ?? [];
  const last = chain.at(-1);
  const before = last === undefined ? null : openOperation(cbor.encode([bytes(last.payload), bytes(last.signature)]));
  const group = fromUuid(id);
  if (group === null) throw new Error("no id");
  const { signed } = signOperation(own, {
    listHash: list.hash,
    group,
    index: before === null ? 0 : before.index + 1,
    previous: before?.hash ?? NO_PREVIOUS,
    args,
    time: before?.time ?? Date.now(),
  });
  groups.chains.set(id, [...chain, object(signed)]);
}

function object(signed: Uint8Array): { payload: string; signature: string } & Json {
  const [payload, signature] = cbor.decode(signed) as [Uint8Array, Uint8Array];
  return { payload: encodeBase64url(payload), signature: encodeBase64url(signature) };
}

function bytes(text: string): Uint8Array {
  return decodeBase64url(text) ?? new Uint8Array(0);
}
