// What the server answers, as values (docs/api.md, docs/events.md). Form is checked here, nothing is believed.
import { encodeBase64url } from "../lib/base64url";
import { Defect } from "../lib/errors";
import * as cbor from "../protocol/cbor";
import * as form from "../protocol/form";

import * as forms from "./forms";
import type { Json } from "./forms";

export interface TokenPair {
  readonly access: string;
  readonly refresh: string;
  readonly expiresIn: number; // seconds
  readonly account: Uint8Array;
  readonly username: string;
  readonly device: Uint8Array | null;
}

export interface Profile {
  readonly account: Uint8Array;
  readonly username: string;
}

export interface Directory {
  readonly account: Uint8Array;
  readonly lists: readonly Uint8Array[]; // signed objects, oldest first
  readonly suspended: readonly Uint8Array[];
  readonly ready: readonly Uint8Array[]; // devices of the newest list that have published prekeys
}

export interface PrekeyCounts {
  readonly oneTime: number;
  readonly oneTimeKem: number;
  readonly signedPrekey: number | null;
  readonly lastResort: number | null;
}

export interface Target {
  readonly account: Uint8Array;
  readonly device: Uint8Array;
}

export interface Claimed {
  readonly bundles: readonly (Target & { readonly bundle: Uint8Array })[]; // Bundle.toBytes()
  readonly skipped: readonly (Target & { readonly reason: string; readonly retryAfter: number | null })[]; // seconds
}

export interface Accepted {
  readonly acceptedAt: number;
  readonly skipped: readonly Uint8Array[];
}

export interface ContactState {
  readonly account: Uint8Array;
  readonly username: string;
  readonly state: string;
  readonly changedAt: number;
}

export interface Status {
  readonly message: Uint8Array;
  readonly account: Uint8Array;
  readonly device: Uint8Array;
  readonly status: string;
  readonly at: number;
}

/** One of one's own devices, as the server knows it. */
export interface OwnDevice {
  readonly device: Uint8Array;
  readonly name: string;
  readonly platform: string;
  readonly createdAt: number;
  readonly lastSeenAt: number; // 0: never
  readonly suspended: boolean;
  readonly listed: boolean; // on the account's newest list
}

/** Where a new device and one that manages the account meet. Both texts are sealed. */
export interface LinkSlot {
  readonly offer: Uint8Array;
  readonly answer: Uint8Array | null;
}

export interface Chat {
  readonly chat: Uint8Array;
  readonly account: Uint8Array; // the other one's
  readonly username: string;
}

/** An envelope as the server hands it over. */
export interface Waiting {
  readonly number: number;
  readonly control: boolean;
  readonly messageId: Uint8Array;
  readonly account: Uint8Array;
  readonly device: Uint8Array;
  readonly chat: Uint8Array | null;
  readonly group: Uint8Array | null; // of a group chat's message, in the chat's place
  readonly acceptedAt: number;
  readonly request: boolean;
  readonly expired: boolean;
  readonly body: Uint8Array;
  readonly stamp: Uint8Array | null;
  readonly stampKey: string;
  readonly frame: Json;
}

export function tokenPair(value: Json): TokenPair {
  const account = profile(value.account);
  return {
    access: forms.string(value.access),
    refresh: forms.string(value.refresh),
    expiresIn: forms.unsigned(value.expires_in),
    account: account.account,
    username: account.username,
    device: optional(value.device, forms.identifier),
  };
}

export function profile(value: unknown): Profile {
  const fields = forms.members(value);
  return { account: forms.identifier(fields.id), username: forms.string(fields.username) };
}

/** One account's lists; none where they make no sense, so that the other accounts' still count. */
export function directory(value: unknown): Directory {
  const fields = forms.members(value);
  const account = forms.identifier(fields.account);
  try {
    const lists = forms.items(fields.lists).map(signedObject);
    const ready = optional(fields.devices, forms.items)?.map(forms.members).filter((one) => one.signed_prekey !== null);
    return {
      account,
      lists,
      suspended: forms.items(fields.suspended).map(forms.identifier),
      ready: ready?.map((one) => forms.identifier(one.device)) ?? [],
    };
  } catch (error) {
    if (error instanceof Defect) return { account, lists: [], suspended: [], ready: [] };
    throw error;
  }
}

export function prekeyCounts(value: Json): PrekeyCounts {
  return {
    oneTime: forms.unsigned(value.one_time),
    oneTimeKem: forms.unsigned(value.one_time_kem),
    signedPrekey: optional(value.signed_prekey, forms.integer),
    lastResort: optional(value.last_resort, forms.integer),
  };
}

/** `{"payload", "signature"}` as the protocol's CBOR[payload, signature]. */
export function signedObject(value: unknown): Uint8Array {
  return cbor.dump(signedFields(value));
}

