// The cast in a group chat: each device with what it keeps of the group, and no network.

import { expect } from "vitest";
import { AnnouncedChain } from "../announced_chain";
import { Text } from "../body";
import { equal, hex, utf8 } from "../bytes";
import { seal, type Content } from "../content";
import type { DeviceList } from "../device_list";
import type { FailureCode } from "../errors";
import { ProtocolError } from "../errors";
import { ADMIN, Create, MEMBER, OWNER, type Args, type Member } from "../group_args";
import * as chain from "../group_chain";
import * as message from "../group_message";
import { generateGroupKey, Meta, sealMeta } from "../group_meta";
import { signOperation } from "../group_operation";
import { GroupState } from "../group_state";
import type { AccountId, DeviceId, GroupId } from "../ids";
import { generateAccountKey } from "../keys";
import { OwnChain, recipientName, SenderKey, type GroupKey, type Recipient } from "../sender_key";
import { Account, anId, Dice, Phone, some, type Cast } from "./cast";

export const GID: GroupId = anId("a group chat");

/** A phone with its part of one group chat. It is the Lookup of its own store. */
export class Device implements message.Lookup {
  readonly phone: Phone;
  readonly operations: Uint8Array[] = [];
  state: GroupState | null = null;
  key: GroupKey | null = null;
  ownChain: OwnChain | null = null;
  told = new Map<string, Recipient>();
  held: readonly AnnouncedChain[] = [];
  #counter = 0;

  constructor(phone: Phone, state: GroupState | null = null) {
    this.phone = phone;
    this.state = state;
  }

  // Lookup

  newestGroup(group: GroupId): GroupState | null {
    return this.state !== null && equal(this.state.group, group) ? this.state : null;
  }

  groupAt(group: GroupId, gsh: Uint8Array): GroupState | null {
    const states = this.operations.map((_, index) => chain.rebuild(this.operations.slice(0, index + 1)));
    return states.find((one) => equal(one.group, group) && equal(one.hash, gsh)) ?? null;
  }

  listNamed(account: AccountId, listHash: Uint8Array): DeviceList | null {
    return this.phone.listNamed(account, listHash);
  }

  newestList(account: AccountId): DeviceList | null {
    return this.phone.newestList(account);
  }

  chains(group: GroupId, account: AccountId, device: DeviceId): readonly AnnouncedChain[] {
    return this.held.filter((one) => {
      return equal(one.group, group) && equal(one.account, account) && equal(one.device, device);
    });
  }

  // What a client does

  get own(): AccountId {
    return this.phone.own.account;
  }

  get group(): GroupState {
    return some(this.state);
  }

  follow(...signed: Uint8Array[]): void {
    this.state = chain.follow(GID, this.state, signed, this.phone);
    this.operations.push(...signed);
  }

  propose(args: Args): Uint8Array {
    const { own, account, now } = this.phone;
    return chain.propose(own, account.newest, this.group, args, { now }).operation.signed;
  }

  chain({ anew = false } = {}): OwnChain {
    if (anew || this.ownChain === null || this.isDue()) {
      this.told = new Map();
      this.ownChain = OwnChain.begin(this.group, { now: this.phone.now, entropy: this.phone.dice });
    }
    return this.ownChain;
  }

  readers(): readonly Recipient[] {
    return message.recipients(this.group, this.phone.own, this);
  }

  isDue(): boolean {
    return some(this.ownChain).isDue(this.group, this.told.values(), this.readers(), { now: this.phone.now });
  }

  announcement(announced: SenderKey = this.chain().announce(this.key)): Content {
    return {
      sent: this.phone.now,
      messageId: this.phone.dice.random(16),
      conversation: GID,
      body: announced,
      heads: { own: this.phone.account.newest.hash, recipient: null },
      counter: 0,
    };
  }

  /** Note who was told, as a client does. */
  tell(receiver: Device): void {
    const { account, device, signing } = receiver.phone.own;
    const one = { account, device, signingKey: signing.public };
    this.told.set(recipientName(one), one);
  }

  /** Take what came over the session with a device. */
  hear(sender: Device, announced: Content): void {
    const { account, device } = sender.phone.own;
    const accepted = message.acceptSenderKey(announced, account, device, this, { now: this.phone.now });
    const gone = new Set([...accepted.dropped, accepted.chain.id].map(hex));
    const isOther = (one: AnnouncedChain) => !equal(one.device, device) || !gone.has(hex(one.id));
    this.held = [...this.held.filter(isOther), accepted.chain];
    if (announced.body instanceof SenderKey) this.key = announced.body.groupKey ?? this.key;
  }

  text(words: string): Content {
    return {
      sent: this.phone.now,
      messageId: this.phone.dice.random(16),
      conversation: GID,
      body: new Text(words),
      heads: { own: this.phone.account.newest.hash, recipient: null },
      counter: ++this.#counter,
    };
  }

  send(words: string, one = this.text(words)): Uint8Array {
    const { own, dice } = this.phone;
    const sent = message.encrypt(this.chain(), own, seal(one, dice), { entropy: dice });
    this.ownChain = sent.chain;
    return sent.wire;
  }

  receive(sender: Device, wire: Uint8Array): message.GroupReceived {
    const { account, device: senderDevice } = sender.phone.own;
    const envelope = { group: GID, sender: account, senderDevice, wire };
    const received = message.receive(envelope, this, { now: this.phone.now });
    const isOther = (one: AnnouncedChain) => !equal(one.device, senderDevice) || !equal(one.id, received.chain.id);
    this.held = [...this.held.filter(isOther), received.chain];
    return received;
  }

