// Device tokens: kept in memory only, renewed by one caller at a time, never printed.
//
// SECURITY.md, Accounts and tokens. The page's own session opens the way to them, so a reload proves the device's
// stored key anew. A refresh token is spent by its use: when the answer was lost, a second use after the server's
// grace would end the session as stolen; the device then proves its key instead.

import type { TokenPair } from "../api/index";
import { equal } from "../lib/bytes";
import { LinkingNeeded, Refused, SignInNeeded } from "../lib/errors";
import { proveDevice } from "../protocol/device_proof";
import type { Me } from "../store/records";
import * as settings from "../store/settings";
import { ownDevice, type Context } from "./context";
import { Turn } from "./signals";
import { noteEnded } from "./standing";
import { WORDS } from "./words";

const EARLY = 60_000; // ms before its end at which a token is renewed
const GRACE = 8_000; // ms for which a repeated refresh gets the same successor; the server allows 10 s

interface Kept {
  readonly access: string;
  readonly refresh: string;
  readonly expiresAt: number; // ms, of the access token
  readonly refreshingSince: number | null; // ms: an answer to a refresh is outstanding, or was lost
}

export class TokenKeeper {
  readonly #context: Context;
  readonly #turn = new Turn();
  #kept: Kept | null = null;

  constructor(context: Context) {
    this.#context = context;
  }

  /** A device's access token that should work; not the one that was just refused. */
  access(refused: string | null = null): Promise<string> {
    return this.#turn.take(async () => {
      const kept = this.#kept;
      if (kept !== null && kept.access !== refused && this.#context.now() < kept.expiresAt - EARLY) return kept.access;
      return (await this.#refreshed()) ?? (await this.prove(this.#me(), (await this.session()).access));
    });
  }

  /** Until the access token should be renewed. */
  secondsLeft(): number {
    return Math.max(0, ((this.#kept?.expiresAt ?? 0) - EARLY - this.#context.now()) / 1000);
  }

  /** Have the token renewed before its next use: the server may know something of it that it could not say. */
  doubt(): void {
    if (this.#kept !== null) this.#kept = { ...this.#kept, expiresAt: 0 };
  }

  forget(): void {
    this.#kept = null;
  }

  /** Tokens of the account that the page is signed in to. Throws SignInNeeded if it is no longer. */
  async session(): Promise<TokenPair> {
    try {
      const pair = await this.#context.api.sessionToken(this.#context.csrf);
      if (equal(pair.account, this.#context.account)) return pair;
    } catch (error) {
      if (error instanceof SignInNeeded) throw new SignInNeeded(WORDS.signedOut, "session_ended");
      // Signing in gives the browser another CSRF token: this page is from before.
      if (!(error instanceof Refused && error.code === "csrf_failed")) throw error;
    }
    throw new SignInNeeded(WORDS.somebodyElse, "session_ended");
  }

  /** Prove the device's key to the server, and keep the tokens it gives. */
  async prove(me: Me, token: string): Promise<string> {
    const { api, environment } = this.#context;
    const own = ownDevice(me);
    const nonce = await api.challenge(own.device, token);
    // The origin is the one used here, never one that a server names: a proof to one opens no other.
    const signature = proveDevice(own, environment.origin, nonce);
    try {
      return this.#keep(await api.prove(own.device, nonce, signature, { token }));
    } catch (error) {
      const isWrong = error instanceof SignInNeeded && error.code === "wrong_proof";
      const isGone = error instanceof Refused && error.code === "not_found";
      if (!isWrong && !isGone) throw error;
      // Signing in again would not help: the session is fine.
      this.#context.write((tx) => noteEnded(tx));
      throw new LinkingNeeded(WORDS.deviceGone);
    }
  }

  async #refreshed(): Promise<string | null> {
    const kept = this.#kept;
    const now = this.#context.now();
    if (kept === null) return null;
    const since = kept.refreshingSince ?? now;
    if (now < since || now - since > GRACE) return null;
    this.#kept = { ...kept, refreshingSince: since };
    try {
      return this.#keep(await this.#context.api.refresh(kept.refresh));
    } catch (error) {
      if (error instanceof SignInNeeded) return null; // spent by an answer that never came, or ended
      throw error;
    }
  }

  #keep(pair: TokenPair): string {
    const expiresAt = this.#context.now() + pair.expiresIn * 1000;
    this.#kept = { access: pair.access, refresh: pair.refresh, expiresAt, refreshingSince: null };
    return pair.access;
  }

  #me(): Me {
    const me = this.#context.write((tx) => settings.me(tx));
    if (me === null || me.device === null) throw new SignInNeeded(WORDS.notStarted);
    return me;
  }
}
