// The two cores agree: over a network that loses, reorders, repeats and damages, with restarts in which each goes on
// with what the other has stored.

import { beforeAll, expect, onTestFinished, test } from "vitest";
import { hex } from "../bytes";
import { signList, type DeviceList } from "../device_list";
import { DAY, MINUTE } from "../limits";
import { ready } from "../primitives";
import { Dice, NOW } from "./cast";
import { Given, type Json } from "./json";
import { choose, die, mangle, type Die } from "./mangle";
import { Python } from "./python";
import { other, PSK, Twins, type Name } from "./twins";

const STEPS = 300;
// MESSENGER_SEED=<the number in a failed test's name> plays it again, but for what libsodium and OpenSSL encapsulate.
const NAMED = process.env["MESSENGER_SEED"];
const SEEDS = NAMED === undefined ? [1, 2, Date.now() % 2 ** 31] : [Number(NAMED)];

interface Posted {
  readonly from: Name;
  readonly wire: Uint8Array;
  readonly padded: string;
  isRead: boolean;
}

/** A network between the twins, and people who write. */
class Traffic {
  readonly sent: Posted[] = [];
  readonly #twins: Twins;
  readonly #roll: Die;

  constructor(twins: Twins, roll: Die) {
    [this.#twins, this.#roll] = [twins, roll];
  }

  async go(): Promise<void> {
    const who = choose(this.#roll, ["alice", "bob"] as const);
    const way = this.#roll(100);
    if (way < 4) await this.start(who);
    else if (way < 36) await this.send(who);
    else if (way < 62) await this.deliver(this.#newest(who));
    else if (way < 74) await this.deliver(this.#any());
    else if (way < 80) await this.damaged(this.#any());
    else if (way < 90) await this.damaged(this.#newest(who));
    else if (way < 92) await this.#receive(this.#any(), "reflected");
    else if (way < 96) await this.#twins.restart(who);
    else if (way < 97) await this.#twins.step(who, "tidy");
    else if (way < 98) await this.forget(who);
    else if (way < 99) await this.relist(who);
    else this.#twins.wait(choose(this.#roll, [1, MINUTE, DAY - 1, DAY, 16 * DAY]));
  }

  async start(who: Name): Promise<void> {
    const phone = this.#twins.phones[other(who)];
    const { opk, okpk } = phone.published;
    const options = { opk: opk.length > 0 && this.#roll(4) > 0, oneTimeKem: okpk.length > 0 && this.#roll(4) > 0 };
    const psk = this.#roll(4) === 0 ? { psk: hex(PSK) } : {};
    await this.#twins.step(who, "start", { bundle: hex(phone.bundle(options).toBytes()), ...psk });
  }

  async send(who: Name): Promise<void> {
    const phone = this.#twins.phones[who];
    const peer = this.#twins.phones[other(who)];
    phone.dice = new Dice(`words ${this.sent.length}`);
    for (let left = this.#roll(6) === 0 ? 8 : 1; left > 0; left--) {
      const padded = hex(phone.seal("words", this.#roll(20) === 0 ? phone.account : peer.account).padded);
      const lie = this.#roll(20) === 0 ? { tag: "00".repeat(32) } : {};
      const { sessions } = phone.pair(peer);
      const on = sessions.length > 1 && this.#roll(6) === 0 ? { session: hex(choose(this.#roll, sessions).id) } : {};
      const result = await this.#twins.step(who, "encrypt", { padded, ...lie, ...on });
      if (typeof result === "string") {
        expect(result).toBe("unknown_session");
        await this.start(who);
      } else {
        this.sent.push({ from: who, wire: new Given(result).bytes("wire"), padded, isRead: false });
      }
      phone.dice = new Dice(`words ${this.sent.length}`);
    }
  }

  /** The sessions are lost, or all but one given up; prekeys and remembered ephemeral keys are not. */
  async forget(who: Name): Promise<void> {
    const { sessions } = this.#twins.phones[who].pair(this.#twins.phones[other(who)]);
    if (sessions.length === 0) return;
    if (this.#roll(4) === 0) await this.#twins.step(who, "forget");
    else await this.#twins.step(who, "only", { session: hex(choose(this.#roll, sessions).id) });
  }

  /** The other's device leaves its account's list, as this side knows it, or is on it again. */
  async relist(who: Name): Promise<void> {
    const { account } = this.#twins.phones[other(who)];
    const [first] = account.lists as [DeviceList];
    const without = signList(account.key, account.id, [], { previous: first, now: NOW });
    const lists = this.#roll(3) === 0 ? [first, without] : [first];
    await this.#twins.step(who, "learn", { objects: lists.map((one) => hex(one.signed)) });
  }

  async deliver(one: Posted | undefined): Promise<void> {
    const result = await this.#receive(one, "delivered");
    if (one === undefined || typeof result === "string") return;
    expect(one.isRead).toBe(false);
    expect(new Given(result).text("padded")).toBe(one.padded);
    one.isRead = true;
  }

  async damaged(one: Posted | undefined): Promise<void> {
    if (one === undefined) return;
    const wire = mangle(one.wire, choose(this.#roll, this.sent).wire, this.#roll);
    const result = await this.#receive({ ...one, wire }, "delivered");
    // A session that is known reads no init; nothing else may be changed.
    if (typeof result === "string") return;
    expect(new Given(result).text("padded")).toBe(one.padded);
    one.isRead = true;
  }

  async #receive(one: Posted | undefined, how: "delivered" | "reflected"): Promise<Json> {
    if (one === undefined) return null;
    const to = how === "reflected" ? one.from : other(one.from);
    const named = this.#roll(20) === 0 ? { message_id: "00".repeat(16) } : {};
    const result = await this.#twins.step(to, "receive", { wire: hex(one.wire), ...named });
    if (how === "reflected") expect(result).toBeTypeOf("string");
    return result;
  }

  #newest(from: Name): Posted | undefined {
    return this.sent.findLast((one) => one.from === from);
  }

  #any(): Posted | undefined {
    return this.sent.length === 0 ? undefined : choose(this.#roll, this.sent);
  }
}

beforeAll(ready);

test.each(SEEDS)("both cores do the same, whatever the network does: MESSENGER_SEED=%i", async (seed) => {
  const python = new Python();
  onTestFinished(() => python.end());
  const roll = die(seed);
  const twins = new Twins(python, roll, `differential ${seed}`);
  await twins.begin();
  const traffic = new Traffic(twins, roll);
  await traffic.start(choose(roll, ["alice", "bob"] as const));
  for (let n = 0; n < STEPS; n++) await traffic.go();
  expect(traffic.sent.filter((one) => one.isRead).length).toBeGreaterThan(20); // or this has tested little
});
