// Finding, accepting, blocking and comparing with people.

import type { ContactState, Profile } from "../api/answers";
import * as forms from "../api/forms";
import type { Json } from "../api/index";
import { equal, hex } from "../lib/bytes";
import { KeysRefused, UnknownPerson, Unreachable, WrongUse } from "../lib/errors";
import { uuid } from "../lib/uuid";
import { safetyNumber } from "../protocol/safety_number";
import * as chats from "../store/chats";
import type { Overview } from "../store/chats";
import * as peers from "../store/peers";
import { Peer } from "../store/records";
import { requireMe, type Context } from "./context";
import type { Controls } from "./controls";
import { sameName, type Directory } from "./directory";
import type { Doctor } from "./doctor";
import type { Groups } from "./groups";
import { acknowledge, currentKey, hasChanged, markVerified } from "./identity";
import type { Person, SafetyNumber } from "./model";
import { chatWith, conversationWith } from "./places";
import type { Receipts } from "./receipts";
import type { Inbox } from "./receiving";
import type { Sender } from "./sending";
import { Turn } from "./signals";
import { WORDS } from "./words";

interface Parts {
  readonly directory: Directory;
  readonly inbox: Inbox;
  readonly sender: Sender;
  readonly controls: Controls;
  readonly receipts: Receipts;
  readonly doctor: Doctor;
  readonly groups: Groups;
}

export class People {
  readonly #context: Context;
  readonly #directory: Directory;
  readonly #inbox: Inbox;
  readonly #sender: Sender;
  readonly #controls: Controls;
  readonly #receipts: Receipts;
  readonly #doctor: Doctor;
  readonly #groups: Groups;
  /** Called with an account that the person has accepted, blocked or unblocked, here or elsewhere. */
  onAnswered: (account: Uint8Array, state: string) => void = () => undefined;
  /** An answer that was on its way when the person decided something would undo that here. */
  readonly #turn = new Turn();

  constructor(context: Context, parts: Parts) {
    this.#context = context;
    this.#directory = parts.directory;
    this.#inbox = parts.inbox;
    this.#sender = parts.sender;
    this.#controls = parts.controls;
    this.#receipts = parts.receipts;
    this.#doctor = parts.doctor;
    this.#groups = parts.groups;
  }

