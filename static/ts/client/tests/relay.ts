// A server of the contract (docs/api.md, docs/events.md) in memory, for the client's tests.
//
// It believes everything, so that a test can make it lie; what a real server refuses is tested with the real one.
// `refusals` maps "METHOD path" (or "FRAME type") to answers to the next such requests, in place of any work;
// `faults` to functions that get the answer after the work was done and return another, or null to lose it.

import { decodeBase64url, encodeBase64url } from "../../lib/base64url";
import { fromUuid, uuid } from "../../lib/uuid";
import * as cbor from "../../protocol/cbor";
import { privateConversation } from "../../protocol/content";
import { Browser, type Socket } from "./relay_browser";
import { RelayGroups } from "./relay_groups";
import { RelayOpen } from "./relay_open";

export type Json = Record<string, unknown>;
export type Answer = readonly [status: number, body: Json];
export type Fault = (answer: Answer) => Answer | null;
export type Who = readonly [account: string, device: string | null];
type Bodies = Record<string, Json[]>;

export interface Row extends Json {
  envelope: number;
  message_id: string;
  sender: { account: string; device: string };
  body: string | null;
  expired: boolean;
  accepted_at: number;
}

interface Prekeys {
  one_time: Json[];
  one_time_kem: Json[];
  signed_prekey?: Json;
  last_resort?: Json;
}

export function problem(status: number, code: string, detail = "", more: Json = {}): Answer {
  return [status, { type: "about:blank", title: code, status, code, detail, ...more }];
}

/** A map that makes what is missing. */
class Made<T> extends Map<string, T> {
  readonly #make: () => T;

  constructor(make: () => T) {
    super();
    this.#make = make;
  }

  of(key: string): T {
    const known = this.get(key);
    if (known !== undefined) return known;
    const made = this.#make();
    this.set(key, made);
    return made;
  }
}

export class Relay {
  readonly origin = "https://chat.example";
  readonly requests: { readonly method: string; readonly path: string; readonly body: Json }[] = [];
  readonly faults = new Made<Fault[]>(() => []);
  readonly refusals = new Made<Answer[]>(() => []); // given before anything is done
  readonly accounts = new Map<string, string>(); // by username: id
  readonly devices = new Map<string, { account: string; key: unknown; name: string }>();
  readonly tokens = new Map<string, Who>(); // access
  readonly refreshes = new Map<string, Who>();
  readonly lists = new Made<Json[]>(() => []); // by account
  readonly suspended = new Made<string[]>(() => []);
  readonly prekeys = new Made<Prekeys>(() => ({ one_time: [], one_time_kem: [] })); // by device
  readonly queue = new Made<Row[]>(() => []); // by device
  readonly answers = new Map<string, Json>(); // by message id
  readonly statuses = new Map<string, Json>(); // by message id and device
  readonly chats = new Map<string, string>(); // by message id
  readonly acks: { envelopes: number[]; unreadable: Json[] }[] = [];
  readonly contacts = new Made<Map<string, string>>(() => new Map());
  readonly sockets = new Map<string, Socket>(); // by device
  readonly links = new Map<string, { offer: string; answer: string | null }>(); // by device
  readonly groups = new RelayGroups(this);
  readonly open = new RelayOpen(this);
  /** Refuse a send that leaves a device out, and a list that does not follow the newest. */
  strict = false;
  /** What `hello` says of a frame. */
  limits: Json = {};
  expiresIn = 900;
  /** Entries in one answer of a list. */
  page = 500;
  /** Nobody reaches it. */
  away = false;
  /** Sockets take as long as this to open. */
  opening: Promise<void> = Promise.resolve();
  /** How many sockets have spoken for a device. */
  greeted = 0;
  #envelopes = 0;
  #ids = 0;

  /** What a browser has, whose session is somebody's: `fetch` and sockets. */
  browser(username: string): Browser {
    if (!this.accounts.has(username)) this.accounts.set(username, this.id());
    return new Browser(this, username);
  }

