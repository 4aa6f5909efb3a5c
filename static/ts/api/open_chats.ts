// The calls of open chats (docs/api.md, Open chats). Decides nothing; keeps nothing.
import { Defect } from "../lib/errors";
import { uuid } from "../lib/uuid";

import { profile, type Profile } from "./answers";
import * as forms from "./forms";
import type { Json } from "./forms";
import { listed, type Caller } from "./paging";

const ROLES = ["member", "admin", "owner"];
const LONGEST = 32_000; // UTF-16 units of a body: 16,000 characters
export const PAGE = 100; // messages in one answer, at most

/** An open chat of one's own, as the server lists it. */
export interface OpenListed {
  readonly id: Uint8Array;
  readonly kind: "private" | "group";
  readonly title: string;
  readonly memberCount: number;
  readonly role: number; // 0 member, 1 admin, 2 owner
  readonly request: boolean; // somebody added this account, whom it has not accepted
  readonly addedBy: Uint8Array;
  readonly newest: number; // the position of the newest message; 0: none
  readonly readTo: number;
  readonly createdAt: number;
}

export interface OpenDetails extends OpenListed {
  readonly members: readonly (Profile & { readonly role: number; readonly readTo: number })[];
}

export interface OpenMessage {
  readonly position: number;
  readonly message: Uint8Array; // the id that its sender chose
  readonly sender: Uint8Array;
  readonly acceptedAt: number;
  readonly editedAt: number; // 0: never
  readonly deleted: boolean;
  readonly body: string;
}

/** What the server says of a message that it took. */
export interface OpenAccepted {
  readonly chat: Uint8Array;
  readonly message: Uint8Array;
  readonly position: number;
  readonly acceptedAt: number;
}

export interface OpenMatch {
  readonly chat: Uint8Array;
  readonly position: number;
  readonly message: Uint8Array;
  readonly sender: Uint8Array;
  readonly acceptedAt: number;
  readonly snippet: string;
}

export class OpenCalls {
  readonly #call: Caller;

  constructor(call: Caller) {
    this.#call = call;
  }

