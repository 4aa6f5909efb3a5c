// What a batch has read becomes lines of conversations, and so does what could not be read. Inside its transaction.

import type { Waiting } from "../api/index";
import { equal, hex, random } from "../lib/bytes";
import { Text } from "../protocol/body";
import type { Content } from "../protocol/content";
import type { Entropy } from "../protocol/entropy";
import type { FailureCode } from "../protocol/errors";
import * as chats from "../store/chats";
import * as groups from "../store/groups";
import * as peers from "../store/peers";
import { Entry, Peer, type Me } from "../store/records";
import * as repairs from "../store/repairs";
import * as timeline from "../store/timeline";
import type { Transaction } from "../store/transaction";
import { admit, admitControl, repaired } from "./doctor";
import { mentionsIn } from "./mentions";
import { chatWith, conversationWith } from "./places";

export interface Options {
  readonly now: number;
  readonly entropy: Entropy;
  /** Accounts (hex) that the person has answered: what the server says of requests may be older than that. */
  readonly answered: ReadonlySet<string>;
}

/** What a message was in. `isFirst`: nothing that this device was sent before it is missing. */
interface Opened {
  readonly padded: Uint8Array;
  readonly isFirst: boolean;
}

export class Lines {
  readonly shown: Entry[] = []; // lines that the page is to be told of
  readonly #tx: Transaction;
  readonly #me: Me;
  readonly #options: Options;
  readonly #peers = new Map<string, Peer>();
  readonly #places = new Set<string>();

  constructor(tx: Transaction, me: Me, options: Options) {
    this.#tx = tx;
    this.#me = me;
    this.#options = options;
  }

