// One batch of envelopes inside one transaction. Reads the store through itself, so that a session loaded once
// serves every message of the batch; what it changed is written at the end.

import type { Waiting } from "../api/index";
import { equal, hex, random, utf8 } from "../lib/bytes";
import { isControl, Text } from "../protocol/body";
import type { Content } from "../protocol/content";
import type { DeviceList } from "../protocol/device_list";
import type { Entropy } from "../protocol/entropy";
import { Duplicate, NotListed, ProtocolError, Unsupported } from "../protocol/errors";
import type { OwnDevice } from "../protocol/keys";
import type { PrekeyLabel, PrivatePrekey } from "../protocol/prekeys";
import type { Secret } from "../protocol/secret";
import { receive, type Lookup, type Pair, type Received, type Session } from "../protocol/session";
import * as chats from "../store/chats";
import * as envelopes from "../store/envelopes";
import * as peers from "../store/peers";
import { Entry, Peer, type EntryKind, type Me } from "../store/records";
import * as sessions from "../store/sessions";
import * as timeline from "../store/timeline";
import type { Transaction } from "../store/transaction";
import { ownDevice } from "./context";
import { targetKey, type Target } from "./directory";
import { hasChanged } from "./identity";
import { chatWith, conversationWith } from "./places";

/** A list that a message has named. */
export interface Head {
  readonly account: Uint8Array;
  readonly hash: Uint8Array;
}

interface Options {
  readonly now: number;
  readonly entropy: Entropy;
  /** No third try: who is not listed now stays unread. */
  readonly last: boolean;
  /** Accounts (hex) that the person has answered: what the server says of requests may be older than that. */
  readonly answered: ReadonlySet<string>;
}

interface Moved {
  readonly target: Target;
  readonly session: Session;
}

/** Also what the protocol looks things up in. */
export class Batch implements Lookup {
  readonly done = new Set<number>(); // to acknowledge
  readonly causes = new Map<number, string>(); // to acknowledge as unreadable
  readonly notListed = new Set<number>(); // to try again with newer lists, unless this is the last try
  readonly unknownHeads = new Map<string, Head>();
  readonly shown: Entry[] = []; // lines that the page is to be told of
  readonly #tx: Transaction;
  readonly #me: Me;
  readonly #own: OwnDevice;
  readonly #options: Options;
  readonly #pairs = new Map<string, Pair>();
  readonly #moved = new Map<string, Moved>();
  readonly #peers = new Map<string, Peer>();
  readonly #newest = new Map<string, DeviceList | null>();
  readonly #knownHeads = new Set<string>();
  readonly #places = new Set<string>();

  constructor(tx: Transaction, me: Me, options: Options) {
    this.#tx = tx;
    this.#me = me;
    this.#own = ownDevice(me);
    this.#options = options;
  }

