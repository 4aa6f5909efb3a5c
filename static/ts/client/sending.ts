// The outbox: what is written is stored first, leaves in order, and leaves again until the server has answered.
//
// PROTOCOL.md, State on a client. A lost answer: the same bytes again. Changed lists: the same content, encrypted
// anew, under the same message id.

import { accepted, directory as directoryOf, type Accepted } from "../api/answers";
import * as forms from "../api/forms";
import { encodeBase64url } from "../lib/base64url";
import { equal, hex } from "../lib/bytes";
import { ClientError, IdentityHasChanged, KeysRefused, Refused, UnknownPerson, Unreachable, WrongUse } from "../lib/errors";
import { uuid } from "../lib/uuid";
import * as chats from "../store/chats";
import * as outbox from "../store/outbox";
import * as peers from "../store/peers";
import type { Entry, Outgoing } from "../store/records";
import * as timeline from "../store/timeline";
import type { Transaction } from "../store/transaction";
import { requireMe, type Context } from "./context";
import type { Bundles, Directory, Target } from "./directory";
import { encryptOutgoing, Missing, NO_KEYS } from "./encrypting";
import { requireUnchanged } from "./identity";
import { nameOf } from "./showing";
import { Signal, Turn } from "./signals";
import { WORDS } from "./words";

const AT_ONCE = 16; // sends in flight
const MOST_ATTEMPTS = 6; // at one message whose lists keep changing
const SHORTEST_WAIT = 0.05; // seconds that a flush waits when asked to go slowly, whatever the server says
const LONGEST_WAIT = 30;

/** Why messages could not leave: by message, and the people to whom nothing leaves until something happens. */
class Problems {
  readonly messages = new Map<string, Uint8Array>();
  readonly stuck = new Map<string, ClientError>(); // by account

  add(outgoing: Outgoing): void {
    this.messages.set(hex(outgoing.id), outgoing.id);
  }

  stick(outgoing: Outgoing, error: ClientError): void {
    this.add(outgoing);
    this.stuck.set(hex(outgoing.account), error);
  }
}

export class Sender {
  /** Something waits that no flush is looking after. */
  readonly wanted = new Signal();
  readonly #context: Context;
  readonly #directory: Directory;
  readonly #turn = new Turn();
  readonly #falseKeys: Target[] = []; // told once their transaction is over

  constructor(context: Context, directory: Directory) {
    this.#context = context;
    this.#directory = directory;
  }