  id(): string {
    this.#ids += 1;
    return `01990000-0000-7000-8000-${this.#ids.toString(16).padStart(12, "0")}`;
  }

  times(method: string, path: string): number {
    return this.requests.filter((one) => one.method === method && one.path === path).length;
  }

  bodies(path: string): Json[] {
    return this.requests.filter((one) => one.path === path).map((one) => one.body);
  }

  accountOf(username: string): string {
    return this.accounts.get(username) ?? "";
  }

  deviceOf(username: string): string {
    const account = this.accountOf(username);
    return [...this.devices].find(([, device]) => device.account === account)?.[0] ?? "";
  }

  waiting(username: string): Row[] {
    return this.queue.of(this.deviceOf(username));
  }

  /** Send a frame on somebody's socket. */
  push(username: string, frame: Json): void {
    this.sockets.get(this.deviceOf(username))?.deliver(frame);
  }

  /** Close somebody's socket from here. */
  drop(username: string, code = 1006): void {
    this.sockets.get(this.deviceOf(username))?.end(code);
  }

  deliver(device: string, sender: Who, messageId: string, body: string, { request = false, control = false, chat = null as string | null, group = null as string | null } = {}): Row {
    this.#envelopes += 1;
    const row: Row = {
      envelope: this.#envelopes,
      kind: control ? "control" : group === null ? "message" : "group",
      message_id: messageId,
      sender: { account: sender[0], device: sender[1] ?? "" },
      ...(group === null ? { chat } : { group }),
      accepted_at: Date.now(),
      request,
      expired: false,
      body,
      stamp: control ? null : encodeBase64url(new Uint8Array(32)),
      stamp_key: control ? null : "1",
    };
    if (chat !== null) this.chats.set(messageId, chat);
    this.queue.of(device).push(row);
    this.sockets.get(device)?.deliver({ type: "envelope", ...row });
    return row;
  }

  // What browsers call

  answer(session: string | null, method: string, path: string, query: string, body: Json, token: string): Answer | null {
    this.requests.push({ method, path, body });
    const call = `${method} ${path}`;
    const refusal = this.refusals.of(call).shift();
    const answer = refusal ?? this.#answer(session, call, query, body, this.tokens.get(token) ?? null);
    const fault = this.faults.of(call).shift();
    return fault === undefined ? answer : fault(answer);
  }

  /** The answer to a frame of a socket; null: none, or it is lost. */
  frame(frame: Json, who: Who): Json | null {
    const { type, id = null, ...body } = frame;
    this.requests.push({ method: "FRAME", path: String(type), body: { ...frame, by: who[0] } });
    const call = `FRAME ${String(type)}`;
    const refusal = this.refusals.of(call).shift();
    const answer = refusal ?? this.#frame(String(type), body, who);
    const fault = this.faults.of(call).shift();
    const given = fault === undefined ? answer : fault(answer);
    const isMessage = type === "message.send" || type === "group.send";
    if (given === null || (id === null && !isMessage)) return null;
    const [status, value] = given;
    if (status >= 400) return { ...value, type: "rejected", id };
    if (type === "open.send") return { type: "open.accepted", id, ...value };
    return isMessage ? { type: "message.accepted", id, ...value } : { type: "done", id };
  }

  deviceBy(token: unknown): readonly [account: string, device: string] | null {
    const who = this.tokens.get(String(token));
    return who === undefined || who[1] === null ? null : [who[0], who[1]];
  }

