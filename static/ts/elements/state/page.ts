// The chat page without its DOM: who is signed in, what is open, what goes to the client and what comes from it.

import type { Messenger, StartOptions } from "../../client/messenger";
import type { Account, ChatSummary, Line, Person, SafetyNumber, Start, Told } from "../../client/model";
import { Changes } from "./changes";
import { ChatList } from "./chat_list";
import type { Clock } from "./clock";
import { ConnectionState } from "./connection";
import { Conversation } from "./conversation";
import { Devices } from "./devices";
import { Drafts } from "./drafts";
import { GroupDialog } from "./group_dialog";
import { Groups } from "./groups";
import { History } from "./history";
import { Linking } from "./linking";
import { Notices, reasonOf } from "./notices";
import { PeopleSearch } from "./people";
import type { Route } from "./route";
import { TypingSignal } from "./typing";

export type Ended = Extract<Told, { type: "ended" }>;
export type Phase = { readonly state: "starting" } | Start | { readonly state: "ended"; readonly ended: Ended };

export class ChatPage {
  /** The phase, the route or the conversation are others. */
  readonly changed = new Changes();
  readonly list = new ChatList();
  readonly connection: ConnectionState;
  readonly drafts: Drafts;
  readonly people: PeopleSearch;
  readonly notices = new Notices();
  readonly devices: Devices;
  readonly linking: Linking;
  readonly groups: Groups;
  readonly groupDialog: GroupDialog;
  readonly history: History;
  readonly options: StartOptions;
  phase: Phase = { state: "starting" };
  account: Account | null = null;
  route: Route = { chat: null, details: false };
  conversation: Conversation | null = null;
  readonly #messenger: Messenger;
  readonly #clock: Clock;
  readonly #typing: TypingSignal;
  readonly #ready: Promise<void>;
  #resolveReady: () => void = () => undefined;
  #attended = false; // somebody looks at the page
  #looking: string | null = null;
  #marked = 0;
  #lowest = 0; // position of the lowest line in view