  /** Send what waits. Resolves with what holds up whom; throws Unreachable, SignInNeeded. */
  flush(): Promise<ReadonlyMap<string, ClientError>> {
    return this.#turn.take(async () => {
      this.wanted.clear();
      const problems = new Problems();
      for (;;) {
        const waiting = this.#context.write((tx) => outbox.pending(tx, problems.messages.values(), AT_ONCE));
        if (waiting.length === 0) return problems.stuck;
        await this.#sendSome(waiting, problems);
      }
    });
  }

  /** How many messages wait to be sent. */
  get waiting(): number {
    return this.#context.write((tx) => outbox.count(tx));
  }

  /** Encrypt in order, send together, settle. */
  async #sendSome(waiting: readonly Outgoing[], problems: Problems): Promise<void> {
    let encrypted = await this.#encryptAll(waiting, problems);
    if (!this.#context.write((tx) => encrypted.every((one) => isCurrent(tx, one)))) {
      // Learnt while the last were encrypted: the first would be refused, and come long after them.
      encrypted = await this.#encryptAll(encrypted, problems);
    }
    const results = await Promise.allSettled(encrypted.map((one) => this.#post(one)));
    const answered = encrypted.map((outgoing, at) => ({ outgoing, result: results[at] }));
    this.#settle(
      answered.flatMap(({ outgoing, result }) =>
        result?.status === "fulfilled" ? [{ outgoing, answer: result.value }] : [],
      ),
    );
    let wait: number | null = null;
    // The last first: each that fails gives its counter back.
    for (const { outgoing, result } of answered.reverse()) {
      if (result?.status !== "rejected") continue;
      const error: unknown = result.reason;
      if (error instanceof Refused) await this.#refused(outgoing, error, problems);
      else if (error instanceof Unreachable && error.code === "too_many_requests") {
        wait = Math.max(wait ?? SHORTEST_WAIT, error.retryAfter ?? 1);
        if (wait > LONGEST_WAIT) throw error;
      } else if (error instanceof ClientError) throw error;
      else this.#giveUp(outgoing, problems);
    }
    if (wait !== null) await this.#context.environment.clock.sleep(wait);
  }

  /** Those that can leave, in order. */
  async #encryptAll(waiting: readonly Outgoing[], problems: Problems): Promise<Outgoing[]> {
    const encrypted: Outgoing[] = [];
    for (const outgoing of waiting) {
      if (problems.stuck.has(hex(outgoing.account))) continue;
      try {
        this.#requireUnchanged(outgoing.account);
        const prepared = this.#context.write((tx) => encryptedBefore(tx, outgoing)) ?? (await this.#prepare(outgoing));
        if (prepared !== null) encrypted.push(prepared);
      } catch (error) {
        this.#notPrepared(outgoing, error, problems);
      }
    }
    return encrypted;
  }

  #notPrepared(outgoing: Outgoing, error: unknown, problems: Problems): void {
    if (error instanceof IdentityHasChanged || error instanceof KeysRefused) problems.stick(outgoing, error);
    else if (error instanceof UnknownPerson || error instanceof Refused || error instanceof WrongUse) {
      problems.add(outgoing);
      this.#fail(outgoing, error.message);
    } else if (error instanceof Unreachable && error.code === "no_keys") {
      // Only the keys of this one recipient have to wait: `rate_limited` says so.
      problems.stick(outgoing, error);
    } else if (error instanceof ClientError) throw error;
    else this.#giveUp(outgoing, problems);
  }

  /** Get what a message's encryption needs from the server, then encrypt it. Null: it is gone meanwhile. */
  async #prepare(outgoing: Outgoing): Promise<Outgoing | null> {
    const name = this.#nameOf(outgoing.account);
    let keys: Bundles = NO_KEYS;
    for (let attempt = 0; attempt < MOST_ATTEMPTS; attempt++) {
      this.#requireUnchanged(outgoing.account);
      const result = this.#context.write((tx) => this.#encrypt(tx, outgoing, keys));
      for (const target of this.#falseKeys.splice(0)) this.#directory.warnKeys(target);
      if (!(result instanceof Missing)) {
        if (result === null || result.envelopes.length > 0) return result;
        throw new Unreachable(WORDS.noKeys(name), "no_keys");
      }
      for (const account of result.lists) {
        const refreshed = await this.#directory.refresh(account);
        if (refreshed.pin === null) throw new UnknownPerson(WORDS.noDevice(name));
      }
      if (result.bundles.length > 0) {
        const claimed = await this.#directory.claim(result.bundles);
        keys = {
          found: new Map([...keys.found, ...claimed.found]),
          unusable: new Set([...keys.unusable, ...claimed.unusable]),
        };
      }
    }
    throw new Unreachable(WORDS.devicesKeepChanging(name), "no_keys");
  }

  #encrypt(tx: Transaction, outgoing: Outgoing, keys: Bundles): Outgoing | Missing | null {
    // The row as it stands: much may have happened since it was read.
    const current = outbox.get(tx, outgoing.id);
    if (current === null || current.envelopes.length > 0) return current;
    return encryptOutgoing(tx, requireMe(tx), current, keys, {
      now: this.#context.now(),
      entropy: this.#context.environment.entropy,
      onFalseKeys: (target) => void this.#falseKeys.push(target),
    });
  }

  /** Also of what is encrypted already: it was, before the identity changed. */
  #requireUnchanged(account: Uint8Array): void {
    requireUnchanged(this.#context.write((tx) => peers.byAccount(tx, account)));
  }

  async #post(outgoing: Outgoing): Promise<Accepted> {
    const { stream } = this.#context;
    if (stream === null) throw new Unreachable(WORDS.noConnection);
    const answer = await stream.request({
      type: "message.send",
      message_id: uuid(outgoing.id),
      to: uuid(outgoing.account),
      lists: Object.fromEntries(outgoing.lists.map((one) => [uuid(one.account), encodeBase64url(one.hash)])),
      envelopes: outgoing.envelopes.map((one) => ({ device: uuid(one.device), body: encodeBase64url(one.body) })),
      skipped: outgoing.skipped.map(uuid),
    });
    return accepted(answer);
  }

  #settle(settled: readonly { readonly outgoing: Outgoing; readonly answer: Accepted }[]): void {
    if (settled.length === 0) return;
    const { telling, answered } = this.#context;
    this.#context.write((tx) => {
      const me = requireMe(tx);
      for (const { outgoing, answer } of settled) {
        if (outbox.get(tx, outgoing.id) === null) continue;
        outbox.remove(tx, outgoing.id);
        const entry = timeline.get(tx, me.account, outgoing.id);
        if (entry !== null) {
          const skipped = [...entry.skipped, ...answer.skipped];
          const changed: Entry = { ...entry, state: "accepted", accepted: answer.acceptedAt, skipped, cause: "" };
          timeline.update(tx, changed, { unsettled: true });
          telling.lines([changed]);
        }
        // Writing back accepts, at the server as here.
        answered.add(hex(outgoing.account));
        if (peers.byAccount(tx, outgoing.account)?.request === true) {
          peers.change(tx, outgoing.account, { request: false });
        }
      }
    });
    telling.flush();
  }

  async #refused(outgoing: Outgoing, error: Refused, problems: Problems): Promise<void> {
    if (error.code === "devices_changed" && outgoing.attempts < MOST_ATTEMPTS) {
      try {
        await this.#directory.take(forms.items(error.problem["accounts"]).map(directoryOf));
      } catch (refused) {
        if (!(refused instanceof KeysRefused)) throw refused;
        problems.stick(outgoing, refused);
        return;
      }
      // Not the old bytes again: they are for devices that are no longer the right ones.
      this.#context.write((tx) => clear(tx, outgoing));
      return;
    }
    problems.add(outgoing);
    this.#fail(outgoing, reasonOf(error, this.#nameOf(outgoing.account)));
  }

  /** Fail the one message that nobody foresaw, or it would stop all the others at every try. */
  #giveUp(outgoing: Outgoing, problems: Problems): void {
    problems.add(outgoing);
    this.#fail(outgoing, WORDS.cannotBeSent);
  }

  #fail(outgoing: Outgoing, cause: string): void {
    const { telling } = this.#context;
    this.#context.write((tx) => {
      if (outbox.get(tx, outgoing.id) === null) return;
      outbox.remove(tx, outgoing.id);
      const entry = timeline.get(tx, requireMe(tx).account, outgoing.id);
      if (entry === null) return;
      timeline.update(tx, { ...entry, state: "failed", cause }, { unsettled: false });
      giveBack(tx, entry);
      telling.lines([entry]);
    });
    telling.flush();
  }

  #nameOf(account: Uint8Array): string {
    return this.#context.write((tx) => nameOf(tx, account));
  }
}

