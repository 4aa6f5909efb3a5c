// Own prekeys: made, stored, then published; refilled and renewed. PROTOCOL.md, Keys and the device list.

import type { OwnDevice } from "../protocol/keys";
import { DAY, HOUR, ONE_TIME_REFILL, ONE_TIME_TARGET, SIGNED_PREKEY_PERIOD } from "../protocol/limits";
import { generatePrekeys, KLR, OKPK, OPK, SPK, type PrekeyLabel, type SignedPrekey } from "../protocol/prekeys";
import type { Transaction } from "../store/transaction";
import * as envelopes from "../store/envelopes";
import * as repairs from "../store/repairs";
import * as groups from "../store/groups";
import * as sessions from "../store/sessions";
import * as settings from "../store/settings";
import { ownDevice, type Context } from "./context";
import { Turn } from "./signals";

const CHECKED_EVERY = 6 * HOUR;

type ByLabel<T> = Record<PrekeyLabel, T>;

export class PrekeyKeeper {
  readonly #context: Context;
  readonly #turn = new Turn();

  constructor(context: Context) {
    this.#context = context;
  }

  /** What every connection does: ask the server rarely. */
  async checkNowAndThen(): Promise<void> {
    const state = this.#context.write((tx) => settings.prekeyState(tx));
    if (this.#context.now() - state.checkedAt > CHECKED_EVERY) await this.check();
  }

  /** Refill one-time keys under 25, renew the signed ones after 7 days, delete what has served its time. */
  check(): Promise<void> {
    return this.#turn.take(() => this.#check());
  }

  async #check(): Promise<void> {
    const { api } = this.#context;
    const me = this.#context.write((tx) => settings.me(tx));
    if (me === null || me.accountKey === null) return;
    const counts = await api.prekeyCounts();
    const now = this.#context.now();
    const state = this.#context.write((tx) => settings.prekeyState(tx));
    const renew =
      counts.signedPrekey === null ||
      counts.lastResort === null ||
      state.publishedAt === 0 ||
      now - state.signedAt >= SIGNED_PREKEY_PERIOD;
    const wanted = {
      [SPK]: renew ? 1 : 0,
      [KLR]: renew ? 1 : 0,
      [OPK]: missing(counts.oneTime),
      [OKPK]: missing(counts.oneTimeKem),
    } as ByLabel<number>;
    if (Object.values(wanted).some((count) => count > 0)) {
      const made = this.#context.write((tx) => this.#make(tx, ownDevice(me), wanted, now));
      await api.publishPrekeys({
        signedPrekey: made[SPK][0] ?? null,
        lastResort: made[KLR][0] ?? null,
        oneTime: made[OPK],
        oneTimeKem: made[OKPK],
      });
    }
    this.#context.write((tx) => checked(tx, now));
  }

  /** Make and store keys and the next ids, before anything is published: no id is ever used twice. */
  #make(tx: Transaction, own: OwnDevice, wanted: ByLabel<number>, now: number): ByLabel<SignedPrekey[]> {
    const { entropy } = this.#context.environment;
    const state = settings.prekeyState(tx);
    const nextIds: Record<string, number> = { ...state.nextIds };
    const make = (label: PrekeyLabel): SignedPrekey[] => {
      const firstId = nextIds[label] ?? 1;
      const count = wanted[label];
      const keys = generatePrekeys(own, label, { firstId, count, now, entropy });
      for (const key of keys) sessions.savePrekey(tx, key.private);
      nextIds[label] = firstId + count;
      return keys.map((key) => key.signed);
    };
    const made = { [SPK]: make(SPK), [KLR]: make(KLR), [OPK]: make(OPK), [OKPK]: make(OKPK) } as ByLabel<
      SignedPrekey[]
    >;
    const renewed = wanted[SPK] > 0;
    settings.savePrekeyState(tx, {
      ...state,
      nextIds,
      signedAt: renewed ? now : state.signedAt,
      // Until the server has them: a crash in between makes new ones, not none.
      publishedAt: renewed ? 0 : state.publishedAt,
    });
    return made;
  }
}

function missing(left: number): number {
  return left < ONE_TIME_REFILL ? ONE_TIME_TARGET - left : 0;
}

function checked(tx: Transaction, now: number): void {
  const state = settings.prekeyState(tx);
  const tidies = now - state.tidiedAt > DAY;
  if (tidies) {
    sessions.deleteSpentPrekeys(tx, { now });
    sessions.tidyPairs(tx, { now });
    groups.tidyChains(tx, { now });
    envelopes.tidy(tx, { now });
    repairs.tidy(tx, { now });
  }
  const tidiedAt = tidies ? now : state.tidiedAt;
  settings.savePrekeyState(tx, { ...state, publishedAt: now, checkedAt: now, tidiedAt });
}
