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
import { mentionsIn } from "./mentions";
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

  /** Store a message for sending in a conversation, in place of its draft. Touches no network. Throws WrongUse. */
  enqueue(chat: Uint8Array, text: string, named: readonly Uint8Array[] = []): Entry {
    checkText(text);
    return this.#enqueue((tx, me) => {
      const mentions = mentionsIn(tx, me.account, { chat, author: me.account, named });
      chats.saveDraft(tx, chat, "");
      return this.#add(tx, me, Entry.of({ ...this.#fresh(me), ...mentions, id: random(16), text, chat }));
    });
  }

  /** Write a failed message once more, under its own id: the server may have it after all. */
  resend(messageId: Uint8Array): Entry {
    return this.#enqueue((tx, me) => {
      const failed = this.#failed(tx, me, messageId);
      const { text, chat, mentions } = failed;
      timeline.remove(tx, me.account, messageId);
      return this.#add(tx, me, Entry.of({ ...this.#fresh(me), id: messageId, text, chat, mentions }));
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

  #add(tx: Transaction, me: Me, entry: Entry): Entry {
    const account = chats.chat(tx, entry.chat)?.account;
    if (account === undefined) throw new WrongUse(WORDS.unknownChat);
    if (equal(account, me.account)) throw new WrongUse(WORDS.thatIsYou);
    const group = groups.get(tx, entry.chat);
    if (group !== null && group.ended !== "") throw new WrongUse(WORDS.groupOver);
    const added = timeline.add(tx, entry);
    if (added === null) throw new Defect(WORDS.cannotBeSent);
    const { id, sent, text, chat, mentions } = added;
    if (group === null) outbox.add(tx, Outgoing.of({ id, account, sent, text, mentions }), chat);
    else groupOutbox.add(tx, GroupOutgoing.of({ id, group: chat, sent, text, mentions }));
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