/** Free the counter of a message that never left, or its recipient would miss it. Not below a later one's. */
function giveBack(tx: Transaction, entry: Entry): void {
  const chat = chats.chat(tx, entry.chat);
  if (chat !== null && entry.counter > 0 && chat.counter === entry.counter) {
    chats.saveChat(tx, { ...chat, counter: entry.counter - 1 });
  }
}

/** What was encrypted before. Null: nothing, or for others than it would be for now; then it is made anew. */
function encryptedBefore(tx: Transaction, { id }: Outgoing): Outgoing | null {
  const current = outbox.get(tx, id);
  if (current === null || current.envelopes.length === 0) return null;
  if (isCurrent(tx, current)) return current;
  outbox.update(tx, { ...current, envelopes: [], attempts: current.attempts - 1 }); // the server refused nothing
  return null;
}

/** Whether a message is encrypted for the lists that are known now. */
function isCurrent(tx: Transaction, { lists }: Outgoing): boolean {
  return lists.every(({ account, hash }) => {
    const pin = peers.pinOf(peers.byAccount(tx, account));
    return pin !== null && equal(pin.newest.hash, hash);
  });
}

function clear(tx: Transaction, outgoing: Outgoing): void {
  const current = outbox.get(tx, outgoing.id);
  // Another attempt: it has been encrypted anew since.
  if (current?.attempts === outgoing.attempts) outbox.update(tx, { ...current, envelopes: [] });
}

function reasonOf(error: Refused, name: string): string {
  switch (error.code) {
    case "not_found":
      return WORDS.cannotBeWritten(name);
    case "contact_blocked":
      return WORDS.blockedByYou(name);
    case "not_listed":
      return WORDS.notListed;
    case "malformed":
      return WORDS.cannotBeSent; // what the server says of our bytes is no help to a person
    default:
      return error.message;
  }
}
