// What is written in group chats: stored first, given its chain, encrypted once for everybody, sent until answered.
//
// PROTOCOL.md, Groups. A lost answer: the same bytes again. A changed group or changed lists: the same content,
// encrypted anew, under the same message id. Whom no operation has added nothing is sent to, whatever the server says.

import { accepted, type Accepted } from "../api/answers";
import * as forms from "../api/forms";
import type { Json } from "../api/index";
import { encodeBase64url } from "../lib/base64url";
import { equal, hex, random } from "../lib/bytes";
import { ClientError, IdentityHasChanged, KeysRefused, Refused, Unreachable, WrongUse } from "../lib/errors";
import { uuid } from "../lib/uuid";
import * as chats from "../store/chats";
import * as controlQueue from "../store/controls";
import * as groupOutbox from "../store/group_outbox";
import type { GroupOutgoing } from "../store/group_records";
import * as groups from "../store/groups";
import { Entry, type Me } from "../store/records";
import * as timeline from "../store/timeline";
import type { Transaction } from "../store/transaction";
import { requireMe, type Context } from "./context";
import type { Controls } from "./controls";
import type { Directory } from "./directory";
import type { Visit } from "./doctor";
import { encryptInGroup, giveChain, isOfNow, Unlisted, type Given } from "./group_encrypting";
import type { Following } from "./group_following";
import { stateOf } from "./group_lookup";
import { newestList } from "./opening";
import { isOver, Signal, Turn } from "./signals";
import { WORDS } from "./words";

const MOST_ATTEMPTS = 6; // at one message whose group keeps changing
const AGAIN = 5; // seconds between tries at what waits for something

export class GroupSender {
  /** Something waits that no flush is looking after. */
  readonly wanted = new Signal();
  readonly #context: Context;
  readonly #directory: Directory;
  readonly #following: Following;
  readonly #controls: Controls;
  readonly #turn = new Turn();
  readonly #said = new Set<string>();

  constructor(context: Context, directory: Directory, following: Following, controls: Controls) {
    this.#context = context;
    this.#directory = directory;
    this.#following = following;
    this.#controls = controls;
  }

  /** Give this device's chain, and with it the group key, to everybody who has not got it. */
  async announce(id: Uint8Array): Promise<void> {
    try {
      this.#context.write((tx) => groups.get(tx, id) !== null && groups.change(tx, id, { announce: true }));
      await this.#given(id, (tx, me) => giveNow(tx, me, id, this.#visit()));
      this.#context.write((tx) => groups.get(tx, id) !== null && groups.change(tx, id, { announce: false }));
    } catch (error) {
      // The next connection tries again, and whatever is sent before it.
      const isLater = error instanceof IdentityHasChanged || error instanceof KeysRefused || error instanceof Unreachable;
      if (!isLater) throw error;
    }
    this.#controls.wanted.set();
  }

  /** Give it to devices of one's own account that have not got it: a new one has nothing yet. */
  async announceToOwn(id: Uint8Array): Promise<void> {
    try {
      const given = await this.#given(id, (tx, me) => giveNow(tx, me, id, this.#visit(), { onlyOwn: true }));
      if (given !== null) this.#controls.wanted.set();
    } catch (error) {
      if (!(error instanceof KeysRefused || error instanceof Unreachable)) throw error;
    }
  }