  constructor(messenger: Messenger, options: StartOptions, clock: Clock) {
    this.#messenger = messenger;
    this.#clock = clock;
    this.options = options;
    this.connection = new ConnectionState(clock);
    this.drafts = new Drafts((chat, text) => this.#do(this.#ready.then(() => messenger.saveDraft(chat, text))), clock);
    this.people = new PeopleSearch((prefix) => messenger.find(prefix), clock);
    this.#ready = new Promise((resolve) => (this.#resolveReady = resolve));
    this.devices = new Devices(messenger, this.#ready);
    this.groups = new Groups(messenger, this.notices);
    this.groupDialog = new GroupDialog(messenger, this.#ready, clock);
    this.linking = new Linking(messenger, () => this.#linked());
    this.history = new History(messenger, clock);
    this.#typing = new TypingSignal((chat, on) => this.#do(messenger.typing(chat, on)), clock);
    messenger.listen((told) => this.#hear(told));
  }

  /** `takeOver`: the person has said already that it shall be this tab. */
  async start({ takeOver = false } = {}): Promise<void> {
    await this.#begin(async () => {
      const start = await this.#messenger.start(this.options);
      return start.state === "open_elsewhere" && takeOver ? this.#messenger.takeOver() : start;
    });
  }

  async takeOver(): Promise<void> {
    await this.#begin(() => this.#messenger.takeOver());
  }

  async startAfresh(): Promise<void> {
    await this.#begin(() => this.#messenger.startAfresh());
  }

  /** Instead of linking, where no other device is left: this browser speaks for a new identity. */
  async resetIdentity(): Promise<void> {
    await this.linking.stop();
    await this.#begin(() => this.#messenger.resetIdentity());
  }

  /** The open chat as the list has it; undefined while the list is loading, or when there is no such chat. */
  get summary(): ChatSummary | undefined {
    return this.route.chat === null ? undefined : this.list.get(this.route.chat);
  }

  /** Show what an address says. */
  go(route: Route): void {
    const other = route.chat !== this.route.chat;
    if (other) this.#leave();
    this.route = route;
    if (other) {
      this.list.setCurrent(route.chat);
      this.#enter();
    }
    this.changed.emit();
  }

  /** Whether somebody looks at the page: it is visible and has the focus. */
  attend(attended: boolean): void {
    this.#attended = attended;
    if (!attended) this.drafts.flushAll();
    if (attended && this.phase.state === "open_elsewhere") void this.#startQuietly();
    this.#look();
    this.#mark();
  }

  /** The log: its newest line is in view or not, and the position of the lowest line in view. */
  see(following: boolean, position: number): void {
    this.#lowest = position;
    this.conversation?.follow(following);
    this.#look();
    this.#mark();
  }

  typed(text: string): void {
    const { chat } = this.route;
    if (chat === null) return;
    this.drafts.set(chat, text);
    const summary = this.summary;
    if (text && summary?.kind === "private" && !summary.request) this.#typing.typed(chat);
    else this.#typing.stop();
  }

  /** Send from the open chat. On the screen at once, stored a moment later, whether connected or not. */
  async send(text: string): Promise<void> {
    const conversation = this.conversation;
    if (!conversation || text.trim() === "") return;
    const pending = conversation.addPending(text);
    void conversation.newest();
    this.#typing.stop();
    this.drafts.set(conversation.chat, "");
    this.drafts.flush(conversation.chat);
    await this.#ready;
    try {
      conversation.settle(pending, await this.#messenger.send(conversation.chat, text));
    } catch (error) {
      conversation.settle(pending, null);
      this.drafts.restore(conversation.chat, text);
      this.notices.complain(error);
    }
  }

  resend(line: Line): void {
    this.#do(this.#messenger.resend(line.id).then((sent) => this.conversation?.take([sent])));
  }

  discard(line: Line): void {
    this.#do(this.#messenger.discard(line.id).then(() => this.conversation?.remove(line.id)));
  }

  /** Have the sender of a message that cannot be read asked for it. */
  askAgain(line: Line): void {
    this.#do(this.#messenger.askAgain(line.id));
  }

  /** The id of the conversation with somebody who was found. */
  async chatWith(person: Person): Promise<string | null> {
    try {
      const chat = await this.#messenger.chatWith(person, { open: false });
      this.list.take([chat]);
      return chat.id;
    } catch (error) {
      this.notices.complain(error);
      return null;
    }
  }

  /** Something about the person of the open chat; false: it did not work, and a notice says why. */
  async decide(what: "accept" | "block" | "unblock" | "acknowledge"): Promise<boolean> {
    const chat = this.summary;
    if (!chat) return false;
    try {
      await this.#messenger[what](chat.account);
      return true;
    } catch (error) {
      this.notices.complain(error);
      return false;
    } finally {
      this.#look();
    }
  }

  safetyNumber(account: string): Promise<SafetyNumber> {
    return this.#messenger.safetyNumber(account);
  }

  async verify(account: string, number: SafetyNumber): Promise<void> {
    try {
      await this.#messenger.verify(account, number.key);
    } catch (error) {
      this.notices.complain(error);
    }
  }

  reconnect(): void {
    this.#do(this.#messenger.reconnect());
  }

  /** The other tab may have been closed meanwhile. If it was not, nothing moves. */
  async #startQuietly(): Promise<void> {
    const start = await this.#messenger.start(this.options).catch(() => null);
    if (start === null || start.state === "open_elsewhere" || this.phase.state !== "open_elsewhere") return;
    await this.#begin(() => Promise.resolve(start));
  }

  async #begin(begin: () => Promise<Start>): Promise<void> {
    this.#become({ state: "starting" });
    try {
      const start = await begin();
      if (start.state === "ready") {
        this.account = start.account;
        this.list.take(await this.#messenger.chats(), { complete: true });
        this.#become(start);
        this.#enter();
        this.#resolveReady();
      } else {
        this.#become(start);
      }
    } catch (error) {
      this.#become({ state: "failed", why: reasonOf(error) });
    }
  }

  /** The address that led here may have asked for the devices: nobody wants to link one more at once. */
  #linked(): void {
    this.devices.close();
    void this.start();
  }

  #become(phase: Phase): void {
    this.phase = phase;
    if (phase.state === "linking_needed") void this.linking.begin();
    this.changed.emit();
  }

  #enter(): void {
    const { chat } = this.route;
    if (chat === null || (this.list.loaded && !this.list.get(chat))) {
      this.conversation = null;
      return;
    }
    if (this.conversation?.chat !== chat) this.conversation = new Conversation(this.#messenger, this.#clock, chat);
    const summary = this.list.get(chat);
    if (summary && !this.conversation.opened) void this.conversation.open(summary).then(() => this.#look());
    this.changed.emit();
  }

  #leave(): void {
    this.#typing.stop();
    this.drafts.flushAll();
    this.conversation = null;
    this.#marked = 0;
    this.#lowest = 0;
    this.#look();
  }

  /** Tell the client which chat is being read, so that what comes in there counts as read. */
  #look(): void {
    const chat = this.summary;
    const conversation = this.conversation;
    const reading = this.#attended && conversation?.opened && conversation.following && conversation.atEnd;
    const looking = reading && chat && !chat.request && !chat.blocked ? chat.id : null;
    if (looking === this.#looking) return;
    this.#looking = looking;
    if (this.phase.state === "ready") this.#do(this.#messenger.look(looking));
  }

  /** What is in view counts as read, unless nobody looks, or the person has not decided about the request. */
  #mark(): void {
    const chat = this.summary;
    if (!chat || !this.#attended || chat.request || chat.blocked || chat.unread === 0) return;
    if (this.#lowest < chat.firstUnread || this.#lowest <= this.#marked) return;
    this.#marked = this.#lowest;
    this.#do(this.#messenger.markRead(chat.id, this.#lowest));
  }

  #hear(told: Told): void {
    switch (told.type) {
      case "lines":
        if (this.conversation?.chat === told.chat) this.conversation.take(told.lines, { seen: this.#attended });
        if (told.lines.some((line) => !line.outgoing)) this.list.setTyping(told.chat, false);
        return;
      case "chats":
        this.list.take(told.chats);
        if (!this.conversation?.opened) this.#enter();
        this.#look();
        return;
      case "connection":
        this.connection.take(told.connection);
        return;
      case "typing":
        this.list.setTyping(told.chat, told.on);
        if (this.conversation?.chat === told.chat) this.conversation.setTyping(told.on);
        return;
      case "notice":
        this.notices.add(told.text);
        return;
      case "ended":
        this.drafts.flushAll();
        this.#become({ state: "ended", ended: told });
    }
  }

  #do(work: Promise<unknown>): void {
    work.catch((error: unknown) => this.notices.complain(error));
  }
}
