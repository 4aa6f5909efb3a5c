// Anybody tries anything in a group chat, over a network that loses, reorders, repeats and damages.
//
// All who follow the chain have one group, and it keeps its rules; each message is read at most once, as it was
// written, by those who were to read it; only failures of the closed set, and a failure changes nothing.

import fc from "fast-check";
import { beforeAll, expect, test } from "vitest";
import { hex } from "../bytes";
import { FAILURES, type FailureCode, ProtocolError } from "../errors";
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
import { GroupState } from "../group_state";
import { MAX_CHAINS, MINUTE } from "../limits";
import { ready, SigningKey } from "../primitives";
import { makeCast } from "./cast";
import { Device, failureOf, GID, refused, refusesIn, Room, type Name } from "./group_cast";

beforeAll(ready);

const NAMES: readonly Name[] = ["alice", "bob", "charlie", "dora"];
const who = fc.constantFrom(...NAMES);
const linkNumber = fc.nat({ max: 1 });
const meta = fc.nat({ max: 3 }).map((number) => new Uint8Array(72).fill(number));

const linkKey = (number: number) => SigningKey.fromSeed(new Uint8Array(32).fill(number));

/** Everybody, members or not, signs what they like; a careless server passes on what follows. */
class Operations {
  readonly room = new Room(makeCast());
  readonly taken: Args[] = [];

  attempt(author: Name, args: Args, late = 0): void {
    const { room } = this;
    const device = room[author];
    const signed = room.forced(device, args, Math.max(0, device.phone.now - late));
    const [first, ...others] = room.everybody as [Device, ...Device[]];
    let failure: FailureCode | null = null;
    try {
      first.follow(signed);
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      failure = error.code;
    }
    if (failure === null) {
      for (const one of others) one.follow(signed);
      this.taken.push(args);
    } else {
      expect(["malformed", "bad_signature"]).toContain(failure);
      for (const one of others) refusesIn(one, () => one.follow(signed), failure);
    }
  }

  check(): void {
    const { room, taken } = this;
    const { state } = room;
    for (const one of room.everybody) expect(hex(one.group.toBytes())).toBe(hex(state.toBytes()));
    const accounts = state.roster.map((one) => hex(one.account));
    const waiting = state.pending.map(hex);
    expect(accounts).toEqual([...new Set(accounts)].sort());
    expect(waiting).toEqual([...new Set(waiting)].sort());
    expect(accounts.filter((one) => waiting.includes(one))).toEqual([]);
    expect(state.isOver || state.owners.length > 0).toBe(true);
    expect(state.links.every((one) => one.uses === null || one.uses >= 0)).toBe(true);
    expect(state.index).toBe(taken.length);
    const isKeyed = (one: Args) => one instanceof Remove || one instanceof Rekey;
    expect(state.epoch).toBe(taken.filter((one) => isKeyed(one) || one instanceof Leave).length);
    expect(state.keyVersion).toBe(taken.findLastIndex(isKeyed) + 1);
  }

  /** Who comes last sees the same group. */
  end(): void {
    const late = new Device(this.room.bob.phone);
    late.follow(...this.room.alice.operations);
    expect(hex(GroupState.fromBytes(late.group.toBytes()).toBytes())).toBe(hex(this.room.state.toBytes()));
  }
}

type Attempt = (operations: Operations) => void;

/** Somebody tries something that concerns somebody. */
function attempt(make: (account: Uint8Array, meta: Uint8Array, link: SigningKey) => Args): fc.Arbitrary<Attempt> {
  return fc.tuple(who, who, meta, linkNumber).map(([author, account, sealed, link]) => (operations) => {
    operations.attempt(author, make(operations.room[account].own, sealed, linkKey(link)));
  });
}

const joins = fc.tuple(who, who, linkNumber, fc.constantFrom(0, 0, 0, 1));
const links = fc.record({
  ends: fc.option(fc.integer({ min: -1, max: 60 })),
  uses: fc.option(fc.integer({ min: 1, max: 2 })),
  approval: fc.boolean(),
});

const ATTEMPTS: fc.Arbitrary<Attempt> = fc.oneof(
  attempt((account) => new Add(account)),
  attempt((account, sealed) => new Remove(account, sealed)),
  attempt(() => new Leave()),
  fc.tuple(who, who, fc.nat({ max: 2 })).map(([author, account, role]): Attempt => (operations) => {
    operations.attempt(author, new SetRole(operations.room[account].own, role));
  }),
  attempt((_, sealed) => new SetMeta(sealed, sealed[0] === 0)),
  attempt((_, __, link) => new CloseLink(link.public)),
  attempt((account) => new Approve(account)),
  attempt((_, sealed) => new Rekey(sealed)),
  fc.tuple(who, linkNumber, links).map(([author, link, { ends, uses, approval }]): Attempt => (operations) => {
    const expires = ends === null ? null : operations.room.state.time + ends * MINUTE;
    operations.attempt(author, new OpenLink(linkKey(link).public, { expires, uses, approval }));
  }),
  joins.map(([author, account, link, late]): Attempt => (operations) => {
    operations.attempt(author, Join.by(linkKey(link), GID, operations.room[account].own), late);
  }),
  fc.integer({ min: 1, max: 30 }).map((minutes): Attempt => (operations) => {
    for (const one of operations.room.everybody) one.phone.now += minutes * MINUTE;
  }),
  fc.constant<Attempt>((operations) => {
    for (const one of operations.room.everybody) one.restart();
  }),
);