  /** Send what waits, for as long as the connection lasts. */
  async run(until: AbortSignal): Promise<void> {
    const { clock } = this.#context.environment;
    this.wanted.set(); // what could not be sent before
    while (!isOver(until)) {
      await this.wanted.wait(until);
      if (isOver(until)) return;
      let wait = AGAIN;
      try {
        await this.flush();
      } catch (error) {
        // Of a connection that broke, whoever reads it knows more.
        if (!(error instanceof Unreachable)) throw error;
        wait = Math.max(error.retryAfter ?? AGAIN, 0.05);
      }
      if (this.#context.write((tx) => groupOutbox.count(tx)) === 0 || this.wanted.isSet) continue;
      await this.wanted.waitAtMost(wait, clock, until);
      this.wanted.set();
    }
  }

  flush(): Promise<void> {
    return this.#turn.take(async () => {
      this.wanted.clear();
      const stuck = new Map<string, Uint8Array>();
      for (;;) {
        const outgoing = this.#context.write((tx) => groupOutbox.first(tx, stuck.values()));
        if (outgoing === null) return;
        try {
          await this.#send(outgoing);
        } catch (error) {
          if (isLasting(error)) stuck.set(hex(outgoing.group), outgoing.group);
          else if (error instanceof Refused || error instanceof WrongUse) this.#fail(outgoing, reasonOf(error));
          else if (error instanceof ClientError) throw error;
          else this.#fail(outgoing, WORDS.cannotBeSent);
          if (isLasting(error) && error.code !== "group_refused") this.#sayOnce(outgoing.group, error);
        }
      }
    });
  }

  /** The server says that this account is in the group chat no more: what waits for it never leaves. */
  noteOut(id: Uint8Array, ended: "removed" | "left" = "removed"): void {
    const { telling } = this.#context;
    this.#context.write((tx) => {
      const me = requireMe(tx);
      if (groups.get(tx, id)?.ended !== "") return; // said already
      groups.change(tx, id, { ended, request: false, chain: null, told: [] });
      const event = { name: ended === "left" ? "left" : "out", about: me.account, role: 0 };
      const sent = this.#context.now();
      const line = { id: random(16), kind: "system", account: me.account, chat: id, sent, event } as const;
      const entry = Entry.of({ ...line, outgoing: ended === "left", state: ended === "left" ? "accepted" : "" });
      const added = timeline.add(tx, entry);
      if (added !== null) telling.lines([added]);
    });
    telling.flush();
    this.wanted.set();
  }

  async #send(outgoing: GroupOutgoing): Promise<void> {
    for (let attempt = 0; attempt < MOST_ATTEMPTS; attempt++) {
      const prepared = await this.#given(outgoing.group, (tx, me) => this.#encrypt(tx, me, outgoing.id));
      if (prepared === null) return;
      await this.#chainsFirst();
      try {
        this.#settle(prepared, await this.#post(prepared));
        return;
      } catch (error) {
        if (!(error instanceof Refused)) throw error;
        await this.#learn(prepared, error);
        this.#context.write((tx) => clear(tx, prepared));
      }
    }
    throw new Unreachable(WORDS.groupKeepsChanging);
  }

  /** What opens a message leaves before it. Whom it cannot be given to just now is counted as left out. */
  async #chainsFirst(): Promise<void> {
    try {
      await this.#controls.flush();
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
    }
  }

  /** Do something that needs the lists of all members; fetch those that are not here, and try again. */
  async #given<T>(id: Uint8Array, work: (tx: Transaction, me: Me) => T | Unlisted): Promise<T> {
    for (let round = 0; ; round++) {
      const result = this.#context.write((tx) => work(tx, requireMe(tx)));
      if (!(result instanceof Unlisted)) return result;
      if (round === MOST_ATTEMPTS) throw new KeysRefused(WORDS.listsEndless);
      await this.#directory.refreshAll(result.accounts);
      const left = this.#context.write((tx) => result.accounts.filter((one) => newestList(tx, one) === null));
      if (left.length > 0) throw new Unreachable(WORDS.noMemberList, "no_keys");
      this.#context.telling.chat(id);
    }
  }

  #encrypt(tx: Transaction, me: Me, id: Uint8Array): GroupOutgoing | Unlisted | null {
    const outgoing = groupOutbox.get(tx, id);
    if (outgoing === null) return null;
    const group = groups.get(tx, outgoing.group);
    if (group === null || group.ended !== "") throw new WrongUse(WORDS.groupOver);
    if (group.trouble !== "") throw new Refused(WORDS.groupTrouble[group.trouble], "group_refused");
    if (outgoing.wire !== null && isOfNow(tx, group, outgoing)) return outgoing; // the very bytes again
    const given = giveChain(tx, me, group, this.#visit());
    if (given === null) throw new WrongUse(WORDS.groupOver);
    return given instanceof Unlisted ? given : encryptInGroup(tx, me, outgoing, given, this.#visit());
  }

  async #post({ id, group, gsh, lists, wire }: GroupOutgoing): Promise<Accepted> {
    const { stream } = this.#context;
    if (stream === null || gsh === null || lists === null || wire === null) throw new Unreachable(WORDS.noConnection);
    const answer = await stream.request({
      type: "group.send",
      message_id: uuid(id),
      group: uuid(group),
      gsh: encodeBase64url(gsh),
      lists: encodeBase64url(lists),
      body: encodeBase64url(wire),
    });
    return accepted(answer);
  }

  /** What the server says has changed. Throws what nothing can be done about. */
  async #learn({ group }: GroupOutgoing, error: Refused): Promise<void> {
    const { problem } = error;
    if (error.code === "group_changed") {
      const head = { group, index: forms.unsigned(problem.index), hash: forms.bytes(problem.hash) };
      await this.#following.follow(group, { head });
    } else if (error.code === "devices_changed") await this.#learnLists(group, problem);
    else {
      if (error.code === "not_found") this.noteOut(group);
      throw error;
    }
  }

  async #learnLists(id: Uint8Array, problem: Json): Promise<void> {
    const members = forms.items(problem.members).map((row) => {
      const [account, hash] = forms.items(row);
      return { account: forms.identifier(account), hash: forms.bytes(hash) };
    });
    const [ghosts, stale] = this.#context.write((tx) => {
      const state = stateOf(groups.get(tx, id));
      return [
        members.filter((one) => state?.role(one.account) === null),
        members.filter((one) => !equal(newestList(tx, one.account)?.hash ?? id, one.hash)),
      ];
    });
    if (ghosts.length > 0) {
      this.#context.write((tx) => this.#following.note(tx, id, "ghost"));
      this.#context.telling.flush();
      throw new Refused(WORDS.groupTrouble.ghost, "group_refused");
    }
    await this.#directory.refreshAll(stale.map((one) => one.account));
  }

  #settle(outgoing: GroupOutgoing, answer: Accepted): void {
    const { telling } = this.#context;
    this.#context.write((tx) => {
      if (groupOutbox.get(tx, outgoing.id) === null) return;
      groupOutbox.remove(tx, outgoing.id);
      const group = groups.change(tx, outgoing.group, { request: false }); // writing accepts, at the server as here
      const entry = timeline.get(tx, requireMe(tx).account, outgoing.id);
      if (entry === null) return;
      // Whom the chain has not reached: they cannot read it yet.
      const left = group.told.map((one) => one.device).filter((one) => controlQueue.count(tx, one) > 0);
      const skipped = [...left, ...answer.skipped];
      const changed: Entry = { ...entry, state: "accepted", accepted: answer.acceptedAt, skipped, cause: "" };
      timeline.update(tx, changed, { unsettled: true });
      telling.lines([changed]);
    });
    telling.flush();
  }

  #fail(outgoing: GroupOutgoing, cause: string): void {
    const { telling } = this.#context;
    this.#context.write((tx) => {
      if (groupOutbox.get(tx, outgoing.id) === null) return;
      groupOutbox.remove(tx, outgoing.id);
      const entry = timeline.get(tx, requireMe(tx).account, outgoing.id);
      if (entry === null) return;
      timeline.update(tx, { ...entry, state: "failed", cause }, { unsettled: false });
      const chat = chats.chat(tx, entry.chat);
      // Free the counter of a message that never left. Not below a later one's.
      if (chat !== null && entry.counter > 0 && chat.counter === entry.counter) {
        chats.saveChat(tx, { ...chat, counter: entry.counter - 1 });
      }
      telling.lines([entry]);
    });
    telling.flush();
  }

  /** Why nothing leaves to a group chat: once, until it is another reason. */
  #sayOnce(id: Uint8Array, problem: ClientError): void {
    const said = `${hex(id)} ${problem.code}`;
    if (this.#said.has(said)) return;
    this.#said.add(said);
    this.#context.notify(problem.message);
  }

  #visit(): Visit {
    return { now: this.#context.now(), entropy: this.#context.environment.entropy };
  }
}

/** What holds up a whole group chat until something happens: its messages wait. */
function isLasting(error: unknown): error is ClientError {
  if (error instanceof IdentityHasChanged || error instanceof KeysRefused) return true;
  if (error instanceof Unreachable) return error.code === "no_keys";
  return error instanceof Refused && error.code === "group_refused";
}

function giveNow(tx: Transaction, me: Me, id: Uint8Array, visit: Visit, to = { onlyOwn: false }): Given | Unlisted | null {
  const group = groups.get(tx, id);
  return group === null || group.trouble !== "" || group.request ? null : giveChain(tx, me, group, visit, to);
}

/** Not the old bytes again: they are for a group chat that is no longer this one. */
function clear(tx: Transaction, outgoing: GroupOutgoing): void {
  const current = groupOutbox.get(tx, outgoing.id);
  if (current?.attempts === outgoing.attempts) groupOutbox.update(tx, { ...current, wire: null });
}

function reasonOf(error: ClientError): string {
  if (error.code === "not_found") return WORDS.groupOver;
  if (error.code === "not_listed") return WORDS.notListed;
  return error.code === "malformed" ? WORDS.cannotBeSent : error.message;
}