export function toSignedObject(data: Uint8Array): Json {
  const [payload, signature] = form.array(cbor.decode(data), 2);
  if (!(payload instanceof Uint8Array) || !(signature instanceof Uint8Array)) {
    throw new Defect("A signed object has the wrong form.");
  }
  return { payload: encodeBase64url(payload), signature: encodeBase64url(signature) };
}

export function claimed(value: Json): Claimed {
  const bundles = forms.items(value.bundles).map((one) => {
    const fields = forms.members(one);
    const target = targetOf(fields);
    const kem = forms.members(fields.kem);
    const bundle = cbor.dump([
      target.account,
      target.device,
      signedFields(fields.signed_prekey),
      optional(fields.one_time, signedFields),
      [forms.string(kem.label), signedFields(kem)],
    ]);
    return { ...target, bundle };
  });
  const skipped = forms.items(value.skipped).map((one) => {
    const fields = forms.members(one);
    const retryAfter = optional(fields.retry_after, forms.integer);
    return { ...targetOf(fields), reason: forms.string(fields.reason), retryAfter };
  });
  return { bundles, skipped };
}

export function accepted(value: Json): Accepted {
  const skipped = value.skipped === undefined ? [] : forms.items(value.skipped).map(forms.identifier);
  return { acceptedAt: forms.unsigned(value.accepted_at), skipped };
}

export function contact(value: unknown): ContactState {
  const fields = forms.members(value);
  const state = forms.string(fields.state);
  return { ...profile(fields.account), state, changedAt: forms.unsigned(fields.changed_at) };
}

export function ownDevice(value: unknown): OwnDevice {
  const fields = forms.members(value);
  return {
    device: forms.identifier(fields.id),
    name: forms.string(fields.name),
    platform: forms.string(fields.platform),
    createdAt: forms.unsigned(fields.created_at),
    lastSeenAt: optional(fields.last_seen_at, forms.unsigned) ?? 0,
    suspended: fields.suspended === true,
    listed: fields.listed === true,
  };
}

export function linkSlot(value: Json): LinkSlot {
  return { offer: forms.bytes(value.offer), answer: optional(value.answer, forms.bytes) };
}

export function chat(value: unknown): Chat {
  const fields = forms.members(value);
  return { chat: forms.identifier(fields.id), ...profile(fields.account) };
}

export function status(value: unknown): Status {
  const fields = forms.members(value);
  return {
    message: forms.identifier(fields.message),
    ...targetOf(fields),
    status: forms.string(fields.status),
    at: forms.unsigned(fields.at),
  };
}

/** `message.delivered`, `message.read`, `message.expired`: one status a message and device. */
export function statusesOfFrame(frame: Json, name: string): Status[] {
  const devices = frame.devices === undefined ? [frame] : forms.items(frame.devices).map(forms.members);
  const targets = devices.map(targetOf);
  const at = forms.unsigned(frame.at);
  const messages = forms.items(frame.messages).map(forms.identifier);
  return targets.flatMap((target) => messages.map((message) => ({ message, ...target, status: name, at })));
}

export function waiting(frame: Json): Waiting {
  return {
    number: forms.unsigned(frame.envelope),
    control: frame.kind === "control",
    messageId: forms.identifier(frame.message_id),
    ...targetOf(forms.members(frame.sender)),
    chat: optional(frame.chat, forms.identifier),
    group: frame.kind === "group" ? forms.identifier(frame.group) : null,
    acceptedAt: forms.unsigned(frame.accepted_at),
    request: frame.request === true,
    expired: frame.expired === true,
    body: optional(frame.body, forms.bytes) ?? new Uint8Array(0),
    stamp: optional(frame.stamp, forms.bytes),
    stampKey: optional(frame.stamp_key, forms.string) ?? "",
    frame,
  };
}

/** The envelope; its number alone where the rest makes no sense; null where not even that does. */
export function waitingOrNone(frame: Json): Waiting | number | null {
  for (const read of [waiting, (one: Json) => forms.unsigned(one.envelope)]) {
    try {
      return read(frame);
    } catch (error) {
      if (!(error instanceof Defect)) throw error;
    }
  }
  return null;
}

function targetOf(fields: Json): Target {
  return { account: forms.identifier(fields.account), device: forms.identifier(fields.device) };
}

function signedFields(value: unknown): readonly [Uint8Array, Uint8Array] {
  const fields = forms.members(value);
  return [forms.bytes(fields.payload), forms.bytes(fields.signature)];
}

function optional<T>(value: unknown, read: (value: unknown) => T): T | null {
  return value === null || value === undefined ? null : read(value);
}
