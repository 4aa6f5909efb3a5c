// What is kept of an open chat becomes what the page shows. Its lines have ids that no other chat's lines have.

import { equal, hex } from "../lib/bytes";
import { WrongUse } from "../lib/errors";
import { fromUuid, uuid } from "../lib/uuid";
import * as chats from "../store/chats";
import * as openChats from "../store/open_chats";
import * as openMessages from "../store/open_messages";
import * as openOutbox from "../store/open_outbox";
import type { OpenChat, OpenMessage } from "../store/open_records";
import * as peers from "../store/peers";
import * as settings from "../store/settings";
import type { Transaction } from "../store/transaction";
import { ROLES, type ChatSummary, type GroupInfo, type GroupPerson, type Line } from "./model";
import { calledIn, folded } from "./open_mentions";
import { LATEST, nameOf } from "./showing";
import { WORDS } from "./words";

const PREFIX = "open_";

/** Which message a line is of. */
export interface OpenRef {
  readonly chat: Uint8Array;
  readonly sender: Uint8Array;
  readonly message: Uint8Array;
}

export function openLineId({ chat, sender, message }: OpenRef): string {
  return `${PREFIX}${uuid(chat)}_${uuid(sender)}_${uuid(message)}`;
}

/** Null: the line is none of an open chat. Throws WrongUse for an id that is none. */
export function openRef(line: string): OpenRef | null {
  if (!line.startsWith(PREFIX)) return null;
  const [chat, sender, message] = line.slice(PREFIX.length).split("_").map(fromUuid);
  if (!chat || !sender || !message) throw new WrongUse(WORDS.noSuchLine);
  return { chat, sender, message };
}

/** The open chat of an id; null where the id is one of an encrypted chat, or of none. */
export function openChatOf(tx: Transaction, id: Uint8Array): OpenChat | null {
  return chats.chat(tx, id) === null ? openChats.get(tx, id) : null;
}

export function openSummaryOf(tx: Transaction, id: Uint8Array): ChatSummary | null {
  const chat = openChatOf(tx, id);
  return chat === null ? null : new OpenShowing(tx, chat).summary();
}

/** Shows one open chat within one transaction. */
export class OpenShowing {
  readonly #tx: Transaction;
  readonly #chat: OpenChat;
  readonly #own: Uint8Array;
  #names: ReadonlyMap<string, Uint8Array> | null = null;
  #furthest: number | null = null;

  constructor(tx: Transaction, chat: OpenChat) {
    this.#tx = tx;
    this.#chat = chat;
    this.#own = settings.me(tx)?.account ?? chat.id;
  }

  line(one: OpenMessage): Line {
    const { role, ended, id: chat } = this.#chat;
    const outgoing = equal(one.sender, this.#own);
    const isThere = !one.deleted && ended === "";
    const mentions = one.deleted ? [] : this.#mentions(one.body);
    return {
      ...NEUTRAL,
      id: openLineId({ chat, sender: one.sender, message: one.message }),
      chat: uuid(chat),
      position: one.position,
      outgoing,
      sender: outgoing ? "" : nameOf(this.#tx, one.sender),
      sentAt: Math.min(one.acceptedAt, LATEST),
      acceptedAt: Math.min(one.acceptedAt, LATEST),
      text: one.body,
      state: !outgoing ? "received" : this.#othersRead >= one.position ? "read" : "accepted",
      mentions: mentions.map((account) => this.#person(account)),
      mentioned: !outgoing && mentions.some((account) => equal(account, this.#own)),
      editedAt: Math.min(one.editedAt, LATEST),
      deleted: one.deleted,
      changeable: outgoing && isThere,
      deletable: isThere && (outgoing || role > 0),
    };
  }

  /** What was written and is not accepted yet. */
  queued({ outgoing: { id, sent, text, failed, cause }, position }: openOutbox.Queued): Line {
    const { id: chat } = this.#chat;
    return {
      ...NEUTRAL,
      id: openLineId({ chat, sender: this.#own, message: id }),
      chat: uuid(chat),
      position,
      outgoing: true,
      sender: "",
      sentAt: sent,
      acceptedAt: 0,
      text,
      state: failed ? "failed" : "queued",
      cause,
      mentions: this.#mentions(text).map((account) => this.#person(account)),
    };
  }

  summary(): ChatSummary {
    const { id, kind, account, readTo, draft, request, ended } = this.#chat;
    const other = account ?? id;
    const unread = openMessages.unread(this.#tx, id, this.#own, readTo);
    const isGroup = kind === "group";
    return {
      id: uuid(id),
      kind,
      open: true,
      account: uuid(other),
      name: isGroup ? this.#chat.title || WORDS.noTitle : nameOf(this.#tx, other),
      group: isGroup ? this.#info() : null,
      last: this.#last(),
      unread: unread.count,
      firstUnread: unread.first,
      mentioned: unread.mentioned,
      draft,
      request: request && ended === "",
      blocked: !isGroup && peers.byAccount(this.#tx, other)?.blocked === true,
      verified: false,
      identityChanged: false,
    };
  }

  /** Whether a text mentions the person. */
  mentions(one: OpenMessage): boolean {
    return !one.deleted && !equal(one.sender, this.#own) && this.#mentions(one.body).some((account) => equal(account, this.#own));
  }

  #last(): Line | null {
    const newest = openMessages.before(this.#tx, this.#chat.id, null, 1).at(0);
    const waiting = openOutbox.ofChat(this.#tx, this.#chat.id).sort((one, other) => other.position - one.position).at(0);
    if (waiting !== undefined && waiting.position > (newest?.position ?? 0)) return this.queued(waiting);
    return newest === undefined ? null : this.line(newest);
  }

  #info(): GroupInfo {
    const { id, title, role, muted, ended } = this.#chat;
    return {
      title,
      description: "",
      colour: null,
      role: ended === "" ? (ROLES[role] ?? "member") : null,
      members: openChats.members(this.#tx, id).map((one) => ({
        ...this.#person(one.account),
        role: ROLES[one.role] ?? "member",
        identityChanged: false,
      })),
      pending: [],
      isPending: false,
      links: [],
      membersMayAdd: false,
      muted,
      ended,
      trouble: "",
    };
  }

  #mentions(text: string): Uint8Array[] {
    if (!text.includes("@")) return [];
    this.#names ??= new Map(
      openChats.members(this.#tx, this.#chat.id).map(({ account }) => [folded(nameOf(this.#tx, account)), account]),
    );
    return calledIn(text, this.#names);
  }

  #person(account: Uint8Array): GroupPerson {
    return { account: uuid(account), name: nameOf(this.#tx, account) };
  }

  get #othersRead(): number {
    return (this.#furthest ??= openChats.furthestRead(this.#tx, this.#chat.id, this.#own));
  }
}

export function refKey({ chat, sender, message }: OpenRef): string {
  return `${hex(chat)} ${hex(sender)} ${hex(message)}`;
}

/** What no line of an open chat has. */
const NEUTRAL = {
  kind: "text",
  devices: [],
  skipped: 0,
  cause: "",
  missing: 0,
  repair: "none",
  mentioned: false,
  editedAt: 0,
  deleted: false,
  changeable: false,
  deletable: false,
} as const satisfies Partial<Line>;
