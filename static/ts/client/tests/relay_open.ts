// Open chats at the relay: who is in them, their messages, and what is told of them (docs/api.md, Open chats).

import { fromUuid, uuid } from "../../lib/uuid";
import { utf8 } from "../../lib/bytes";
import { sha256 } from "../../protocol/primitives";
import { problem, type Answer, type Json, type Relay } from "./relay";

type Who = readonly [account: string, device: string | null];

interface Member {
  role: "member" | "admin" | "owner";
  read: number;
  request: boolean;
  by: string;
}

export interface OpenRow {
  position: number;
  message_id: string;
  sender: string;
  accepted_at: number;
  edited_at: number | null;
  deleted: boolean;
  body: string;
}

export interface OpenRoom {
  id: string;
  kind: "private" | "group";
  title: string;
  creation: string;
  readonly members: Map<string, Member>;
  messages: OpenRow[];
}

export class RelayOpen {
  readonly rooms = new Map<string, OpenRoom>();
  readonly #relay: Relay;
  #position = 100;

  constructor(relay: Relay) {
    this.#relay = relay;
  }

  answer(call: string, query: string, body: Json, who: Who): Answer | null {
    const [account] = who;
    if (call === "GET open-chats") {
      return this.#relay.paged("open_chats", this.#of(account).map((one) => this.#listed(one, account)), query);
    }
    if (call === "POST open-chats") return this.#make(body, who);
    const asked = new URLSearchParams(query);
    if (call === "GET open-chats/search") return this.#search(asked, account);
    const [, verb = "", id = "", rest = ""] = /^(\w+) open-chats\/([^/]+)\/?(.*)$/.exec(call) ?? [];
    if (verb === "") return null;
    const room = this.rooms.get(id);
    const mine = room?.members.get(account);
    if (room === undefined || mine === undefined) return problem(404, "not_found");
    const [noun = "", of = ""] = rest.split("/");
    switch (`${verb} ${noun}${of === "" ? "" : "/"}`) {
      case "GET ":
        return [200, this.#details(room, account)];
      case "PATCH ":
        if (mine.role === "member") return problem(403, "not_allowed");
        room.title = String(body.title);
        this.#tellRoom(room, who);
        return [200, this.#details(room, account)];
      case "POST accept":
        mine.request = false;
        return [204, {}];
      case "POST members":
        if (mine.role === "member") return problem(403, "not_allowed");
        this.#enter(room, String(body.account), account);
        this.#tellRoom(room, who);
        return [204, {}];
      case "PATCH members/":
        return this.#setRole(room, mine, of, String(body.role) as Member["role"], who);
      case "DELETE members/":
        return this.#remove(room, mine, of, who);
      case "GET messages":
        return [200, page(room.messages, asked)];
      case "PATCH messages/":
        return this.#edit(room, Number(of), String(body.body), who);
      case "DELETE messages/":
        return this.#delete(room, mine, Number(of), who);
    }
    return problem(404, "not_found");
  }

  send(body: Json, who: Who): Answer {
    const [account] = who;
    const messageId = String(body.message_id);
    const before = [...this.rooms.values()].flatMap((one) => one.messages.map((row) => ({ one, row })));
    const known = before.find(({ row }) => row.sender === account && row.message_id === messageId);
    if (known !== undefined) return [201, taken(known.one, known.row)];
    const room = this.rooms.get(String(body.open_chat));
    const mine = room?.members.get(account);
    if (room === undefined || mine === undefined) return problem(404, "not_found");
    mine.request = false;
    return [201, taken(room, this.write(room.id, account, String(body.body), { messageId, but: who[1] }))];
  }

  /** Somebody writes something, whatever their client does. */
  write(id: string, account: string, body: string, { messageId = this.#relay.id(), but = null as string | null, tell = true } = {}): OpenRow {
    const room = this.rooms.get(id);
    if (room === undefined) throw new Error(`no open chat ${id}`);
    this.#position += 3;
    const row = { position: this.#position, message_id: messageId, sender: account, accepted_at: Date.now(), edited_at: null, deleted: false, body };
    room.messages.push(row);
    for (const [member, { request }] of room.members) {
      if (tell) this.tell(member, { type: "open.message", open_chat: id, request, ...row }, but);
    }
    return row;
  }

  read(body: Json, [account, device]: Who): Answer {
    const room = this.rooms.get(String(body.open_chat));
    const mine = room?.members.get(account);
    if (room === undefined || mine === undefined) return problem(404, "not_found");
    if (!room.messages.some((one) => one.position === body.position)) return problem(404, "not_found");
    if (mine.read >= Number(body.position)) return [200, {}];
    mine.read = Number(body.position);
    for (const one of room.members.keys()) {
      this.tell(one, { type: "open.read", open_chat: room.id, account, position: mine.read }, device);
    }
    return [200, {}];
  }

  tell(account: string, frame: Json, but: string | null = null): void {
    for (const [device, socket] of this.#relay.sockets) if (device !== but && socket.who?.[0] === account) socket.deliver(frame);
  }

  #make(body: Json, who: Who): Answer {
    const [account] = who;
    const isGroup = body.kind === "group";
    const others = isGroup ? (body.members as string[]) : [String(body.account)];
    if (others.some((one) => this.#relay.nameOf(one) === "")) return problem(404, "not_found");
    const creation = isGroup ? String(body.creation_id) : pairOf(account, others[0] ?? "");
    const known = [...this.rooms.values()].find((one) => one.creation === creation);
    if (known !== undefined) return [201, this.#details(known, account)];
    const id = isGroup ? this.#relay.id() : creation;
    const kind = isGroup ? "group" : "private";
    const room: OpenRoom = { id, kind, title: isGroup ? String(body.title) : "", creation, members: new Map(), messages: [] };
    this.rooms.set(id, room);
    room.members.set(account, { role: isGroup ? "owner" : "member", read: 0, request: false, by: account });
    for (const other of others) this.#enter(room, other, account);
    if (!isGroup) this.#ask(account, others[0] ?? "");
    this.#tellRoom(room, who);
    return [201, this.#details(room, account)];
  }

  #ask(account: string, other: string): void {
    this.#relay.contacts.of(account).set(other, "accepted");
    const theirs = this.#relay.contacts.of(other);
    if (!theirs.has(account)) theirs.set(account, "requested");
  }

  #enter(room: OpenRoom, account: string, by: string): void {
    if (room.members.has(account)) return;
    const request = this.#relay.contacts.of(account).get(by) !== "accepted";
    room.members.set(account, { role: "member", read: 0, request, by });
  }

  #setRole(room: OpenRoom, mine: Member, of: string, role: Member["role"], who: Who): Answer {
    const member = room.members.get(of);
    if (mine.role !== "owner") return problem(403, "not_allowed");
    if (member === undefined) return problem(404, "not_found");
    if (role === "owner") mine.role = "admin";
    member.role = role;
    this.#tellRoom(room, who);
    return [204, {}];
  }

  #remove(room: OpenRoom, mine: Member, of: string, who: Who): Answer {
    if (of !== who[0] && mine.role === "member") return problem(403, "not_allowed");
    if (!room.members.delete(of)) return problem(404, "not_found");
    this.tell(of, { type: "open.chat", open_chat: room.id, removed: true }, who[1]);
    this.#tellRoom(room, who);
    return [204, {}];
  }

  #edit(room: OpenRoom, position: number, body: string, who: Who): Answer {
    const row = room.messages.find((one) => one.position === position);
    if (row === undefined || row.deleted) return problem(404, "not_found");
    if (row.sender !== who[0]) return problem(403, "not_allowed");
    row.body = body;
    row.edited_at = Math.max(Date.now(), (row.edited_at ?? 0) + 1);
    this.changed(room, row, who[1]);
    return [200, { ...row }];
  }

  #delete(room: OpenRoom, mine: Member, position: number, who: Who): Answer {
    const row = room.messages.find((one) => one.position === position);
    if (row === undefined) return problem(404, "not_found");
    if (row.sender !== who[0] && mine.role === "member") return problem(403, "not_allowed");
    row.deleted = true;
    row.body = "";
    this.changed(room, row, who[1]);
    return [204, {}];
  }

  changed(room: OpenRoom, row: OpenRow, but: string | null = null): void {
    for (const one of room.members.keys()) this.tell(one, { type: "open.changed", open_chat: room.id, ...row }, but);
  }

  #search(asked: URLSearchParams, account: string): Answer {
    const words = (asked.get("q") ?? "").toLowerCase().split(/\s+/);
    const rooms = this.#of(account).filter((one) => asked.get("chat") === null || one.id === asked.get("chat"));
    const found = rooms
      .flatMap(({ id, messages }) => messages.map((row) => ({ id, row })))
      .filter(({ row }) => words.every((word) => row.body.toLowerCase().includes(word)))
      .sort((one, other) => other.row.position - one.row.position);
    const from = Number(asked.get("cursor") ?? 0);
    const hits = found.slice(from, from + 2).map(({ id, row: { position, message_id, sender, accepted_at, body } }) => {
      return { open_chat: id, position, message_id, sender, accepted_at, snippet: body };
    });
    return [200, { messages: hits, next: found.length > from + 2 ? String(from + 2) : null }];
  }

  #tellRoom(room: OpenRoom, [, device]: Who): void {
    const frame = { type: "open.chat", open_chat: room.id, title: room.title, member_count: room.members.size };
    for (const one of room.members.keys()) this.tell(one, frame, device);
  }

