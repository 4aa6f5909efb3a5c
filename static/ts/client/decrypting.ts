// One batch of envelopes inside one transaction. Reads the store through itself, so that a session loaded once
// serves every message of the batch; what it changed is written at the end.

import type { Waiting } from "../api/index";
import { equal, hex, utf8 } from "../lib/bytes";
import { AccountData, History } from "../protocol/account_data";
import { isControl, Reset, Retry } from "../protocol/body";
import type { Content } from "../protocol/content";
import type { DeviceList } from "../protocol/device_list";
import { Duplicate, NotListed, ProtocolError, Unsupported } from "../protocol/errors";
import type { OwnDevice } from "../protocol/keys";
import type { PrekeyLabel, PrivatePrekey } from "../protocol/prekeys";
import type { Secret } from "../protocol/secret";
import { SenderKey } from "../protocol/sender_key";
import { Pair, receive, type Lookup, type Received, type Session } from "../protocol/session";
import * as envelopes from "../store/envelopes";
import * as waiting from "../store/group_waiting";
import * as peers from "../store/peers";
import type { Entry, Me } from "../store/records";
import * as sessions from "../store/sessions";
import * as settings from "../store/settings";
import type { Transaction } from "../store/transaction";
import { ownDevice, requireMe } from "./context";
import { targetKey, type Target } from "./directory";
import { answer } from "./doctor";
import { hearSenderKey, readGroup } from "./group_reading";
import { answerGroup, isOfGroup } from "./group_repairing";
import { takeHistory } from "./history";
import { hasChanged } from "./identity";
import { pendingSecret } from "./linking";
import { Lines, type Options as Showing } from "./placing";
import { takeAccountData } from "./sharing";

/** A list that a message has named. */
export interface Head {
  readonly account: Uint8Array;
  readonly hash: Uint8Array;
}

interface Options extends Showing {
  /** No third try: who is not listed now stays unread. */
  readonly last: boolean;
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
  readonly retitled: Uint8Array[] = []; // group chats whose title may be known now
  readonly #tx: Transaction;
  readonly #me: Me;
  readonly #own: OwnDevice;
  readonly #options: Options;
  readonly #pairs = new Map<string, Pair>();
  readonly #moved = new Map<string, Moved>();
  readonly #newest = new Map<string, DeviceList | null>();
  readonly #knownHeads = new Set<string>();
  readonly #lines: Lines;

  constructor(tx: Transaction, me: Me, options: Options) {
    this.#tx = tx;
    this.#me = me;
    this.#own = ownDevice(me);
    this.#options = options;
    this.#lines = new Lines(tx, me, options);
  }

  /** Lines that the page is to be told of. */
  get shown(): readonly Entry[] {
    return this.#lines.shown;
  }

  /** Deal with one envelope. An error of the protocol concerns it alone and changes nothing else. */
  take(one: Waiting): void {
    if (envelopes.isKnown(this.#tx, one.number)) {
      this.done.add(one.number);
      return;
    }
    if (hasChanged(this.#lines.peer(one.account)) && !one.expired) {
      // Neither read nor lost: until the person has seen that the identity changed.
      this.park(one);
      this.done.add(one.number);
      return;
    }
    try {
      if (one.expired) this.#lines.expired(one);
      else if (one.group === null) this.#receive(one);
      else this.#receiveGroup(one);
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      if (error instanceof NotListed && !this.#options.last) {
        this.notListed.add(one.number);
        return;
      }
      if (error instanceof Unsupported) this.#lines.updateNeeded(one, one.body);
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

  psk(id: Uint8Array): Secret | null {
    const code = pendingSecret(this.#tx);
    return code !== null && equal(code.pskId, id) ? code.secret : null;
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
      chatWith: this.#lines.otherOfCopy(one),
      group: this.#lines.groupOfRepair(one),
    };
    const received = receive(this.#own, pair, envelope, this, this.#options);
    this.#keep(key, target, received);
    if (received.failure === null) this.#read(one, received, received.content);
    else if (received.failure instanceof Unsupported) this.#lines.updateNeeded(one, received.sealed.padded);
    else this.#unreadable(one, received.failure);
  }

  #receiveGroup(one: Waiting): void {
    const received = readGroup(this.#tx, one, this.#options);
    if (received === null) return; // until its sender key comes
    const { padded } = received.sealed;
    waiting.forget(this.#tx, one.number);
    if (received.failure === null) {
      this.#lines.message(one, received.content, { padded, isFirst: received.isFirst });
      this.#lookAtHeads(one.account, received.content);
    } else if (received.failure instanceof Unsupported) this.#lines.updateNeeded(one, padded);
    else this.#unreadable(one, received.failure);
  }

  /** A message that has waited for its sender key long enough. */
  giveUp(one: Waiting): void {
    this.#lines.unreadable(one, "unknown_session");
  }

  /** Messages whose sender key is here now. They were acknowledged when they came. */
  retake(came: readonly Waiting[]): void {
    for (const one of came) {
      try {
        this.#receiveGroup(one);
      } catch (error) {
        if (!(error instanceof ProtocolError)) throw error; // until another key comes
      }
    }
  }

  #keep(key: string, target: Target, received: Received): void {
    this.#pairs.set(key, received.pair);
    this.#moved.set(hex(received.session.id), { target, session: received.session });
    for (const id of received.dropped) this.#moved.delete(hex(id));
    sessions.drop(this.#tx, received.dropped);
    for (const [label, keyId] of received.deletePrekeys) sessions.deletePrekey(this.#tx, label, keyId);
    if (received.usedPsk !== null) {
      settings.saveLinking(this.#tx, { ...settings.linking(this.#tx), secret: null });
    }
    if (received.rememberEk !== null) {
      sessions.rememberEk(this.#tx, received.rememberEk.ekHash, received.rememberEk.spkId);
    }
  }

  #read(one: Waiting, received: Received, content: Content): void {
    if (isControl(content.body.kind)) this.#hear(one, received, content);
    else {
      const isFirst = received.session.ratchet.archive.skippedCount === 0;
      this.#lines.message(one, content, { padded: received.sealed.padded, isFirst });
    }
    this.#lookAtHeads(one.account, content);
  }

  #hear(one: Waiting, received: Received, content: Content): void {
    const { body } = content;
    if (body instanceof Retry) {
      const give = isOfGroup(body) ? answerGroup : answer;
      give(this.#tx, this.#me, { account: one.account, device: one.device }, body, this.#options);
    } else if (body instanceof SenderKey) {
      const from = { account: one.account, device: one.device };
      this.retake(hearSenderKey(this.#tx, from, content, received.sealed.padded, this.#options));
      this.retitled.push(body.group);
    } else if (body instanceof Reset) this.#reset(one, received.session);
    else if (equal(one.account, this.#me.account) && body instanceof AccountData) {
      takeAccountData(this.#tx, requireMe(this.#tx), body);
    } else if (equal(one.account, this.#me.account) && body instanceof History) {
      this.#lines.shown.push(...takeHistory(this.#tx, this.#me, body));
    }
    else this.#lines.hide(one, content, received.sealed.padded);
  }

  /** Give up every session with a device but the one that its `reset` came on. */
  #reset({ account, device }: Waiting, kept: Session): void {
    const key = targetKey({ account, device });
    const [pair, gone] = (this.#pairs.get(key) ?? new Pair(account, device)).only(kept.id);
    this.#pairs.set(key, pair);
    for (const id of gone) this.#moved.delete(hex(id));
    sessions.drop(this.#tx, gone);
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
    this.#lines.unreadable(one, error.code);
  }
}