  /** The open chat with an account: there is one of two. */
  async startPrivate(account: Uint8Array): Promise<OpenDetails> {
    return openDetails(await this.#call("POST", "open-chats", { kind: "private", account: uuid(account) }));
  }

  /** `creation`: an id of the client's; the same one again gives the same group. */
  async startGroup(creation: Uint8Array, title: string, members: readonly Uint8Array[]): Promise<OpenDetails> {
    const body = { kind: "group", creation_id: uuid(creation), title, members: members.map(uuid) };
    return openDetails(await this.#call("POST", "open-chats", body));
  }

  /** All that this account is in, but those of two with somebody whom it blocks; one that moves meanwhile may be left out. */
  async list(): Promise<OpenListed[]> {
    return (await listed(this.#call, "open-chats", "open_chats")).flatMap(listedOrNone);
  }

  async details(chat: Uint8Array): Promise<OpenDetails> {
    return openDetails(await this.#call("GET", `open-chats/${uuid(chat)}`));
  }

  async rename(chat: Uint8Array, title: string): Promise<void> {
    await this.#call("PATCH", `open-chats/${uuid(chat)}`, { title });
  }

  async accept(chat: Uint8Array): Promise<void> {
    await this.#call("POST", `open-chats/${uuid(chat)}/accept`, {});
  }

  async add(chat: Uint8Array, account: Uint8Array): Promise<void> {
    await this.#call("POST", `open-chats/${uuid(chat)}/members`, { account: uuid(account) });
  }

  async setRole(chat: Uint8Array, account: Uint8Array, role: number): Promise<void> {
    await this.#call("PATCH", `open-chats/${uuid(chat)}/members/${uuid(account)}`, { role: ROLES[role] });
  }

  /** Take somebody out, or leave. */
  async remove(chat: Uint8Array, account: Uint8Array): Promise<void> {
    await this.#call("DELETE", `open-chats/${uuid(chat)}/members/${uuid(account)}`);
  }

  /** Messages below a position (null: the newest), newest first. `more`: there are older ones. */
  async before(chat: Uint8Array, position: number | null, limit: number): Promise<{ messages: OpenMessage[]; more: boolean }> {
    const place = position === null ? "" : `before=${position}&`;
    const answer = await this.#call("GET", `open-chats/${uuid(chat)}/messages?${place}limit=${limit}`);
    const messages = forms.items(answer.messages).map(openMessage);
    requireFalling([position ?? Infinity, ...messages.map((one) => one.position)]);
    return { messages, more: answer.next !== null && messages.length > 0 };
  }

  /** Messages above a position, oldest first. */
  async after(chat: Uint8Array, position: number, limit: number): Promise<OpenMessage[]> {
    const answer = await this.#call("GET", `open-chats/${uuid(chat)}/messages?after=${position}&limit=${limit}`);
    const messages = forms.items(answer.messages).map(openMessage);
    requireFalling([...messages.map((one) => one.position).reverse(), position]);
    return messages;
  }

  async edit(chat: Uint8Array, position: number, body: string): Promise<OpenMessage> {
    return openMessage(await this.#call("PATCH", `open-chats/${uuid(chat)}/messages/${position}`, { body }));
  }

  async delete(chat: Uint8Array, position: number): Promise<void> {
    await this.#call("DELETE", `open-chats/${uuid(chat)}/messages/${position}`);
  }

  /** Messages that have all the words, newest first. */
  async search(
    words: string,
    { chat, cursor }: { readonly chat: Uint8Array | null; readonly cursor: string | null },
  ): Promise<{ matches: OpenMatch[]; next: string | null }> {
    const asked = new URLSearchParams({ q: words });
    if (chat !== null) asked.set("chat", uuid(chat));
    if (cursor !== null) asked.set("cursor", cursor);
    const answer = await this.#call("GET", `open-chats/search?${asked.toString()}`);
    const next = answer.next === null ? null : forms.string(answer.next);
    return { matches: forms.items(answer.messages).map(match), next };
  }
}

/** A message, in an answer or a frame. */
export function openMessage(value: unknown): OpenMessage {
  const fields = forms.members(value);
  const deleted = fields.deleted === true;
  const body = forms.string(fields.body);
  if (body.length > LONGEST) throw forms.nonsense();
  return {
    position: position(fields.position),
    message: forms.identifier(fields.message_id),
    sender: forms.identifier(fields.sender),
    acceptedAt: forms.unsigned(fields.accepted_at),
    editedAt: fields.edited_at === null ? 0 : forms.unsigned(fields.edited_at),
    deleted,
    body: deleted ? "" : body,
  };
}

export function openAccepted(value: Json): OpenAccepted {
  return {
    chat: forms.identifier(value.open_chat),
    message: forms.identifier(value.message_id),
    position: position(value.position),
    acceptedAt: forms.unsigned(value.accepted_at),
  };
}

/** What makes no sense of one chat keeps nobody from the others. */
function listedOrNone(value: unknown): OpenListed[] {
  try {
    return [openListed(value)];
  } catch (error) {
    if (!(error instanceof Defect)) throw error;
    return [];
  }
}

function openListed(value: unknown): OpenListed {
  const fields = forms.members(value);
  const kind = fields.kind;
  if (kind !== "private" && kind !== "group") throw forms.nonsense();
  return {
    id: forms.identifier(fields.id),
    kind,
    title: forms.string(fields.title),
    memberCount: forms.unsigned(fields.member_count),
    role: roleOf(fields.role),
    request: fields.request === true,
    addedBy: forms.identifier(fields.added_by),
    newest: fields.newest === null ? 0 : forms.unsigned(fields.newest),
    readTo: forms.unsigned(fields.read_position),
    createdAt: forms.unsigned(fields.created_at),
  };
}

function openDetails(value: Json): OpenDetails {
  const members = forms.items(value.members).map((one) => {
    const fields = forms.members(one);
    const readTo = fields.read_position === null ? 0 : forms.unsigned(fields.read_position);
    return { ...profile(fields.account), role: roleOf(fields.role), readTo };
  });
  return { ...openListed(value), members };
}

function match(value: unknown): OpenMatch {
  const fields = forms.members(value);
  return {
    chat: forms.identifier(fields.open_chat),
    position: position(fields.position),
    message: forms.identifier(fields.message_id),
    sender: forms.identifier(fields.sender),
    acceptedAt: forms.unsigned(fields.accepted_at),
    snippet: forms.string(fields.snippet),
  };
}

function roleOf(value: unknown): number {
  const role = ROLES.indexOf(forms.string(value));
  if (role < 0) throw forms.nonsense();
  return role;
}

function position(value: unknown): number {
  const number = forms.unsigned(value);
  if (number === 0) throw forms.nonsense();
  return number;
}

/** Whoever pages by them must come to an end. */
function requireFalling(positions: readonly number[]): void {
  for (const [at, one] of positions.entries()) if (at > 0 && one >= (positions[at - 1] ?? 0)) throw forms.nonsense();
}
