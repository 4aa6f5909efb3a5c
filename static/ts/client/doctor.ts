// What cannot be read is asked for again, and what others could not read is sent again.
//
// PROTOCOL.md, Unable to decrypt. The asking goes over a session opened for it, at most one an hour with a device;
// the answer over the session that decrypted last, from the content as it was kept, under its own message id.

import type { Waiting } from "../api/index";
import { equal } from "../lib/bytes";
import { WrongUse } from "../lib/errors";
import { fromUuid } from "../lib/uuid";
import { Reset, Retry } from "../protocol/body";
import type { Entropy } from "../protocol/entropy";
import { ProtocolError, type FailureCode } from "../protocol/errors";
import { DAY, HOUR } from "../protocol/limits";
import { peek } from "../protocol/wire";
import * as controls from "../store/controls";
import * as peers from "../store/peers";
import { Control, Unreadable, type Entry, type Me } from "../store/records";
import * as repairs from "../store/repairs";
import * as timeline from "../store/timeline";
import type { Transaction } from "../store/transaction";
import { requireMe, type Context } from "./context";
import { isReachable, isSame, queueControl, type Controls } from "./controls";
import type { Target } from "./directory";
import { placeInGroup } from "./group_reading";
import { hasChanged } from "./identity";
import { mayOpen } from "./opening";
import { isOver } from "./signals";
import { WORDS } from "./words";

const MOST_ASKED = 3; // retries a message, and answers to them
const ASKED_FOR = 14 * DAY; // ms; the sender keeps no longer what it sent
const PATIENCE = HOUR; // ms after which an answer that did not come may be asked for once more

// The sender's device can do something about these. Not about a form or a signature: it would send the same again.
const CURABLE: ReadonlySet<FailureCode> = new Set([
  "undecryptable",
  "unknown_session",
  "unknown_prekey",
  "too_far",
  "kem_step",
  "bad_key",
  "replayed",
]);

export interface Visit {
  readonly now: number;
  readonly entropy: Entropy;
}

/** Note what came and could not be read, and ask for it. Returns how its line is to say so. */
export function admit(
  tx: Transaction,
  me: Me,
  one: Waiting,
  chat: Uint8Array,
  code: FailureCode,
  visit: Visit,
): Entry["repair"] {
  const place = CURABLE.has(code) ? (one.group === null ? placeOf : placeInGroup)(one.body) : null;
  if (place === null) return "none";
  const { account, device, messageId: message } = one;
  const patient = Unreadable.of({ account, device, message, chat, at: visit.now, ...place });
  repairs.save(tx, patient);
  ask(tx, me, patient, visit);
  return repairOf(tx, repairs.unreadable(tx, account, device, message), visit);
}

/** A control content that could not be read: what was sent again is asked for once more; else all is begun anew. */
export function admitControl(tx: Transaction, me: Me, one: Waiting, code: FailureCode, visit: Visit): void {
  const place = CURABLE.has(code) ? placeOf(one.body) : null;
  if (place === null) return;
  const known = repairs.unreadable(tx, one.account, one.device, one.messageId);
  if (known !== null && known.asked > 0) ask(tx, me, { ...known, ...place }, visit);
  else if (mayAsk(tx, me, one) && mayOpen(tx, one, visit)) {
    queueControl(tx, me, one, new Reset(), visit, { fresh: true, only: true });
  }
}

/** Answer another device's `retry`: only to the very device that it was sent to, and not for ever. */
export function answer(tx: Transaction, me: Me, from: Target, retry: Retry, visit: Visit): void {
  const sent = repairs.sentAt(tx, { session: retry.sessionId, dh: retry.dh, n: retry.n }, visit);
  if (sent === null || !equal(sent.account, from.account) || !equal(sent.device, from.device)) return;
  const padded = timeline.get(tx, me.account, sent.message)?.padded ?? null;
  if (padded === null || sent.answered >= MOST_ASKED || !isReachable(tx, from) || !isSame(tx, sent)) return;
  repairs.countAnswer(tx, sent);
  const { message: id, account, device, signingKey } = sent;
  controls.add(tx, Control.of({ id, account, device, signingKey, padded, at: visit.now, logged: true }));
}

/** The message that a text in a control envelope repairs: it was asked for, from that very device. Null: none. */
export function repaired(tx: Transaction, one: Waiting): Unreadable | null {
  const known = repairs.unreadable(tx, one.account, one.device, one.messageId);
  return known !== null && known.asked > 0 ? known : null;
}

