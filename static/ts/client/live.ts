// One connection: fed from the outbox, drained into the store. docs/events.md.
//
// Reading, storing and acknowledging overlap: the socket is read on while a batch is decrypted.

import { statusesOfFrame, type Status } from "../api/answers";
import * as forms from "../api/forms";
import { equal } from "../lib/bytes";
import { type ClientError, Defect, KeysRefused, Refused, Unreachable } from "../lib/errors";
import type { Stream } from "../stream/index";
import { Connecting } from "./connecting";
import type { Context } from "./context";
import type { Controls } from "./controls";
import type { Directory } from "./directory";
import type { Doctor } from "./doctor";
import { Frames } from "./frames";
import type { GroupKeeper } from "./group_keeping";
import type { GroupSender } from "./group_sending";
import type { Groups } from "./groups";
import { acknowledge, childOf, unhurried } from "./live_work";
import type { Connection } from "./model";
import type { OpenHearing } from "./open_hearing";
import type { OpenKeeper } from "./open_keeping";
import type { OpenReading } from "./open_reading";
import type { OpenSender } from "./open_sending";
import type { OwnDevices } from "./own_devices";
import type { People } from "./people";
import type { PrekeyKeeper } from "./prekeys";
import type { Receipts } from "./receipts";
import { MOST, type Inbox } from "./receiving";
import type { Sender } from "./sending";
import { breathe, isOver } from "./signals";
import type { Statuses } from "./statuses";
import type { Typing } from "./typing";
import { WORDS } from "./words";

type Json = forms.Json;

const OUTBOX_EVERY = 5; // seconds between tries at what waits for something of its recipient

// Shown in the conversation; not every few seconds.
const STANDING = new Set(["identity_changed"]);

const STATUS_FRAMES: ReadonlyMap<unknown, Status["status"]> = new Map([
  ["message.delivered", "delivered"],
  ["message.read", "read"],
  ["message.expired", "expired"],
] as const);

/** The parts that a connection works with. */
export interface Parts {
  readonly directory: Directory;
  readonly prekeys: PrekeyKeeper;
  readonly sender: Sender;
  readonly inbox: Inbox;
  readonly statuses: Statuses;
  readonly receipts: Receipts;
  readonly controls: Controls;
  readonly doctor: Doctor;
  readonly typing: Typing;
  readonly people: People;
  readonly ownDevices: OwnDevices;
  readonly groups: Groups;
  readonly groupSender: GroupSender;
  readonly groupKeeper: GroupKeeper;
  readonly openKeeper: OpenKeeper;
  readonly openHearing: OpenHearing;
  readonly openReading: OpenReading;
  readonly openSender: OpenSender;
}

/** `run` it once; `stop` ends it. */
export class Live {
  readonly #context: Context;
  readonly #parts: Parts;
  readonly #connecting: Connecting;
  readonly #said = new Set<string>();

  constructor(context: Context, parts: Parts) {
    this.#context = context;
    this.#parts = parts;
    this.#connecting = new Connecting(context, (stream, over) => this.#serve(stream, over));
  }

  get connection(): Connection {
    return this.#connecting.connection;
  }

  /** Stay connected until stopped. Throws SignInNeeded, TakenOver, Defect; waits out everything else. */
  run(): Promise<void> {
    return this.#connecting.run();
  }

  /** At once: what was being stored is stored, and what was not acknowledged comes again. */
  stop(): void {
    this.#connecting.stop();
  }

  /** Try to connect now. */
  hurry(): void {
    this.#connecting.hurry();
  }