  /** Deal with one envelope. An error of the protocol concerns it alone and changes nothing else. */
  take(one: Waiting): void {
    if (envelopes.isKnown(this.#tx, one.number)) {
      this.done.add(one.number);
      return;
    }
    if (hasChanged(this.#peer(one.account)) && !one.expired) {
      // Neither read nor lost: until the person has seen that the identity changed.
      this.park(one);
      this.done.add(one.number);
      return;
    }
    try {
      if (one.expired) this.#line(one, "expired");
      else this.#receive(one);
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      if (error instanceof NotListed && !this.#options.last) {
        this.notListed.add(one.number);
        return;
      }
      if (error instanceof Unsupported) this.#line(one, "update_needed", { raw: one.body });
      else if (!(error instanceof Duplicate)) this.#unreadable(one, error);
    }
    envelopes.remember(this.#tx, one.number, this.#options);
    this.done.add(one.number);
  }

  /** Keep an envelope as it came, to be dealt with later. */
  park(one: Waiting): void {
    envelopes.park(this.#tx, one.number, one.account, utf8(JSON.stringify(one.frame)));
    envelopes.remember(this.#tx, one.number, this.#options);
  }

  /** Write the sessions that moved. */
  finish(): void {
    for (const { target, session } of this.#moved.values()) {
      sessions.save(this.#tx, target.account, target.device, session);
    }
  }

  // What the protocol looks up

  privatePrekey(label: PrekeyLabel, keyId: number): PrivatePrekey | null {
    return sessions.prekey(this.#tx, label, keyId);
  }

  psk(): Secret | null {
    return null; // of linking and invitations, which this version does not do
  }

  hasSeenEk(ekHash: Uint8Array): boolean {
    return sessions.hasSeenEk(this.#tx, ekHash);
  }

  listNamed(account: Uint8Array, listHash: Uint8Array): DeviceList | null {
    return peers.listNamed(this.#tx, account, listHash);
  }

  newestList(account: Uint8Array): DeviceList | null {
    const key = hex(account);
    let newest = this.#newest.get(key);
    if (newest === undefined) {
      newest = peers.pinOf(peers.byAccount(this.#tx, account))?.newest ?? null;
      this.#newest.set(key, newest);
    }
    return newest;
  }

  #receive(one: Waiting): void {
    const target = { account: one.account, device: one.device };
    const key = targetKey(target);
    const pair = this.#pairs.get(key) ?? sessions.pair(this.#tx, one.account, one.device);
    const envelope = {
      sender: one.account,
      senderDevice: one.device,
      wire: one.body,
      messageId: one.messageId,
      chatWith: this.#otherOfCopy(one),
    };
    const received = receive(this.#own, pair, envelope, this, this.#options);
    this.#keep(key, target, received);
    if (received.failure === null) this.#show(one, received, received.content);
    else if (received.failure instanceof Unsupported) {
      this.#line(one, "update_needed", { raw: received.sealed.padded });
    } else this.#unreadable(one, received.failure);
  }

  #keep(key: string, target: Target, received: Received): void {
    this.#pairs.set(key, received.pair);
    this.#moved.set(hex(received.session.id), { target, session: received.session });
    for (const id of received.dropped) this.#moved.delete(hex(id));
    sessions.drop(this.#tx, received.dropped);
    for (const [label, keyId] of received.deletePrekeys) sessions.deletePrekey(this.#tx, label, keyId);
    if (received.rememberEk !== null) {
      sessions.rememberEk(this.#tx, received.rememberEk.ekHash, received.rememberEk.spkId);
    }
  }

  #show(one: Waiting, received: Received, content: Content): void {
    const { body } = content;
    const copy = equal(one.account, this.#me.account);
    const kind = body instanceof Text ? "text" : isControl(body.kind) ? "control" : "update_needed";
    const entry = Entry.of({
      id: content.messageId,
      kind,
      outgoing: copy,
      account: one.account,
      chat: content.conversation,
      sent: content.sent,
      device: one.device,
      text: body instanceof Text ? body.text : "",
      accepted: one.acceptedAt,
      counter: content.counter,
      request: one.request,
      state: copy ? "accepted" : "",
      padded: received.sealed.padded,
      stamp: one.stamp,
      stampKey: one.stampKey,
    });
    if (kind === "control") {
      timeline.add(this.#tx, entry, { hidden: true }); // for a version that knows what to do with it
      return;
    }
    if (copy) {
      const added = timeline.add(this.#tx, entry);
      if (added !== null) this.shown.push(added);
    } else {
      this.#place(one.account);
      this.shown.push(...timeline.place(this.#tx, entry, this.#options));
      this.#noteRequest(one);
    }
    this.#lookAtHeads(one.account, content);
  }

  /** Whether its sender is a stranger: the server's word. */
  #noteRequest(one: Waiting): void {
    const peer = this.#peer(one.account);
    const request = one.request && !this.#options.answered.has(hex(one.account));
    if (request !== peer.request) {
      this.#peers.set(hex(one.account), peers.change(this.#tx, one.account, { request }));
    }
  }

  #lookAtHeads(sender: Uint8Array, content: Content): void {
    const heads = [{ account: sender, hash: content.heads.own }];
    if (content.heads.recipient !== null && !equal(sender, this.#me.account)) {
      heads.push({ account: this.#me.account, hash: content.heads.recipient });
    }
    for (const head of heads) {
      const key = hex(head.account) + hex(head.hash);
      if (this.#knownHeads.has(key)) continue;
      if (peers.knowsList(this.#tx, head.account, head.hash)) this.#knownHeads.add(key);
      else this.unknownHeads.set(key, head);
    }
  }

  #unreadable(one: Waiting, error: ProtocolError): void {
    this.causes.set(one.number, error.code);
    this.#line(one, "unreadable", { cause: error.code });
  }

  #line(one: Waiting, kind: EntryKind, { cause = "", raw = null }: { cause?: string; raw?: Uint8Array | null } = {}): void {
    if (one.control && kind !== "update_needed") return; // no message of a person's
    const chat = this.#chatOf(one);
    if (chat === null) return;
    if (!one.control) this.#noteRequest(one);
    const entry = Entry.of({
      // Not the message's own id: it may yet come in a form that can be read.
      id: random(16),
      kind,
      outgoing: false,
      account: one.account,
      chat,
      sent: one.acceptedAt,
      device: one.device,
      accepted: one.acceptedAt,
      cause,
      request: one.request,
      raw,
    });
    const added = timeline.add(this.#tx, entry, { hidden: one.control });
    if (added !== null) this.shown.push(added);
  }

  /** Where what has no content is shown. A copy of one's own device: where the server says, if that is a chat. */
  #chatOf(one: Waiting): Uint8Array | null {
    if (equal(one.account, this.#me.account)) return this.#otherOfCopy(one) === null ? null : one.chat;
    if (!one.control) this.#place(one.account);
    return conversationWith(this.#me.account, one.account);
  }

  /** Have a chat with an account. */
  #place(account: Uint8Array): void {
    if (this.#places.has(hex(account))) return;
    this.#places.add(hex(account));
    chatWith(this.#tx, this.#me.account, account);
  }

  #peer(account: Uint8Array): Peer {
    const known = this.#peers.get(hex(account));
    if (known !== undefined) return known;
    const peer = peers.byAccount(this.#tx, account) ?? Peer.of({ account });
    this.#peers.set(hex(account), peer);
    return peer;
  }

  /** For a copy from another of one's own devices: whose chat the server says it belongs to. */
  #otherOfCopy(one: Waiting): Uint8Array | null {
    if (!equal(one.account, this.#me.account) || one.chat === null) return null;
    return chats.chat(this.#tx, one.chat)?.account ?? null;
  }
}