  /** Accounts whose username begins like this, oneself excluded. */
  async find(prefix: string): Promise<Person[]> {
    const own = this.#context.account;
    const found = (await this.#context.api.find(prefix)).filter((one) => !equal(one.account, own));
    return found.flatMap((one) => {
      const username = this.#believedName(one);
      const chat = uuid(conversationWith(own, one.account));
      return username === null ? [] : [{ account: uuid(one.account), username, chat }];
    });
  }

  /** The conversation with somebody, made if there is none yet. */
  chatWith(account: Uint8Array, username: string): Overview {
    const own = this.#context.account;
    if (equal(account, own)) throw new WrongUse(WORDS.thatIsYou);
    const peer = this.#directory.name(account, username);
    // Else it would be written to somebody who was not asked for.
    if (!sameName(peer.username, username)) throw new UnknownPerson(WORDS.otherAccount(username));
    const { telling } = this.#context;
    const overview = this.#context.write((tx) => {
      const chat = chatWith(tx, own, account);
      return chats.overviews(tx, chat.conversation).at(0) ?? { chat, last: null, unread: 0, firstUnread: 0, mentioned: false };
    });
    telling.chat(overview.chat.conversation);
    telling.flush();
    return overview;
  }

  accept(account: Uint8Array): Promise<void> {
    return this.#answer(account, "accept");
  }

  /** Hear nothing more from somebody, who is not told. */
  block(account: Uint8Array): Promise<void> {
    return this.#answer(account, "block");
  }

  unblock(account: Uint8Array): Promise<void> {
    return this.#answer(account, "unblock");
  }

  /** Learn what was decided elsewhere. */
  syncContacts(): Promise<void> {
    return this.#turn.take(() => this.#syncContacts());
  }

  async #syncContacts(): Promise<void> {
    const { api, answered, telling } = this.#context;
    const contacts = await api.contacts();
    const named = this.#context.write((tx) =>
      contacts.map((one) => {
        const before = peers.byAccount(tx, one.account) ?? Peer.of({ account: one.account });
        const { request, blocked } = standing(one);
        const now = { username: one.username, request: request && !answered.has(hex(one.account)), blocked };
        const same = before.username === now.username && before.request === now.request;
        if (same && before.blocked === now.blocked) return before; // most are, whenever we connect
        telling.account(one.account);
        return peers.change(tx, one.account, now);
      }),
    );
    telling.flush();
    for (const [at, peer] of named.entries()) this.#directory.checkName(peer, contacts[at]?.username ?? "");
    this.#receipts.wanted.set();
  }

  /** The number to compare with somebody; of the new identity where it has changed. */
  async safetyNumber(account: Uint8Array): Promise<SafetyNumber> {
    const me = this.#context.write(requireMe);
    if (equal(account, me.account)) throw new WrongUse(WORDS.nobodyToCompare);
    let peer = await this.#directory.pinned(account);
    if (hasChanged(peer)) peer = await this.#lookedAtAgain(peer);
    const key = currentKey(peer);
    if (key === null || me.accountKey === null) throw new WrongUse(WORDS.nobodyToCompare);
    const number = safetyNumber(me.account, me.accountKey, peer.account, key);
    this.#context.write((tx) => peers.change(tx, peer.account, { shownKey: key }));
    return { digits: number.digits, scannable: number.scannable, key };
  }

  /** The person has compared the number that stands for `key`. Acknowledges a changed identity. */
  async verify(account: Uint8Array, key: Uint8Array): Promise<void> {
    if (hasChanged(this.#directory.known(account))) await this.#groups.catchUp(account);
    this.#context.write((tx) => markVerified(tx, account, key));
    await this.#settled(account);
  }

  /** Write on to somebody whose identity has changed, without having compared anything. */
  async acknowledge(account: Uint8Array): Promise<void> {
    if (!hasChanged(this.#directory.known(account))) return;
    await this.#groups.catchUp(account);
    this.#context.write((tx) => hasChanged(peers.byAccount(tx, account)) && acknowledge(tx, account));
    await this.#settled(account);
  }

  /** What waited for the person's word about an identity is read, and leaves. */
  async #settled(account: Uint8Array): Promise<void> {
    this.#context.telling.account(account);
    this.#context.telling.flush();
    this.#sender.wanted.set();
    this.#controls.wanted.set();
    await this.#unpark();
    await this.#groups.resume();
  }

  /** Perhaps the server has taken a change back, or made another. */
  async #lookedAtAgain(peer: Peer): Promise<Peer> {
    try {
      const refreshed = await this.#directory.refresh(peer.account);
      await this.#unpark();
      this.#sender.wanted.set();
      return refreshed;
    } catch (error) {
      if (error instanceof Unreachable || error instanceof KeysRefused) return peer;
      throw error;
    }
  }

  /** What stays parked is read by the next connection. */
  async #unpark(): Promise<void> {
    try {
      await this.#inbox.unpark();
    } catch (error) {
      if (!(error instanceof Unreachable)) throw error;
    }
  }

  #answer(account: Uint8Array, verb: "accept" | "block" | "unblock"): Promise<void> {
    return this.#turn.take(async () => this.#note(await this.#context.api.answerContact(account, verb)));
  }

  /** A frame of the server: another device of one's own has accepted, blocked or unblocked somebody. */
  heard(frame: Json): void {
    this.#note({ account: forms.identifier(frame["account"]), state: forms.string(frame["state"]) });
  }

  #note(contact: Pick<ContactState, "account" | "state">): void {
    const { answered, telling } = this.#context;
    const key = hex(contact.account);
    if (contact.state === "requested") answered.delete(key);
    else answered.add(key);
    this.#context.write((tx) => peers.change(tx, contact.account, standing(contact)));
    telling.account(contact.account);
    telling.flush();
    this.#receipts.wanted.set(); // what was read while it was a request may be told now
    this.#doctor.review(); // nobody was asked for anything until now
    this.onAnswered(contact.account, contact.state);
  }

  /** The name under which an account is known here; null for one that has somebody else's. */
  #believedName(profile: Profile): string | null {
    const { account, username } = profile;
    const known = this.#directory.known(account);
    if (known.pin !== null && known.username !== "") return known.username;
    const holder = this.#context.write((tx) => peers.byName(tx, username));
    if (holder === null || equal(holder.account, account) || holder.pin === null) return username;
    this.#directory.checkName({ ...known, username: "" }, username);
    return null;
  }
}

function standing(contact: Pick<ContactState, "state">): Pick<Peer, "request" | "blocked"> {
  return { request: contact.state === "requested", blocked: contact.state === "blocked" };
}
