// The two cores agree about group chats: over a server that orders operations, or forks, withholds and damages them, and
// a network that loses, reorders, repeats and damages, with restarts in which each goes on with what the other has stored.

import { beforeAll, expect, onTestFinished, test } from "vitest";
import { equal, hex, unhex } from "../bytes";
import * as cbor from "../cbor";
import { seal } from "../content";
import { signList, type DeviceList } from "../device_list";
import {
  Add,
  Approve,
  CloseLink,
  Join,
  Leave,
  OpenLink,
  Rekey,
  Remove,
  SetMeta,
  SetRole,
  type Args,
} from "../group_args";
import { generateGroupKey, Meta, sealMeta } from "../group_meta";
import { openOperation } from "../group_operation";
import { DAY, MINUTE } from "../limits";
import { ready, SigningKey } from "../primitives";
import type { GroupKey } from "../sender_key";
import { Dice, makeCast, NOW, some } from "./cast";
import { bytes, GID, Room } from "./group_cast";
import { GroupTwins } from "./group_twins";
import { Given, type Json } from "./json";
import { choose, die, type Die } from "./mangle";
import { Python } from "./python";

const STEPS = 400;
// MESSENGER_SEED=<the number in a failed test's name> plays it again.
const NAMED = process.env["MESSENGER_SEED"];
const SEEDS = NAMED === undefined ? [1, 2, Date.now() % 2 ** 31] : [Number(NAMED)];

const NAMES = ["alice", "tablet", "bob", "charlie", "dora"] as const;
type Name = (typeof NAMES)[number];

interface Posted {
  readonly from: Name;
  readonly data: string; // hexadecimal
}

/** A server and a network between the twins, and people who change the group and write. */
class Traffic {
  readonly log: string[];
  read = 0;
  #now = NOW;
  readonly #room: Room;
  readonly #twins: GroupTwins;
  readonly #roll: Die;
  readonly #link = SigningKey.fromSeed(bytes(32, "l"));
  readonly #dice: Dice;
  readonly #lost: string[] = []; // operations that the server did not take
  readonly #keys = new Map<string, GroupKey>(); // by the meta they came with
  readonly #announced: Posted[] = [];
  readonly #sent: Posted[] = [];