  /** Serve one connection until it breaks or we stop. */
  async #serve(stream: Stream, over: AbortController): Promise<void> {
    const frames = new Frames();
    this.#context.stream = stream;
    this.#connecting.tell({ state: "updating" });
    const ended = new Promise<void>((resolve) => over.signal.addEventListener("abort", () => resolve()));
    const open = childOf(over.signal);
    const work = [
      this.#read(stream, frames),
      this.#work(stream, frames, over.signal),
      this.#tend(),
      this.#keepToken(stream, over.signal),
      this.#emptyOutbox(over.signal),
      this.#parts.receipts.run(over.signal),
      this.#parts.controls.run(over.signal),
      this.#parts.doctor.run(over.signal),
      this.#parts.groupSender.run(over.signal),
      this.#parts.groupKeeper.run(over.signal),
      this.#parts.openSender.run(open),
      this.#parts.openReading.run(open),
    ].map((one) => one.catch((error: unknown) => fail(error)));
    const failure = new Promise<never>((_, reject) => {
      for (const one of work) void one.then((result) => result instanceof Failure && reject(result.error as Error));
    });
    try {
      await Promise.race([failure, ended]);
    } finally {
      // What still runs sees this at its next step; what it has begun to store it stores.
      over.abort();
      this.#context.stream = null;
      failure.catch(() => undefined);
      stream.close();
    }
  }

  async #read(stream: Stream, frames: Frames): Promise<void> {
    for (;;) {
      const frame = await stream.receive();
      if (frame["type"] === "server.draining") {
        throw new Unreachable(WORDS.draining, "draining", this.#connecting.drainDelay(frame));
      }
      frames.put(frame);
    }
  }

  /** Take what has arrived, up to a batch at once. */
  async #work(stream: Stream, frames: Frames, over: AbortSignal): Promise<void> {
    while (!isOver(over)) {
      await frames.arrived.wait(over);
      // The page's calls come in between, and what else is here already comes along.
      await breathe();
      if (!isOver(over)) await this.#handle(stream, frames.take(MOST));
    }
  }

  async #handle(stream: Stream, frames: readonly Json[]): Promise<void> {
    const envelopes = frames.filter((frame) => frame["type"] === "envelope");
    if (envelopes.length > 0) {
      const ack = await this.#parts.inbox.take(envelopes);
      // Not awaited: the next batch is decrypted while this answer travels.
      if (ack !== null) void acknowledge(stream, ack);
    }
    const statuses: Status[] = [];
    for (const frame of frames) {
      try {
        await this.#event(frame, statuses);
      } catch (error) {
        if (!(error instanceof Defect)) throw error; // a frame that makes no sense is passed over
      }
    }
    if (statuses.length > 0) this.#parts.statuses.apply(statuses);
    await unhurried(this.#parts.openHearing.hear(frames.filter(isOfOpenChats)));
  }

  async #event(frame: Json, statuses: Status[]): Promise<void> {
    const status = STATUS_FRAMES.get(frame["type"]);
    if (status !== undefined) {
      const { account } = this.#context;
      const isOwn = status === "read" && equal(forms.identifier(frame["account"]), account);
      if (isOwn) this.#parts.statuses.heard(frame);
      else statuses.push(...statusesOfFrame(frame, status));
      return;
    }
    switch (frame["type"]) {
      case "typing":
        this.#parts.typing.heard(frame);
        break;
      case "devices.changed":
        await this.#refresh(frame);
        break;
      case "group.changed":
        await unhurried(this.#parts.groups.heard(frame));
        break;
      case "contact.changed":
        this.#parts.people.heard(frame);
        break;
      case "prekeys.low":
        await unhurried(this.#parts.prekeys.check());
        break;
      case "queue.empty":
        this.#connecting.tell({ state: "online" });
        await unhurried(this.#parts.statuses.askReadElsewhere()); // of what has just come in
        break;
    }
  }

  async #refresh(frame: Json): Promise<void> {
    const account = forms.identifier(frame["account"]);
    try {
      if (equal(account, this.#context.account)) await this.#parts.ownDevices.changed();
      else await this.#parts.directory.refresh(account);
      await this.#parts.inbox.unpark();
      this.#parts.sender.wanted.set();
      this.#parts.groupSender.wanted.set();
      if (equal(account, this.#context.account)) await this.#parts.groups.announceToOwn();
    } catch (error) {
      // Many devices changed at once. Whoever writes to one of them, or hears from it, learns of it then.
      if (error instanceof Unreachable && error.code === "too_many_requests") return;
      if (!(error instanceof KeysRefused || error instanceof Refused)) throw error;
      this.#context.notify(error.message);
    }
  }

  /** What a fresh connection is good for, once. */
  async #tend(): Promise<void> {
    const { ownDevices, prekeys, people, inbox, groups, openKeeper } = this.#parts;
    await unhurried(ownDevices.tend());
    await unhurried(people.syncContacts());
    await unhurried(groups.tend());
    await unhurried(inbox.unpark());
    await unhurried(prekeys.checkNowAndThen());
    await unhurried(openKeeper.tend());
  }

  async #keepToken(stream: Stream, over: AbortSignal): Promise<void> {
    const { environment, tokens } = this.#context;
    for (;;) {
      await environment.clock.sleep(tokens.secondsLeft() + 1, over);
      if (isOver(over)) return;
      const access = await tokens.access();
      if (!isOver(over)) await stream.request({ type: "token", access });
    }
  }

  /** Send what the person has written, and try again what had to wait. */
  async #emptyOutbox(over: AbortSignal): Promise<void> {
    const { sender, statuses } = this.#parts;
    let left = Infinity; // messages that waited when the statuses were asked for
    while (!isOver(over)) {
      try {
        for (const [account, problem] of await sender.flush()) this.#sayOnce(account, problem);
      } catch (error) {
        // Of a connection that broke, `#read` knows more.
        if (!(error instanceof Unreachable)) throw error;
      }
      if (isOver(over)) return;
      const waiting = sender.waiting;
      if (waiting < left) {
        // Not before: what the server had all the while, and could not say so, has been delivered meanwhile.
        left = waiting;
        await unhurried(statuses.ask());
        if (isOver(over)) return;
      }
      if (sender.waiting > 0) await sender.wanted.waitAtMost(OUTBOX_EVERY, this.#context.environment.clock, over);
      else await sender.wanted.wait(over);
    }
  }

  /** Why nothing leaves to somebody: once, until it is another reason. */
  #sayOnce(account: string, problem: ClientError): void {
    const said = `${account} ${problem.code}`;
    if (STANDING.has(problem.code) || this.#said.has(said)) return;
    this.#said.add(said);
    this.#context.notify(problem.message);
  }
}

function isOfOpenChats({ type }: Json): boolean {
  return typeof type === "string" && type.startsWith("open.");
}

class Failure {
  readonly error: unknown;

  constructor(error: unknown) {
    this.error = error;
  }
}

function fail(error: unknown): Failure {
  return new Failure(error);
}
