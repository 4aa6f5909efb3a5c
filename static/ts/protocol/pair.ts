// The sessions of one pair of devices, as the store keeps them: ordered, bounded, tidied.

import { compare, equal } from "./bytes";
import * as cbor from "./cbor";
import * as form from "./form";
import type { AccountId, DeviceId, SessionId } from "./ids";
import { MAX_SESSIONS, UNANSWERED_MAX_AGE } from "./limits";
import { fromValue, toValue, type Ratchet } from "./ratchet_state";
import { secret, type Secret } from "./secret";

const STATE_VERSION = 1;

export interface SessionFields {
  readonly id: SessionId;
  readonly created: number; // ms
  readonly decrypted: number | null; // ms, when it last decrypted; null: unanswered
  readonly init: Uint8Array | null; // rides on each message until an answer has been decrypted
  readonly ratchet: Ratchet;
}

/** One session. Callers read id, created and decrypted; the rest moves with every message. */
export class Session implements SessionFields {
  readonly id: SessionId;
  readonly created: number;
  readonly decrypted: number | null;
  readonly init: Uint8Array | null;
  readonly ratchet: Ratchet;

  constructor(fields: SessionFields) {
    this.id = fields.id;
    this.created = fields.created;
    this.decrypted = fields.decrypted;
    this.init = fields.init;
    this.ratchet = fields.ratchet;
  }

  with(changes: Partial<SessionFields>): Session {
    const { id, created, decrypted, init, ratchet } = this;
    return new Session({ id, created, decrypted, init, ratchet, ...changes });
  }

  toBytes(): Secret {
    const fields = [STATE_VERSION, this.id, this.created, this.decrypted, this.init, toValue(this.ratchet)];
    return secret(cbor.dump(fields));
  }

  static fromBytes(data: Uint8Array): Session {
    const [version, id, created, decrypted, init, ratchet] = form.array(cbor.decode(data), 6);
    form.unsigned(version, STATE_VERSION, STATE_VERSION);
    return new Session({
      id: form.identifier(id),
      created: form.unsigned(created),
      decrypted: decrypted === null ? null : form.unsigned(decrypted),
      init: init === null ? null : form.anyOctets(init),
      ratchet: fromValue(ratchet),
    });
  }
}

/**
 * This device and one other device (a peer's, or another of our own): at most 5 sessions.
 *
 * The first of `sessions` sends: the one that decrypted last. Store them one by one (`Session.toBytes`, in rows
 * keyed by session id, put together again by `Pair.of`) or all at once (`Pair.toBytes`). A row that
 * `Session.fromBytes` cannot read is dropped like one that never was: the peer asks, or is asked, again.
 */
export class Pair {
  readonly account: AccountId;
  readonly device: DeviceId;
  readonly sessions: readonly Session[];

  constructor(account: AccountId, device: DeviceId, sessions: readonly Session[] = []) {
    this.account = account;
    this.device = device;
    this.sessions = sessions;
  }

  /** Put a pair together from its sessions in any order. */
  static of(account: AccountId, device: DeviceId, sessions: Iterable<Session>): Pair {
    return new Pair(account, device, [...sessions].sort(byUsefulness));
  }

  find(id: SessionId): Session | null {
    return this.sessions.find((session) => equal(session.id, id)) ?? null;
  }

  /** Add a started session, or put a changed one in place; with the ids that had to go to stay within 5. */
  add(session: Session): [pair: Pair, dropped: readonly SessionId[]] {
    const others = this.sessions.filter((one) => !equal(one.id, session.id));
    // The one that has been idle longest goes, never the new one.
    others.sort((one, other) => lastUse(other) - lastUse(one) || compare(other.id, one.id));
    const kept = others.slice(0, MAX_SESSIONS - 1);
    const gone = others.slice(MAX_SESSIONS - 1);
    return [Pair.of(this.account, this.device, [session, ...kept]), gone.map((one) => one.id)];
  }

  /** Give up every session but one, on which a `reset` came; with the ids of the others. */
  only(id: SessionId): [pair: Pair, dropped: readonly SessionId[]] {
    const kept = this.sessions.filter((one) => equal(one.id, id));
    const gone = this.sessions.filter((one) => !equal(one.id, id)).map((one) => one.id);
    return [Pair.of(this.account, this.device, kept), gone];
  }

  /** Drop sessions unanswered for 30 days and skipped keys older than that; with the ids of the dropped. */
  tidy(options: { now: number }): [pair: Pair, dropped: readonly SessionId[]] {
    const { now } = options;
    const kept = this.sessions.filter((one) => !isAbandoned(one, now)).map((one) => withFreshKeys(one, now));
    const gone = this.sessions.filter((one) => isAbandoned(one, now)).map((one) => one.id);
    return [Pair.of(this.account, this.device, kept), gone];
  }

  toBytes(): Secret {
    return secret(cbor.dump([this.account, this.device, this.sessions.map((session) => session.toBytes())]));
  }

  static fromBytes(data: Uint8Array): Pair {
    const [account, device, sessions] = form.array(cbor.decode(data), 3);
    return Pair.of(
      form.identifier(account),
      form.identifier(device),
      form.array(sessions).map((one) => Session.fromBytes(form.anyOctets(one))),
    );
  }
}

export function isAbandoned(session: Session, now: number): boolean {
  return session.decrypted === null && now - session.created > UNANSWERED_MAX_AGE;
}

function byUsefulness(one: Session, other: Session): number {
  const decrypted = (other.decrypted ?? -1) - (one.decrypted ?? -1);
  return decrypted || other.created - one.created || compare(other.id, one.id);
}

function lastUse(session: Session): number {
  return Math.max(session.created, session.decrypted ?? 0);
}

function withFreshKeys(session: Session, now: number): Session {
  return session.with({ ratchet: { ...session.ratchet, archive: session.ratchet.archive.fresh(now) } });
}
