// This browser as a device of the account: its store and everything that works on it, from opening to closing.

import { ClientError, LinkingNeeded, SignInNeeded, TakenOver } from "../lib/errors";
import type { Store } from "../store/database";
import { Enrolment } from "./account";
import { Approver } from "./approving";
import { Context, type Environment, type Lock, type Page } from "./context";
import { Controls } from "./controls";
import { Directory } from "./directory";
import { Doctor } from "./doctor";
import { Following } from "./group_following";
import { GroupKeeper } from "./group_keeping";
import { GroupSender } from "./group_sending";
import { Groups } from "./groups";
import { Linker } from "./linking";
import { Live } from "./live";
import type { Connection, Ending, Told } from "./model";
import { OpenChats } from "./open_chats";
import { OpenHearing } from "./open_hearing";
import { OpenHistory } from "./open_history";
import { OpenKeeper } from "./open_keeping";
import { OpenReading } from "./open_reading";
import { OpenSender } from "./open_sending";
import { OwnDevices } from "./own_devices";
import { People } from "./people";
import { PrekeyKeeper } from "./prekeys";
import { Receipts } from "./receipts";
import { Inbox } from "./receiving";
import { Sender } from "./sending";
import { Statuses } from "./statuses";
import { Typing } from "./typing";
import { WORDS } from "./words";
import { Writer } from "./writing";

export class Device {
  readonly context: Context;
  readonly directory: Directory;
  readonly prekeys: PrekeyKeeper;
  readonly enrolment: Enrolment;
  readonly sender: Sender;
  readonly writer: Writer;
  readonly controls: Controls;
  readonly doctor: Doctor;
  readonly following: Following;
  readonly groupSender: GroupSender;
  readonly groupKeeper: GroupKeeper;
  readonly groups: Groups;
  readonly openKeeper: OpenKeeper;
  readonly openChats: OpenChats;
  readonly openHistory: OpenHistory;
  readonly openSender: OpenSender;
  readonly openReading: OpenReading;
  readonly openHearing: OpenHearing;
  readonly inbox: Inbox;
  readonly statuses: Statuses;
  readonly receipts: Receipts;
  readonly typing: Typing;
  readonly people: People;
  readonly ownDevices: OwnDevices;
  readonly linker: Linker;
  readonly approver: Approver;
  readonly #lock: Lock;
  #live: Live | null = null;
  #closed = false;

  constructor(environment: Environment, store: Store, lock: Lock, page: Page, say: (told: Told) => void) {
    this.#lock = lock;
    const context = (this.context = new Context(environment, store, page, say));
    this.directory = new Directory(context);
    this.prekeys = new PrekeyKeeper(context);
    this.enrolment = new Enrolment(context, this.directory, this.prekeys);
    this.sender = new Sender(context, this.directory);
    this.controls = new Controls(context, this.directory);
    this.following = new Following(context, this.directory);
    this.groupSender = new GroupSender(context, this.directory, this.following, this.controls);
    this.groupKeeper = new GroupKeeper(context, this.directory, this.following, this.groupSender, this.controls);
    this.groups = new Groups(context, this.directory, this.following, this.groupSender);
    this.writer = new Writer(context, this.sender, this.groupSender);
    this.doctor = new Doctor(context, this.controls);
    this.typing = new Typing(context);
    this.openKeeper = new OpenKeeper(context, this.directory);
    this.openChats = new OpenChats(context, this.directory, this.openKeeper);
    this.openHistory = new OpenHistory(context, this.openKeeper);
    this.openSender = new OpenSender(context, this.openKeeper);
    this.openReading = new OpenReading(context);
    this.openHearing = new OpenHearing(context, this.openKeeper, this.typing);
    this.inbox = new Inbox(context, this.directory, this.typing, this.controls, this.following);
    this.inbox.onEarly = () => this.groupKeeper.wanted.set();
    this.statuses = new Statuses(context);
    this.receipts = new Receipts(context);
    this.people = new People(context, this);
    this.people.onAnswered = (account, state) => this.openChats.answered(account, state);
    this.ownDevices = new OwnDevices(context, this.directory, this.enrolment);
    this.ownDevices.beforeReset = () => this.groups.catchUp(context.account);
    this.linker = new Linker(context, this.directory, this.enrolment);
    this.approver = new Approver(context, this.directory, this.ownDevices, this.controls);
  }

  get connection(): Connection | null {
    return this.#live?.connection ?? null;
  }

  /** Stay connected from now on; at once, if that is being waited for. */
  connect(): void {
    if (this.#closed) return;
    if (this.#live !== null) {
      this.#live.hurry();
      return;
    }
    const live = (this.#live = new Live(this.context, this));
    this.context.telling.flush(); // gaps that have waited long enough while nobody was here
    void live.run().then(
      () => undefined,
      (error: unknown) => {
        if (this.#live === live) this.#live = null;
        if (!this.#closed) this.#end(error);
      },
    );
  }

  /** Stop, close the store, and let the account's lock go. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#live?.stop();
    this.linker.stop();
    this.typing.close();
    this.context.close();
    this.#lock.release();
  }

  #end(error: unknown): void {
    this.typing.close();
    this.context.telling.say({ type: "ended", ...meaning(error) });
  }
}

function meaning(error: unknown): { why: Ending; text: string } {
  if (error instanceof TakenOver) return { why: "replaced", text: WORDS.replaced };
  if (error instanceof LinkingNeeded) return { why: "unlinked", text: error.message };
  if (error instanceof SignInNeeded) {
    return { why: "signed_out", text: error.code === "session_ended" ? error.message : WORDS.signedOut };
  }
  return { why: "failed", text: WORDS.stopped(error instanceof ClientError ? error.message : WORDS.defect) };
}
