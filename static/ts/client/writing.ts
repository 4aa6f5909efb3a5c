// What the person writes, before any network: stored for sending, written once more, taken away.

import { equal, random } from "../lib/bytes";
import { Defect, WrongUse } from "../lib/errors";
import * as chats from "../store/chats";
import * as groupOutbox from "../store/group_outbox";
import { GroupOutgoing } from "../store/group_records";
import * as groups from "../store/groups";
import * as outbox from "../store/outbox";
import { Entry, Outgoing, type Me } from "../store/records";
import * as timeline from "../store/timeline";
import type { Transaction } from "../store/transaction";
import { requireMe, type Context } from "./context";
import type { GroupSender } from "./group_sending";
import { chatWith } from "./places";
import type { Sender } from "./sending";
import { WORDS } from "./words";

const MOST_TEXT = 60_000; // bytes of UTF-8: with keys and padding under the 64 KiB that the server takes for a device

export class Writer {
  readonly #context: Context;
  readonly #sender: Sender;
  readonly #groupSender: GroupSender;

  constructor(context: Context, sender: Sender, groupSender: GroupSender) {
    this.#context = context;
    this.#sender = sender;
    this.#groupSender = groupSender;
  }

  /** Store a message for sending to an account, or a group chat, and tell the page. Touches no network. Throws WrongUse. */
  enqueue(account: Uint8Array, text: string): Entry {
    checkText(text);
    return this.#enqueue((tx, me) => {
      if (equal(account, me.account)) throw new WrongUse(WORDS.thatIsYou);
      return this.#add(tx, me, account, Entry.of({ ...this.#fresh(me), id: random(16), text, chat: account }));
    });
  }

  /** Write a failed message once more, under its own id: the server may have it after all. */
  resend(messageId: Uint8Array): Entry {
    return this.#enqueue((tx, me) => {
      const failed = this.#failed(tx, me, messageId);
      const account = chats.chat(tx, failed.chat)?.account;
      if (account === undefined) throw new WrongUse(WORDS.unknownChat);
      timeline.remove(tx, me.account, messageId);
      return this.#add(tx, me, account, Entry.of({ ...this.#fresh(me), id: messageId, text: failed.text, chat: account }));
    });
  }

  /** Take a failed message away. */
  discard(messageId: Uint8Array): void {
    this.#context.write((tx) => {
      const failed = this.#failed(tx, requireMe(tx), messageId);
      timeline.remove(tx, failed.account, messageId);
      this.#context.telling.chat(failed.chat);
    });
    this.#context.telling.flush();
  }

  #enqueue(work: (tx: Transaction, me: Me) => Entry): Entry {
    const entry = this.#context.write((tx) => work(tx, requireMe(tx)));
    this.#context.telling.lines([entry]);
    this.#context.telling.flush();
    this.#sender.wanted.set();
    this.#groupSender.wanted.set();
    return entry;
  }

  #fresh(me: Me): Pick<Entry, "kind" | "outgoing" | "account" | "sent" | "device" | "state"> {
    const { account, device } = me;
    return { kind: "text", outgoing: true, account, sent: this.#context.now(), device, state: "queued" };
  }

  #add(tx: Transaction, me: Me, account: Uint8Array, entry: Entry): Entry {
    const group = groups.get(tx, account);
    if (group !== null && group.ended !== "") throw new WrongUse(WORDS.groupOver);
    const chat = group === null ? chatWith(tx, me.account, account).conversation : group.id;
    const added = timeline.add(tx, { ...entry, chat });
    if (added === null) throw new Defect(WORDS.cannotBeSent);
    const { id, sent, text } = added;
    if (group === null) outbox.add(tx, Outgoing.of({ id, account, sent, text }), chat);
    else groupOutbox.add(tx, GroupOutgoing.of({ id, group: chat, sent, text }));
    return added;
  }

  #failed(tx: Transaction, me: Me, messageId: Uint8Array): Entry {
    const entry = timeline.get(tx, me.account, messageId);
    if (entry === null) throw new WrongUse(WORDS.noSuchLine);
    if (entry.state !== "failed") throw new WrongUse(WORDS.notFailed);
    return entry;
  }
}

function checkText(text: string): void {
  if (text === "" || new TextEncoder().encode(text).length > MOST_TEXT) throw new WrongUse(WORDS.textSize(MOST_TEXT));
  if (/\p{Surrogate}/u.test(text)) throw new WrongUse(WORDS.notUnicode);
}
