// The chat page without its DOM: who is signed in, what is open, what goes to the client and what comes from it.

import type { Messenger, StartOptions } from "../../client/messenger";
import type { Account, ChatSummary, Person, SafetyNumber, Start, Told } from "../../client/model";
import { Changes } from "./changes";
import { ChatList } from "./chat_list";
import type { Clock } from "./clock";
import { ConnectionState } from "./connection";
import { Conversation } from "./conversation";
import { Devices } from "./devices";
import { GroupDialog } from "./group_dialog";
import { Groups } from "./groups";
import { History } from "./history";
import { Linking } from "./linking";
import { MessageSearch } from "./message_search";
import { Notices, reasonOf } from "./notices";
import { PeopleSearch } from "./people";
import { Reading, type Open } from "./reading";
import type { Route } from "./route";
import { Typists } from "./typists";
import { Writing } from "./writing";

export type Ended = Extract<Told, { type: "ended" }>;
export type Phase = { readonly state: "starting" } | Start | { readonly state: "ended"; readonly ended: Ended };

export class ChatPage {
  /** The phase, the route or the conversation are others. */
  readonly changed = new Changes();
  readonly list = new ChatList();
  readonly connection: ConnectionState;
  readonly typists: Typists;
  readonly writing: Writing;
  readonly reading: Reading;
  readonly search: MessageSearch; // through all open chats
  chatSearch: MessageSearch | null = null; // in the chat that is open
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
  readonly #ready: Promise<void>;
  #resolveReady: () => void = () => undefined;

  constructor(messenger: Messenger, options: StartOptions, clock: Clock) {
    this.#messenger = messenger;
    this.#clock = clock;
    this.options = options;
    this.connection = new ConnectionState(clock);
    this.people = new PeopleSearch((prefix) => messenger.find(prefix), clock);
    this.#ready = new Promise((resolve) => (this.#resolveReady = resolve));
    this.devices = new Devices(messenger, this.#ready);
    this.groups = new Groups(messenger, this.notices);
    this.groupDialog = new GroupDialog(messenger, this.#ready, clock);
    this.linking = new Linking(messenger, () => this.#linked());
    this.history = new History(messenger, clock);
    this.typists = new Typists(clock);
    this.search = new MessageSearch((query, cursor) => messenger.search(query, null, cursor), clock);
    this.writing = new Writing(messenger, clock, {
      ready: this.#ready,
      own: options.account,
      notices: this.notices,
      place: () => ({ chat: this.summary, conversation: this.conversation }),
    });
    const open = (): Open => ({
      chat: this.summary,
      conversation: this.conversation,
      ready: this.phase.state === "ready",
    });
    this.reading = new Reading(messenger, open, (work) => this.#do(work));
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
      if (route.chat !== null) this.writing.enter(route.chat);
    }
    this.changed.emit();
  }

  /** Whether somebody looks at the page: it is visible and has the focus. */
  attend(attended: boolean): void {
    if (!attended) this.writing.drafts.flushAll();
    if (attended && this.phase.state === "open_elsewhere") void this.#startQuietly();
    this.reading.attend(attended);
  }

  /** Look for messages in the open chat, if its history is on the server. */
  openSearch(): void {
    const chat = this.summary;
    if (!chat?.open || this.chatSearch) return;
    this.chatSearch = new MessageSearch((query, cursor) => this.#messenger.search(query, chat.id, cursor), this.#clock);
    this.changed.emit();
  }

  closeSearch(): void {
    if (!this.chatSearch) return;
    this.chatSearch = null;
    this.conversation?.forget();
    this.changed.emit();
  }

  /** Show a line of the open chat in its place, and of its text the words that were searched for. */
  showLine(line: string, words: readonly string[]): void {
    void this.conversation?.find(line, words);
  }

  /** The id of the conversation with somebody who was found. */
  async chatWith(person: Person, { open = false } = {}): Promise<string | null> {
    try {
      const chat = await this.#messenger.chatWith(person, { open });
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
      this.reading.look();
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
    if (summary && !this.conversation.opened) void this.conversation.open(summary).then(() => this.reading.look());
    this.changed.emit();
  }

  #leave(): void {
    this.writing.leave();
    this.conversation = null;
    this.chatSearch = null;
    this.reading.leave();
  }

  #hear(told: Told): void {
    switch (told.type) {
      case "lines":
        if (this.conversation?.chat === told.chat) this.conversation.take(told.lines, { seen: this.reading.attended });
        this.#wrote(told);
        return;
      case "chats":
        this.list.take(told.chats);
        if (!this.conversation?.opened) this.#enter();
        this.reading.look();
        return;
      case "connection":
        this.connection.take(told.connection);
        return;
      case "typing":
        this.typists.take(told.chat, told.account, told.name, told.on);
        return;
      case "notice":
        this.notices.add(told.text);
        return;
      case "ended":
        this.writing.drafts.flushAll();
        this.#become({ state: "ended", ended: told });
    }
  }

  /** Who has written something is not typing it any more. */
  #wrote({ chat, lines }: Extract<Told, { type: "lines" }>): void {
    for (const line of lines) {
      if (line.kind === "text" && !line.outgoing) this.typists.wrote(chat, line.sender);
    }
  }

  #do(work: Promise<unknown>): void {
    work.catch((error: unknown) => this.notices.complain(error));
  }
}