  /** One's own, but those of two with somebody whom one blocks. */
  #of(account: string): OpenRoom[] {
    const isBlocked = (room: OpenRoom): boolean =>
      room.kind === "private" && [...room.members.keys()].some((one) => this.#relay.contacts.of(account).get(one) === "blocked");
    return [...this.rooms.values()].filter((one) => one.members.has(account) && !isBlocked(one));
  }

  #listed(room: OpenRoom, account: string): Json {
    const { id, kind, title, members, messages } = room;
    const mine = members.get(account);
    const accepted = this.#relay.contacts.of(account).get(mine?.by ?? "") === "accepted";
    return {
      ...{ id, kind, title, member_count: members.size, role: mine?.role, added_by: mine?.by, created_by: mine?.by },
      ...{ request: mine?.request === true && !accepted, newest: messages.at(-1)?.position ?? null },
      ...{ read_position: mine?.read, created_at: 1 },
    };
  }

  #details(room: OpenRoom, account: string): Json {
    const members = [...room.members].map(([id, { role, read }]) => {
      return { account: { id, username: this.#relay.nameOf(id), display_name: "" }, role, read_position: read };
    });
    return { ...this.#listed(room, account), members };
  }
}

function page(all: readonly OpenRow[], asked: URLSearchParams): Json {
  const limit = Number(asked.get("limit") ?? 50);
  const after = asked.get("after");
  if (after !== null) return { messages: all.filter((one) => one.position > Number(after)).slice(0, limit), next: null };
  const below = all.filter((one) => one.position < Number(asked.get("before") ?? Infinity)).reverse();
  return { messages: below.slice(0, limit), next: below.length > limit ? "more" : null };
}

function taken({ id }: OpenRoom, { message_id, position, accepted_at }: OpenRow): Json {
  return { open_chat: id, message_id, position, accepted_at };
}

/** The id of the open chat of two. */
function pairOf(one: string, other: string): string {
  const none = new Uint8Array(16);
  const both = [one, other].sort().flatMap((id) => [...(fromUuid(id) ?? none)]);
  return uuid(sha256(Uint8Array.from([...utf8("msgr/1/open\0"), ...both])).slice(0, 16));
}