export class Doctor {
  readonly #context: Context;
  readonly #controls: Controls;

  constructor(context: Context, controls: Controls) {
    this.#context = context;
    this.#controls = controls;
  }

  /** The person asks for an unreadable line's message once more. Throws WrongUse. */
  askAgain(line: string): void {
    const asked = this.#context.write((tx) => {
      const me = requireMe(tx);
      const [account, id] = idsOf(line, me);
      const patient = repairs.all(tx).find((one) => equal(one.account, account) && equal(one.message, id));
      const visit = this.#visit();
      if (patient === undefined || !ask(tx, me, patient, visit)) return false;
      this.#show(tx, patient, visit);
      return true;
    });
    this.#settled();
    if (!asked) throw new WrongUse(WORDS.cannotAsk);
  }

  /** See to it now and then, for as long as the connection lasts. */
  async run(until: AbortSignal): Promise<void> {
    while (!isOver(until)) {
      this.review();
      await this.#context.environment.clock.sleep(PATIENCE / 1000, until);
    }
  }

  /** Time has passed, or the person has accepted somebody: ask for what was not asked for, and let be asked again. */
  review(): void {
    this.#context.write((tx) => {
      const me = requireMe(tx);
      const visit = this.#visit();
      for (const patient of repairs.all(tx)) {
        if (patient.asked === 0) ask(tx, me, patient, visit);
        this.#show(tx, patient, visit);
      }
    });
    this.#settled();
  }

  #show(tx: Transaction, { account, device, message }: Unreadable, visit: Visit): void {
    const entry = timeline.get(tx, account, message);
    const repair = repairOf(tx, repairs.unreadable(tx, account, device, message), visit);
    if (entry === null || entry.repair === repair) return;
    const changed: Entry = { ...entry, repair };
    timeline.update(tx, changed, { unsettled: false });
    this.#context.telling.lines([changed]);
  }

  #settled(): void {
    this.#context.telling.flush();
    this.#controls.wanted.set();
  }

  #visit(): Visit {
    return { now: this.#context.now(), entropy: this.#context.environment.entropy };
  }
}

/** Queue a `retry`, if one more may go. */
function ask(tx: Transaction, me: Me, patient: Unreadable, visit: Visit): boolean {
  if (!mayAskFor(tx, me, patient, visit)) return false;
  const { session, dh, n } = patient;
  queueControl(tx, me, patient, new Retry(session, dh, n), visit, { fresh: true });
  repairs.save(tx, { ...patient, asked: patient.asked + 1, askedAt: visit.now });
  return true;
}

function mayAskFor(tx: Transaction, me: Me, patient: Unreadable, { now }: Visit): boolean {
  return patient.asked < MOST_ASKED && now - patient.at < ASKED_FOR && mayAsk(tx, me, patient);
}

/** Not a stranger, who would learn that somebody is there, and not a device that nothing is encrypted to. */
function mayAsk(tx: Transaction, me: Me, target: Target): boolean {
  const peer = peers.byAccount(tx, target.account);
  const isOpen = equal(target.account, me.account) || (peer !== null && !peer.request && !peer.blocked);
  return isOpen && !hasChanged(peer) && isReachable(tx, target);
}

function repairOf(tx: Transaction, patient: Unreadable | null, visit: Visit): Entry["repair"] {
  if (patient === null) return "none";
  if (patient.asked > 0 && visit.now - patient.askedAt < PATIENCE) return "asked";
  return mayAskFor(tx, requireMe(tx), patient, visit) ? "possible" : "none";
}

/** Null where the outside makes no sense: nobody could say which message that was. */
function placeOf(body: Uint8Array): repairs.Place | null {
  try {
    const { sessionId, dh, n } = peek(body);
    return { session: sessionId, dh, n };
  } catch (error) {
    if (error instanceof ProtocolError) return null;
    throw error;
  }
}

/** A line's id at the page, taken apart: who wrote it, and its own. */
function idsOf(line: string, me: Me): readonly [account: Uint8Array, id: Uint8Array] {
  const parts = line.split("_").map(fromUuid);
  const id = parts.pop();
  const account = parts.length === 0 ? me.account : (parts[0] ?? null);
  if (id === undefined || id === null || account === null) throw new WrongUse(WORDS.noSuchLine);
  return [account, id];
}