  peer(account: Uint8Array): Peer {
    const known = this.#peers.get(hex(account));
    if (known !== undefined) return known;
    const peer = peers.byAccount(this.#tx, account) ?? Peer.of({ account });
    this.#peers.set(hex(account), peer);
    return peer;
  }

  /** For a copy from another of one's own devices: whose chat it belongs to, by the server's word or its line's. */
  otherOfCopy(one: Waiting): Uint8Array | null {
    if (!equal(one.account, this.#me.account)) return null;
    const chat = one.control ? (repaired(this.#tx, one)?.chat ?? null) : one.chat;
    return chat === null ? null : (chats.chat(this.#tx, chat)?.account ?? null);
  }

  /** The group chat that a message in a control envelope was asked for out of, if it was. */
  groupOfRepair(one: Waiting): Uint8Array | null {
    const chat = one.control ? (repaired(this.#tx, one)?.chat ?? null) : null;
    return chat !== null && this.#isGroup(chat) ? chat : null;
  }

  /** Show a message. One in a control envelope, which asks nobody's leave, only where it was asked for. */
  message(one: Waiting, content: Content, { padded, isFirst }: Opened): void {
    if (one.control && repaired(this.#tx, one) === null) return;
    const entry = this.#entryOf(one, content, padded);
    if (!entry.outgoing && !this.#isGroup(entry.chat)) this.#place(one.account);
    const standing = timeline.get(this.#tx, one.account, content.messageId);
    if (standing?.kind === "unreadable") {
      this.shown.push(...timeline.repair(this.#tx, asFirstTold(entry, standing), standing));
      repairs.forget(this.#tx, one.account, content.messageId);
    } else {
      this.shown.push(...timeline.place(this.#tx, entry, { now: this.#options.now, isFirst }));
      if (entry.outgoing && standing === null) timeline.update(this.#tx, entry, { unsettled: true });
    }
    if (!entry.outgoing && !one.control) this.#noteRequest(one);
  }

  /** Keep a control content for a version that knows what to do with it. */
  hide(one: Waiting, content: Content, padded: Uint8Array): void {
    timeline.add(this.#tx, { ...this.#entryOf(one, content, padded), kind: "control" }, { hidden: true });
  }

  unreadable(one: Waiting, code: FailureCode): void {
    if (one.control) {
      admitControl(this.#tx, this.#me, one, code, this.#options);
      return;
    }
    const chat = this.#chatOf(one);
    if (chat === null) return;
    this.#noteRequest(one);
    // Under the message's own id: should it come in a form that can be read, it takes this line's place.
    const { messageId: id, stamp, stampKey } = one;
    const entry = { ...this.#lineOf(one, "unreadable", chat), id, cause: code, stamp, stampKey };
    const added = timeline.add(this.#tx, entry);
    if (added === null) return; // it is here already, or its line is
    const repair = admit(this.#tx, this.#me, one, chat, code, this.#options);
    const said: Entry = { ...added, repair };
    timeline.update(this.#tx, said, { unsettled: false });
    this.shown.push(said);
  }

  expired(one: Waiting): void {
    const chat = one.control ? null : this.#chatOf(one);
    if (chat === null) return; // no message of a person's
    this.#noteRequest(one);
    this.#add(this.#lineOf(one, "expired", chat), false);
  }

  updateNeeded(one: Waiting, raw: Uint8Array): void {
    const chat = this.#chatOf(one);
    if (chat === null) return;
    if (!one.control) this.#noteRequest(one);
    this.#add({ ...this.#lineOf(one, "update_needed", chat), raw }, one.control);
  }

  #add(entry: Entry, hidden: boolean): void {
    const added = timeline.add(this.#tx, entry, { hidden });
    if (added !== null) this.shown.push(added);
  }

  #entryOf(one: Waiting, content: Content, padded: Uint8Array): Entry {
    const { body, conversation: chat } = content;
    const copy = equal(one.account, this.#me.account);
    const named = body instanceof Text ? body.mentions : [];
    return Entry.of({
      ...mentionsIn(this.#tx, this.#me.account, { chat, author: one.account, named }),
      id: content.messageId,
      kind: body instanceof Text ? "text" : "update_needed",
      outgoing: copy,
      account: one.account,
      chat,
      sent: content.sent,
      device: one.device,
      text: body instanceof Text ? body.text : "",
      accepted: one.acceptedAt,
      counter: content.counter,
      request: one.request,
      state: copy ? "accepted" : "",
      padded,
      stamp: one.stamp,
      stampKey: one.stampKey,
    });
  }

  #lineOf(one: Waiting, kind: "unreadable" | "expired" | "update_needed", chat: Uint8Array): Entry {
    const copy = equal(one.account, this.#me.account);
    return Entry.of({
      id: random(16),
      kind,
      outgoing: copy && kind === "unreadable",
      account: one.account,
      chat,
      sent: one.acceptedAt,
      device: one.device,
      accepted: one.acceptedAt,
      request: one.request,
      state: copy ? "accepted" : "",
    });
  }

  /** Where what has no content is shown. A copy of one's own device: where the server says, if that is a chat. */
  #chatOf(one: Waiting): Uint8Array | null {
    if (one.group !== null) return this.#isGroup(one.group) ? one.group : null;
    if (equal(one.account, this.#me.account)) return this.otherOfCopy(one) === null ? null : one.chat;
    if (!one.control) this.#place(one.account);
    return conversationWith(this.#me.account, one.account);
  }

  /** Have a chat with an account. */
  #place(account: Uint8Array): void {
    if (this.#places.has(hex(account))) return;
    this.#places.add(hex(account));
    chatWith(this.#tx, this.#me.account, account);
  }

  #isGroup(chat: Uint8Array): boolean {
    return groups.get(this.#tx, chat) !== null;
  }

  /** Whether its sender is a stranger: the server's word. Of a group chat, its list says it. */
  #noteRequest(one: Waiting): void {
    if (one.group !== null) return;
    if (equal(one.account, this.#me.account)) return;
    const peer = this.peer(one.account);
    const request = one.request && !this.#options.answered.has(hex(one.account));
    if (request !== peer.request) {
      this.#peers.set(hex(one.account), peers.change(this.#tx, one.account, { request }));
    }
  }
}

/** A message that was sent again, with what the server said of it the first time. */
export function asFirstTold(entry: Entry, standing: Entry): Entry {
  const { accepted, request, stamp, stampKey } = standing;
  return { ...entry, accepted, request, ...(stamp === null ? {} : { stamp, stampKey }) };
}