  read(sender: Device, wire: Uint8Array): string {
    const { content, failure } = this.receive(sender, wire);
    if (failure !== null) throw failure;
    return (content.body as Text).text;
  }

  /** The chain of a device, where there is one. */
  chainOf(sender: Device): AnnouncedChain {
    const { account, device } = sender.phone.own;
    const [only, ...more] = this.chains(GID, account, device);
    expect(more).toEqual([]);
    return some(only);
  }

  /** Forget everything that is not in the store's bytes. */
  restart(): void {
    this.state = this.state && GroupState.fromBytes(this.state.toBytes());
    this.ownChain = this.ownChain && OwnChain.fromBytes(this.ownChain.toBytes());
    this.held = this.held.map((one) => AnnouncedChain.fromBytes(one.toBytes()));
  }

  /** Everything that the store would hold, as one text to compare. */
  stored(): string {
    return [this.state, this.ownChain, ...this.held].map((one) => (one === null ? "" : hex(one.toBytes()))).join("\n");
  }
}

/** The first operation; its author holds the group key. */
export function create(owner: Device, members: readonly Member[], { membersMayAdd = false } = {}): Uint8Array {
  const { own, account, dice, now } = owner.phone;
  owner.key = generateGroupKey(null, dice);
  const args = Create.of(members, sealMeta(new Meta("Friends"), GID, owner.key, dice), { membersMayAdd });
  return chain.create(own, account.newest, GID, args, { now }).operation.signed;
}

/** A meta under a new group key, for a remove or a rekey; its author holds the key. */
export function sealedAnew(author: Device, title = "Friends"): Uint8Array {
  author.key = generateGroupKey(author.group, author.phone.dice);
  return sealMeta(new Meta(title), GID, author.key, author.phone.dice);
}

export type Name = "alice" | "bob" | "charlie" | "dora";

/** alice owns the group chat, bob is an admin, dora a member; charlie is outside. */
export class Room {
  readonly accounts: readonly Account[];
  readonly alice: Device;
  readonly tablet: Device;
  readonly bob: Device;
  readonly charlie: Device;
  readonly dora: Device;
  readonly everybody: readonly Device[];

  constructor(cast: Cast, options: { membersMayAdd?: boolean } = {}) {
    const account = new Account("dora", generateAccountKey(new Dice("dora")));
    const dora = new Phone(account, "dora's phone");
    account.publish(dora.own);
    this.accounts = [cast.alice.account, cast.bob.account, cast.charlie.account, account];
    this.alice = new Device(cast.alice);
    this.tablet = new Device(cast.tablet);
    this.bob = new Device(cast.bob);
    this.charlie = new Device(cast.charlie);
    this.dora = new Device(dora);
    this.everybody = [this.alice, this.tablet, this.bob, this.charlie, this.dora];
    this.learn();
    const members = [
      { account: this.alice.own, role: OWNER },
      { account: this.bob.own, role: ADMIN },
      { account: this.dora.own, role: MEMBER },
    ];
    this.publish(create(this.alice, members, options));
  }

  /** Everybody knows everybody's lists. */
  learn(): void {
    for (const one of this.everybody) for (const account of this.accounts) one.phone.learn(account);
  }

  get state(): GroupState {
    return this.alice.group;
  }

  publish(signed: Uint8Array): void {
    for (const one of this.everybody) one.follow(signed);
  }

  do(author: Device, args: Args): GroupState {
    this.publish(author.propose(args));
    return this.state;
  }

  /** What the author's device would sign if its client did not judge it first. */
  forced(author: Device, args: Args, time = author.phone.now): Uint8Array {
    const { hash: previous, index } = this.state;
    const listHash = author.phone.account.newest.hash;
    return signOperation(author.phone.own, { listHash, group: GID, index: index + 1, previous, args, time }).signed;
  }

  /** Nobody takes it, and its author's own client does not even sign it. */
  refuses(author: Device, args: Args, code: FailureCode = "malformed"): void {
    expect(failureOf(() => author.propose(args))).toBe(code);
    this.refusesSigned(this.forced(author, args), code);
  }

  refusesSigned(signed: Uint8Array, code: FailureCode): void {
    for (const one of this.everybody) refusesIn(one, () => one.follow(signed), code);
  }
}

/** The sender's chain becomes known to the receivers. */
export function announce(sender: Device, ...receivers: Device[]): Content {
  const made = sender.announcement();
  for (const one of receivers) {
    sender.tell(one);
    one.hear(sender, made);
  }
  return made;
}

/** The name of the failure that a call ends in. */
export function failureOf(call: () => unknown): FailureCode {
  try {
    call();
  } catch (failure) {
    if (failure instanceof ProtocolError) return failure.code;
    throw failure;
  }
  throw new Error("nothing was refused");
}

/** The call fails, and changes nothing at that device. */
export function refusesIn(device: Device, call: () => unknown, code: FailureCode): void {
  const before = device.stored();
  expect(failureOf(call)).toBe(code);
  expect(device.stored()).toBe(before);
}

export function refused(receiver: Device, sender: Device, wire: Uint8Array, code: FailureCode): void {
  refusesIn(receiver, () => receiver.receive(sender, wire), code);
}

export const bytes = (size: number, letter: string) => new Uint8Array(size).fill(utf8(letter)[0] ?? 0);