test("whatever anybody tries, all have one group and it keeps its rules", () => {
  fc.assert(
    fc.property(fc.array(ATTEMPTS, { minLength: 5, maxLength: 50, size: "max" }), (attempts) => {
      const operations = new Operations();
      for (const one of attempts) {
        one(operations);
        operations.check();
      }
      operations.end();
    }),
    { numRuns: 40 },
  );
});

interface Posted {
  readonly sender: Device;
  readonly wire: Uint8Array;
  readonly words: string;
  readonly readBy: Set<Device>;
}

/** Three devices write and read; roles do not matter here, membership does. */
class Messages {
  readonly room = new Room(makeCast());
  readonly devices: readonly [Device, Device, Device] = [this.room.alice, this.room.bob, this.room.dora];
  readonly sent: Posted[] = [];

  constructor() {
    for (const one of this.devices) this.announce(one);
  }

  announce(sender: Device): void {
    const made = sender.announcement();
    for (const one of this.devices) {
      if (one === sender) continue;
      sender.tell(one);
      one.hear(sender, made);
    }
  }

  send(sender: Device): void {
    const before = sender.ownChain;
    if (sender.chain() !== before) this.announce(sender);
    const words = `message ${this.sent.length}`;
    this.sent.push({ sender, wire: sender.send(words), words, readBy: new Set() });
  }

  deliver({ sender, wire, words, readBy }: Posted, reader: Device): void {
    if (reader === sender) {
      refused(reader, sender, wire, "unknown_session");
    } else if (readBy.has(reader)) {
      refused(reader, sender, wire, "duplicate");
    } else {
      expect(reader.read(sender, wire)).toBe(words);
      readBy.add(reader);
    }
  }

  damage({ sender }: Posted, reader: Device, data: Uint8Array): void {
    const before = reader.stored();
    expect(Object.keys(FAILURES)).toContain(failureOf(() => reader.receive(sender, data)));
    expect(reader.stored()).toBe(before);
  }

  inAnothersName({ sender, wire }: Posted, reader: Device, other: Device): void {
    if (other !== sender) refused(reader, other, wire, "malformed");
  }

  /** A new epoch: everybody makes a new chain before the next message. */
  rekey(author: Device): void {
    if (author === this.room.dora || this.room.state.epoch >= MAX_CHAINS - 1) return;
    this.room.do(author, new Rekey(new Uint8Array(72)));
    for (const one of this.devices) one.key = null; // nobody opens that meta
  }
}

type Step = (messages: Messages) => void;

const device = fc.constantFrom(0 as const, 1 as const, 2 as const);
const part = fc.nat({ max: 2 ** 30 });

/** A step on any message that was ever sent, at any device: late, early, or again. */
function onAny(step: (messages: Messages, one: Posted, reader: Device, part: number) => void): fc.Arbitrary<Step> {
  return fc.tuple(part, device, part).map(([which, reader, part]) => (messages) => {
    const one = messages.sent[which % Math.max(1, messages.sent.length)];
    if (one !== undefined) step(messages, one, messages.devices[reader], part);
  });
}

const STEPS: fc.Arbitrary<Step> = fc.oneof(
  { weight: 3, arbitrary: device.map((one): Step => (messages) => messages.send(messages.devices[one])) },
  { weight: 4, arbitrary: onAny((messages, one, reader) => messages.deliver(one, reader)) },
  onAny((messages, one, reader, part) => {
    const damaged = one.wire.slice();
    damaged[(part >> 3) % damaged.length]! ^= 1 << (part & 7);
    messages.damage(one, reader, damaged);
  }),
  onAny((messages, one, reader, part) => messages.damage(one, reader, one.wire.slice(0, part % one.wire.length))),
  onAny((messages, one, reader, part) => messages.inAnothersName(one, reader, messages.devices[(part % 3) as 0 | 1 | 2])),
  device.map((one): Step => (messages) => messages.rekey(messages.devices[one])),
  device.map((one): Step => (messages) => messages.devices[one].restart()),
);

test("whatever the network does, each message is read once by each, as it was written", () => {
  fc.assert(
    fc.property(fc.array(STEPS, { minLength: 5, maxLength: 60, size: "max" }), (steps) => {
      const messages = new Messages();
      for (const step of steps) step(messages);
      // Whatever was not lost for good is read in the end, newest first.
      for (const one of [...messages.sent].reverse()) {
        for (const reader of messages.devices) messages.deliver(one, reader);
      }
      expect(messages.sent.every((one) => one.readBy.size === 2)).toBe(true);
    }),
    { numRuns: 40 },
  );
});