  constructor(room: Room, twins: GroupTwins, roll: Die, name: string) {
    [this.#room, this.#twins, this.#roll, this.#dice] = [room, twins, roll, new Dice(name)];
    this.log = room.alice.operations.map(hex);
    this.#keys.set(hex(room.state.keyMeta), some(room.alice.key));
  }

  async go(): Promise<void> {
    const who = choose(this.#roll, NAMES);
    const way = this.#roll(100);
    if (way < 16) await this.propose(who);
    else if (way < 40) await this.follow(who);
    else if (way < 44) await this.mislead(who);
    else if (way < 50) await this.announce(who);
    else if (way < 62) await this.accept(who, this.#any(this.#announced));
    else if (way < 70) await this.send(who);
    else if (way < 88) await this.receive(who, this.#any(this.#sent));
    else if (way < 92) await this.receive(who, this.#damaged(this.#any(this.#sent)));
    else if (way < 95) await this.#twins.swap(who);
    else if (way < 96) await this.#twins.step(who, "tidy", { now: this.#now });
    else if (way < 97) await this.relist(who);
    else this.#now += choose(this.#roll, [1, MINUTE, DAY, 8 * DAY]);
  }

  async propose(who: Name): Promise<void> {
    for (let left = this.#roll(4) * this.log.length; left > 0; left--) await this.follow(who);
    const args = this.#args(who);
    const fields = { code: args.code, args: hex(cbor.encode(args.toMap())), now: this.#now };
    const result = await this.#twins.step(who, "propose", fields);
    if (typeof result === "string") return;
    const operation = new Given(result).text("operation");
    const head = openOperation(unhex(some(this.log.at(-1)))).hash;
    if (equal(openOperation(unhex(operation)).previous, head) && this.#roll(8) > 0) this.log.push(operation);
    else this.#lost.push(operation);
  }

  #args(who: Name): Args {
    const { group, own } = this.#twins.member(who);
    const account = this.#room[choose(this.#roll, NAMES)].own;
    const key = generateGroupKey(group, this.#dice);
    const meta = sealMeta(new Meta("Friends"), GID, key, this.#dice);
    this.#keys.set(hex(meta), key);
    const expires = this.#roll(2) === 0 ? null : this.#now + this.#roll(3) * MINUTE;
    const uses = this.#roll(2) === 0 ? null : 1 + this.#roll(2);
    return choose<() => Args>(this.#roll, [
      ...Array.from({ length: 5 }, () => () => new Add(account)),
      () => new Remove(account, meta),
      () => (this.#roll(3) === 0 ? new Leave() : new Rekey(meta)),
      () => new SetRole(account, this.#roll(3)),
      () => new SetRole(account, 1 + this.#roll(2)),
      () => new SetMeta(meta, this.#roll(2) === 0),
      () => new OpenLink(this.#link.public, { expires, uses, approval: this.#roll(2) === 0 }),
      () => new CloseLink(this.#link.public),
      () => Join.by(this.#link, GID, this.#roll(6) === 0 ? account : own.account),
      () => Join.by(this.#link, GID, own.account),
      () => new Approve(account),
      () => new Rekey(meta),
    ])();
  }

  /** What the server has ordered, one after the other. */
  async follow(who: Name): Promise<void> {
    const next = this.log[this.#twins.member(who).group.index + 1];
    if (next !== undefined) await this.#twins.step(who, "follow", { operation: next });
  }

  /** An old, a lost or a damaged operation. Where it is taken, the device is on a fork for good. */
  async mislead(who: Name): Promise<void> {
    const { group } = this.#twins.member(who);
    const next = this.log[group.index + 1];
    const forged = next === undefined ? [] : [flipped(next, this.#roll)];
    const others = this.#lost.filter((one) => this.#roll(4) === 0 || one === next);
    const operation = choose(this.#roll, [...forged, ...others.slice(0, 1), choose(this.#roll, this.log)]);
    if (operation === next || (this.#lost.includes(operation) && who !== "dora")) return;
    await this.#twins.step(who, "follow", { operation });
  }

  async announce(who: Name): Promise<void> {
    const { group } = this.#twins.member(who);
    await this.#twins.step(who, "begin", { now: this.#now });
    const key = this.#keys.get(hex(group.keyMeta));
    const wrong = choose(this.#roll, [...this.#keys.values()]);
    const given = choose(this.#roll, [key, key, key, null, wrong]) ?? null;
    const fields = { group_key: given && { key: hex(given.key), version: given.version } };
    const announced = new Given(await this.#twins.step(who, "announce", fields));
    const one = { from: who, data: announced.text("announced") };
    this.#announced.push(one);
    for (const other of NAMES) if (other !== who && this.#roll(4) > 0) await this.accept(other, one);
  }

  async accept(who: Name, one: Posted | undefined): Promise<void> {
    if (one === undefined) return;
    const sender = this.#roll(20) === 0 ? choose(this.#roll, NAMES) : one.from;
    const newest = this.#twins.member(sender).newestList(this.#room[sender].own);
    const own_list = this.#roll(20) === 0 ? "00".repeat(32) : hex(some(newest).hash);
    const data = this.#roll(10) === 0 ? flipped(one.data, this.#roll) : one.data;
    await this.#twins.step(who, "accept", { sender, own_list, now: this.#now, announced: data });
  }

  async send(who: Name): Promise<void> {
    if (this.#twins.member(who).ownChain === null) return;
    for (let left = this.#roll(6) === 0 ? 6 : 1; left > 0; left--) {
      const content = this.#room[who].text("words");
      const moved = this.#roll(20) === 0 ? { ...content, conversation: bytes(16, "x") } : content;
      const lie = this.#roll(20) === 0 ? { tag: "00".repeat(32) } : {};
      const result = await this.#twins.step(who, "encrypt", { padded: hex(seal(moved, this.#dice).padded), ...lie });
      const one = { from: who, data: new Given(result).text("wire") };
      this.#sent.push(one);
      for (const other of NAMES) if (other !== who && this.#roll(3) === 0) await this.receive(other, one);
    }
  }

  async receive(who: Name, one: Posted | undefined): Promise<void> {
    if (one === undefined) return;
    const sender = this.#roll(20) === 0 ? choose(this.#roll, NAMES) : one.from;
    const fields = { sender, wire: one.data, now: this.#now, group: hex(GID) };
    const named = this.#roll(20) === 0 ? { message_id: "00".repeat(16) } : {};
    const result: Json = await this.#twins.step(who, "receive", { ...fields, ...named });
    if (typeof result !== "string") this.read += 1;
  }

  /** A device leaves its account's list, as this side knows it, or is on it again. */
  async relist(who: Name): Promise<void> {
    const account = choose(this.#roll, this.#room.accounts);
    const [first] = account.lists as [DeviceList];
    const without = signList(account.key, account.id, [], { previous: first, now: NOW });
    const lists = this.#roll(3) === 0 ? [first, without] : [first];
    await this.#twins.step(who, "learn", { objects: lists.map((one) => hex(one.signed)) });
  }

  // Recent ones mostly: chains come and go.
  #any(posted: readonly Posted[]): Posted | undefined {
    const recent = this.#roll(4) === 0 ? posted : posted.slice(-8);
    return recent.length === 0 ? undefined : choose(this.#roll, recent);
  }

  #damaged(one: Posted | undefined): Posted | undefined {
    return one && { ...one, data: flipped(one.data, this.#roll) };
  }
}

/** A bit is another one, or the end is missing. */
function flipped(data: string, roll: Die): string {
  const changed = unhex(data);
  if (roll(6) === 0) return hex(changed.subarray(0, roll(changed.length)));
  const at = roll(changed.length);
  changed[at] = (changed[at] ?? 0) ^ (1 << roll(8));
  return hex(changed);
}

beforeAll(ready);

test.each(SEEDS)("both cores do the same in a group chat, whoever does what: MESSENGER_SEED=%i", async (seed) => {
  const python = new Python("group_driver.py");
  onTestFinished(() => python.end());
  const roll = die(seed);
  const name = `group differential ${seed}`;
  const room = new Room(makeCast(name));
  const { alice, tablet, bob, charlie, dora } = room;
  const twins = new GroupTwins(python, roll, name, room, { alice, tablet, bob, charlie, dora });
  await twins.begin();
  const traffic = new Traffic(room, twins, roll, name);
  for (let n = 0; n < STEPS; n++) await traffic.go();
  // Or this has tested little.
  expect(traffic.log.length).toBeGreaterThan(3);
  expect(traffic.read).toBeGreaterThan(3);
});