  #frame(type: string, body: Json, who: Who): Answer {
    if (type === "message.send") return this.#send(body, who);
    if (type === "group.send") return this.groups.send(body, who);
    if (type === "open.send") return this.open.send(body, who);
    if (type === "open.read") return this.open.read(body, who);
    if (type === "device.send") return this.#sendControl(body, who);
    if (type === "ack") this.#ack(body, who);
    if (type === "message.read") this.#tell("message.read", body.messages as string[], who);
    return [200, {}];
  }

  #answer(session: string | null, call: string, query: string, body: Json, who: Who | null): Answer {
    switch (call) {
      case "POST auth/token/session":
        return session === null ? problem(401, "not_signed_in") : [200, this.issue(session, null)];
      case "POST auth/token/refresh": {
        const found = this.refreshes.get(String(body.refresh));
        this.refreshes.delete(String(body.refresh));
        return found === undefined ? problem(401, "session_ended") : [200, this.issue(this.#name(found[0]), found[1])];
      }
      case "POST auth/device/challenge":
        return [200, { nonce: encodeBase64url(crypto.getRandomValues(new Uint8Array(32))), expires_in: 60 }];
      case "POST auth/device/token": {
        const device = String(body.device);
        if (this.#isSuspended(device)) return problem(404, "not_found");
        return [200, this.issue(this.#name(this.devices.get(device)?.account ?? ""), device)];
      }
    }
    if (who === null) return problem(401, "not_signed_in");
    if (call === "POST devices") {
      const known = [...this.devices].find(([, device]) => device.key === body.signing_key)?.[0];
      const id = known ?? this.id();
      this.devices.set(id, { account: who[0], key: body.signing_key, name: String(body.name) });
      return [201, { id }];
    }
    const [account, device] = who;
    return device === null ? problem(403, "wrong_token") : this.#signedIn(call, query, body, account, device);
  }

  #signedIn(call: string, query: string, body: Json, account: string, device: string): Answer {
    switch (call) {
      case "PUT keys/device-list":
        return this.#publish(body, account);
      case "GET devices":
        return this.paged("devices", [...this.devices].filter(([, one]) => one.account === account).map(([id]) => this.#device(id)), query);
      case "GET chats":
        return this.paged("chats", [...this.accounts].map(([name, id]) => ({ id: chatOf(account, id), account: person(id, name) })), query);
      case "GET keys/directory":
        return [200, { accounts: query.split("&").map((part) => this.#directory(part.replace("account=", ""))) }];
      case "POST keys/prekeys": {
        const kept = this.prekeys.of(device);
        const published = body as Partial<Bodies>;
        kept.one_time.push(...(published.one_time ?? []));
        kept.one_time_kem.push(...(published.one_time_kem ?? []));
        if (body.signed_prekey !== undefined) kept.signed_prekey = body.signed_prekey as Json;
        if (body.last_resort !== undefined) kept.last_resort = body.last_resort as Json;
        return [200, this.#counts(kept)];
      }
      case "GET keys/prekeys":
        return [200, this.#counts(this.prekeys.of(device))];
      case "POST keys/claim":
        return [200, this.#claim(body.devices as { account: string; device: string }[])];
      case "POST messages/statuses":
        return [200, { statuses: (body.messages as string[]).flatMap((message) => this.#statuses(message, account, "chat" in body)) }];
      case "GET contacts":
        return this.paged("contacts", [...this.contacts.of(account)].map(([other, state]) => this.#contact(other, state)), query);
      case "GET accounts":
        return [200, { accounts: this.#search(decodeURIComponent(query.replace("prefix=", "")), account) }];
    }
    const ofGroup = this.groups.answer(call, query, body, account, device);
    if (ofGroup !== null) return ofGroup;
    const ofOpen = this.open.answer(call, query, body, [account, device]);
    if (ofOpen !== null) return ofOpen;
    const [, ended] = /^POST devices\/([^/]+)\/suspend$/.exec(call) ?? [];
    if (ended !== undefined) return this.#suspend(ended, account);
    const [, link, part] = /^\w+ keys\/links\/([^/]+)\/?(\w*)$/.exec(call) ?? [];
    if (link !== undefined) return this.#link(link, part ?? "", body);
    const [, kind, other = "", verb = ""] = /^\w+ (contacts|accounts)\/([^/]+)\/?(\w*)$/.exec(call) ?? [];
    if (kind === "contacts") {
      const known = this.contacts.of(account);
      known.set(other, verb === "block" ? "blocked" : "accepted");
      this.#tellOthers({ type: "contact.changed", account: other, state: known.get(other) }, account, device);
      return [200, this.#contact(other, known.get(other) ?? "")];
    }
    if (kind === "accounts") {
      for (const [name, id] of this.accounts) if (other === name || other === id) return [200, person(id, name)];
    }
    return problem(404, "not_found");
  }

  /** A page of a list. Its cursor is how many entries were shown, which no client is to know. */
  paged(name: string, entries: readonly Json[], query: string): Answer {
    const first = Number(new URLSearchParams(query).get("cursor") ?? 0);
    const end = first + this.page;
    return [200, { [name]: entries.slice(first, end), next: end < entries.length ? String(end) : null }];
  }

  issue(username: string, device: string | null): Json {
    const account = this.accountOf(username);
    const access = this.id();
    const refresh = this.id();
    this.tokens.set(access, [account, device]);
    this.refreshes.set(refresh, [account, device]);
    return { access, refresh, expires_in: this.expiresIn, account: { id: account, username }, device };
  }

  #counts(kept: Prekeys): Json {
    return {
      one_time: kept.one_time.length,
      one_time_kem: kept.one_time_kem.length,
      signed_prekey: kept.signed_prekey === undefined ? null : 1,
      last_resort: kept.last_resort === undefined ? null : 1,
    };
  }

  #directory(asked: string): Json {
    const [account = "", since, key] = asked.split(":");
    const lists = this.lists.of(account);
    const newest = lists.at(-1);
    const isOther = key !== undefined && newest !== undefined && keyOf(newest) !== key;
    // The lists are one chain from 1 up, or whatever a test has put there.
    const shown = since === undefined ? lists.slice(-1) : lists.slice(isOther ? 0 : Number(since));
    const devices = devicesOf(newest).map((device) => ({
      device,
      signed_prekey: this.prekeys.of(device).signed_prekey ?? null,
      last_resort: null,
    }));
    return { account, lists: shown, suspended: this.suspended.of(account), devices };
  }

  #publish({ replaces, ...list }: Json, account: string): Answer {
    const lists = this.lists.of(account);
    if (replaces !== undefined) this.groups.ended.push(...lists.splice(0).map((one) => ({ account, ...one })));
    if (!lists.some((one) => one.payload === list.payload)) {
      if (this.strict && seqOf(list) !== lists.length + 1) return problem(409, "list_conflict");
      lists.push(list);
      for (const device of devicesOf(list)) this.links.delete(device);
      this.tellOfDevices(account);
    }
    return [200, { seq: lists.length, hash: "" }];
  }

  /** To the account itself, and to all who accepted it. */
  tellOfDevices(account: string): void {
    for (const socket of this.sockets.values()) {
      const who = socket.who?.[0] ?? "";
      if (who !== account && this.contacts.of(who).get(account) !== "accepted") continue;
      socket.deliver({ type: "devices.changed", account });
    }
  }

  #suspend(device: string, account: string): Answer {
    if (this.devices.get(device)?.account !== account) return problem(404, "not_found");
    this.suspended.of(account).push(device);
    for (const tokens of [this.tokens, this.refreshes]) {
      for (const [token, who] of tokens) if (who[1] === device) tokens.delete(token);
    }
    this.sockets.get(device)?.end(4403);
    this.tellOfDevices(account);
    return [204, {}];
  }

  #link(device: string, part: string, body: Json): Answer {
    const slot = this.links.get(device);
    if (part === "offer") {
      if (slot?.offer !== body.offer) this.links.set(device, { offer: String(body.offer), answer: null });
      return [204, {}];
    }
    if (slot === undefined) return problem(404, "not_found");
    if (part === "answer") slot.answer = String(body.answer);
    return part === "answer" ? [204, {}] : [200, { ...slot, expires_at: Date.now() + 600_000 }];
  }

  #device(id: string): Json {
    const { account = "", name = "" } = this.devices.get(id) ?? {};
    const listed = devicesOf(this.lists.of(account).at(-1)).includes(id);
    return { id, name, platform: "browser", created_at: 1, last_seen_at: 2, suspended: this.#isSuspended(id), listed };
  }

  #isSuspended(device: string): boolean {
    return this.suspended.of(this.devices.get(device)?.account ?? "").includes(device);
  }

  #tellOthers(frame: Json, account: string, device: string | null): void {
    for (const [other, socket] of this.sockets) {
      if (socket.who?.[0] === account && other !== device) socket.deliver(frame);
    }
  }

  #claim(devices: readonly { account: string; device: string }[]): Json {
    const bundles: Json[] = [];
    const skipped: Json[] = [];
    for (const one of devices) {
      const kept = this.prekeys.of(one.device);
      if (kept.signed_prekey === undefined) {
        skipped.push({ ...one, reason: "no_prekeys" });
        continue;
      }
      const kem = kept.one_time_kem.shift();
      bundles.push({
        ...one,
        signed_prekey: kept.signed_prekey,
        one_time: kept.one_time.shift() ?? null,
        kem: kem === undefined ? { label: "klr", ...kept.last_resort } : { label: "okpk", ...kem },
      });
    }
    return { bundles, skipped };
  }

  #send(body: Json, who: Who): Answer {
    const messageId = String(body.message_id);
    const before = this.answers.get(messageId);
    if (before !== undefined) return [201, before];
    const to = String(body.to);
    const envelopes = body.envelopes as { device: string; body: string }[];
    const changed = this.strict ? this.#changed(to, envelopes, body.skipped as string[], who) : null;
    if (changed !== null) return changed;
    const known = this.contacts.of(to);
    if (!known.has(who[0])) known.set(who[0], "requested");
    if (this.contacts.of(who[0]).get(to) !== "accepted") {
      this.contacts.of(who[0]).set(to, "accepted"); // writing accepts
      this.#tellOthers({ type: "contact.changed", account: to, state: "accepted" }, ...who);
    }
    const request = known.get(who[0]) === "requested";
    for (const one of envelopes) {
      const isCopy = this.devices.get(one.device)?.account === who[0];
      this.deliver(one.device, who, messageId, one.body, { request: request && !isCopy, chat: chatOf(who[0], to) });
    }
    const answer = { message_id: messageId, accepted_at: Date.now(), skipped: [] };
    this.answers.set(messageId, answer);
    return [201, answer];
  }

  /** Each active device has to be named, and no other. */
  #changed(to: string, envelopes: { device: string }[], skipped: string[], [account, device]: Who): Answer | null {
    const wanted = [to, account].flatMap((one) => devicesOf(this.lists.of(one).at(-1)));
    const active = wanted.filter((one) => one !== device && !this.#isSuspended(one)).sort();
    const named = [...envelopes.map((one) => one.device), ...skipped].sort();
    if (named.join() === active.join()) return null;
    return this.devicesChanged([to, account]);
  }

  devicesChanged(changed: readonly string[]): Answer {
    const accounts = changed.map((one) => ({
      account: one,
      lists: this.lists.of(one).slice(-1),
      suspended: this.suspended.of(one),
    }));
    return problem(409, "devices_changed", "", { accounts });
  }

  /** Delivered as it comes, and again as often as it comes. */
  #sendControl(body: Json, who: Who): Answer {
    const envelopes = body.envelopes as { account: string; device: string; body: string }[];
    if (envelopes.some((one) => this.contacts.of(who[0]).get(one.account) === "blocked")) return problem(403, "contact_blocked");
    const gone = envelopes.filter((one) => !this.activeOf(one.account).includes(one.device)).map((one) => one.account);
    if (this.strict && gone.length > 0) return this.devicesChanged([...new Set(gone)]);
    for (const one of envelopes) {
      if (this.contacts.of(one.account).get(who[0]) === "blocked") continue;
      this.deliver(one.device, who, String(body.message_id), one.body, { control: true });
    }
    return [200, {}];
  }

  #ack(body: Json, who: Who): void {
    const ack = body as { envelopes: number[]; unreadable: { envelope: number }[] };
    this.acks.push(ack);
    const gone = new Set([...ack.envelopes, ...ack.unreadable.map((one) => one.envelope)]);
    const rows = this.queue.of(who[1] ?? "");
    const taken = rows.filter((row) => gone.has(row.envelope));
    this.queue.set(who[1] ?? "", rows.filter((row) => !gone.has(row.envelope)));
    this.#tell("message.delivered", taken.map((row) => row.message_id), who);
  }

  /** Tell the senders what became of their messages: of those whom the recipient has accepted. */
  #tell(type: string, messages: readonly string[], who: Who): void {
    const status = type.replace("message.", "");
    const [account, device] = who;
    for (const message of messages) {
      this.statuses.set(`${message} ${device ?? ""}`, { message, account, device, status, at: Date.now() });
    }
    for (const socket of this.sockets.values()) {
      const sender = socket.who?.[0] ?? "";
      const isOwn = sender === who[0] && type === "message.read" && socket.who?.[1] !== device;
      const place = this.groups.places.get(messages[0] ?? "");
      if (place !== undefined && sender !== who[0]) {
        const by = type === "message.delivered" ? { devices: [{ account, device }] } : { account, device };
        socket.deliver({ type, group: place, messages, ...by, at: Date.now() });
        continue;
      }
      if (isOwn && messages.length > 0) socket.deliver({ type, chat: this.chats.get(messages[0] ?? ""), messages, account, device, at: Date.now() });
      if (sender === who[0] || this.contacts.of(who[0]).get(sender) !== "accepted" || messages.length === 0) continue;
      socket.deliver({ type, chat: "", messages, account: who[0], device: who[1], at: Date.now() });
    }
  }

  #statuses(message: string, sender: string, own: boolean): Json[] {
    const mayKnow = (one: Json): boolean =>
      (own && one.account === sender && one.status === "read") || this.contacts.of(String(one.account)).get(sender) === "accepted";
    return [...this.statuses.values()].filter((one) => one.message === message && mayKnow(one));
  }

  #search(prefix: string, except: string): Json[] {
    return [...this.accounts].filter(([name, id]) => name.startsWith(prefix) && id !== except).map(([name, id]) => person(id, name));
  }

  #contact(account: string, state: string): Json {
    return { account: person(account, this.#name(account)), state, changed_at: 0 };
  }

  nameOf(account: string): string {
    return this.#name(account);
  }

  /** The devices of an account that are listed and not suspended. */
  activeOf(account: string): string[] {
    return devicesOf(this.lists.of(account).at(-1)).filter((one) => !this.#isSuspended(one));
  }

  #name(account: string): string {
    return [...this.accounts].find(([, id]) => id === account)?.[0] ?? "";
  }
}

/** What a device list says: its account key, its number, its devices. */
function read(list: Json | undefined): unknown[] {
  if (typeof list?.payload !== "string") return [];
  const payload = decodeBase64url(list.payload) ?? new Uint8Array(0);
  try {
    return cbor.decode(payload) as unknown[];
  } catch {
    return []; // of a test that lies
  }
}

function keyOf(list: Json): string {
  const key = read(list)[2];
  return key instanceof Uint8Array ? encodeBase64url(key) : "";
}

function seqOf(list: Json): number {
  return Number(read(list)[3]);
}

function devicesOf(list: Json | undefined): string[] {
  const devices = read(list)[6];
  return Array.isArray(devices) ? devices.map((one: Uint8Array[]) => uuid(one[0] ?? new Uint8Array(16))) : [];
}

function chatOf(account: string, other: string): string {
  const none = new Uint8Array(16);
  return uuid(privateConversation(fromUuid(account) ?? none, fromUuid(other) ?? none));
}

function person(id: string, username: string): Json {
  return { id, username, display_name: "" };
}
