// Chains of a group chat: several devices, step by step. Every step has its own result, or the name of its failure.

import { AnnouncedChain } from "../announced_chain";
import { equal, hex } from "../bytes";
import * as cbor from "../cbor";
import { Sealed } from "../content";
import { openList, type DeviceList } from "../device_list";
import type { Entropy } from "../entropy";
import { ProtocolError } from "../errors";
import * as form from "../form";
import { apply, rebuild } from "../group_chain";
import { acceptSenderKey, encrypt, receive, recipients, type Lookup } from "../group_message";
import { GroupState } from "../group_state";
import type { AccountId, ChainId, DeviceId, GroupId } from "../ids";
import type { OwnDevice } from "../keys";
import { secret } from "../secret";
import { OwnChain, SenderKey } from "../sender_key";
import { Draws, ownDevice } from "./draws";
import { bytesOf, Given, toJson, type Json } from "./json";

/** A device with its store; it is the Lookup of its own store. */
export class Member implements Lookup {
  readonly own: OwnDevice;
  readonly operations: Uint8Array[] = [];
  state: GroupState | null = null;
  ownChain: OwnChain | null = null;
  held: readonly AnnouncedChain[] = [];
  readonly #lists = new Map<string, readonly DeviceList[]>();

  constructor(given: Given) {
    this.own = ownDevice(given.object("own"));
    for (const objects of given.list("lists")) this.learn(new Given({ objects }).byteStrings("objects"));
    for (const signed of given.byteStrings("operations")) this.follow(signed);
  }

  learn(objects: readonly Uint8Array[]): void {
    const opened = objects.map(openList);
    const [first] = opened;
    if (first !== undefined) this.#lists.set(hex(first.account), opened);
  }

  follow(signed: Uint8Array): void {
    this.state = apply(this.state, signed, this);
    this.operations.push(signed);
  }

  get group(): GroupState {
    if (this.state === null) throw new RangeError("no group");
    return this.state;
  }

  get chain(): OwnChain {
    if (this.ownChain === null) throw new RangeError("no chain");
    return this.ownChain;
  }

  newestGroup(group: GroupId): GroupState | null {
    return this.state !== null && equal(this.state.group, group) ? this.state : null;
  }

  groupAt(group: GroupId, gsh: Uint8Array): GroupState | null {
    const states = this.operations.map((_, index) => rebuild(this.operations.slice(0, index + 1)));
    return states.find((one) => equal(one.group, group) && equal(one.hash, gsh)) ?? null;
  }

  listNamed(account: AccountId, listHash: Uint8Array): DeviceList | null {
    return this.#lists.get(hex(account))?.find((one) => equal(one.hash, listHash)) ?? null;
  }

  newestList(account: AccountId): DeviceList | null {
    return this.#lists.get(hex(account))?.at(-1) ?? null;
  }

  chains(group: GroupId, account: AccountId, device: DeviceId): readonly AnnouncedChain[] {
    const isOf = (one: AnnouncedChain) => equal(one.account, account) && equal(one.device, device);
    return this.held.filter((one) => equal(one.group, group) && isOf(one));
  }

  keep(chain: AnnouncedChain, dropped: readonly ChainId[] = []): void {
    const gone = new Set([...dropped, chain.id].map(hex));
    const isOf = (one: AnnouncedChain) => equal(one.account, chain.account) && equal(one.device, chain.device);
    this.held = [...this.held.filter((one) => !isOf(one) || !gone.has(hex(one.id))), chain];
  }

  restart(): void {
    this.state = GroupState.fromBytes(this.group.toBytes());
    this.ownChain = this.ownChain && OwnChain.fromBytes(this.ownChain.toBytes());
    this.held = this.held.map((one) => AnnouncedChain.fromBytes(one.toBytes()));
  }
}

/** Runs steps one after the other. `wire_of`, `announced_of` are the numbers of steps that made one. */
export class GroupConversation {
  readonly members: ReadonlyMap<string, Member>;
  readonly #made = new Map<number, Uint8Array>();
  #number = 0;

  constructor(devices: Given) {
    this.members = new Map(devices.entries().map(([name, value]) => [name, new Member(new Given(value))]));
  }

  step(step: Given, entropy: Entropy): Json {
    let result: Json;
    try {
      result = this.take(this.#member(step, "who"), step, entropy);
      if (entropy instanceof Draws) entropy.finish();
    } catch (failure) {
      if (!(failure instanceof ProtocolError)) throw failure;
      result = failure.code;
    }
    this.#number += 1;
    return result;
  }

  protected take(who: Member, step: Given, entropy: Entropy): Json {
    switch (step.text("do")) {
      case "begin":
        who.ownChain = OwnChain.begin(who.group, { now: step.number("now"), entropy });
        return { chain: hex(who.ownChain.id) };
      case "due":
        return due(who, step);
      case "announce":
        return this.#announce(who, step);
      case "accept":
        return this.#accept(who, step);
      case "encrypt":
        return this.#encrypt(who, step, entropy);
      case "receive":
        return this.#receive(who, step);
      case "follow":
        who.follow(step.bytes("operation"));
        return { gsh: hex(who.group.hash), epoch: who.group.epoch };
      case "learn": // newer lists of an account, accepted before
        who.learn(step.byteStrings("objects"));
        return {};
      case "restart": // everything goes through the store's bytes
        who.restart();
        return {};
      case "tidy":
        who.held = who.held.map((one) => one.tidy({ now: step.number("now") })).filter((one) => one !== null);
        return { chains: who.held.length, skipped: who.held.reduce((sum, one) => sum + one.skipped.size, 0) };
      default:
        throw new RangeError(`no step ${step.text("do")}`);
    }
  }

  #announce(who: Member, step: Given): Json {
    const given = step.has("group_key") ? step.object("group_key") : null;
    const key = given && { version: given.number("version"), key: secret(given.bytes("key")) };
    const announced = cbor.encode(who.chain.announce(key).toMap());
    this.#made.set(this.#number, announced);
    return { announced: hex(announced) };
  }

  /** The sender key's content has come over the session with the sender's device. */
  #accept(who: Member, step: Given): Json {
    const { account, device } = this.#member(step, "sender").own;
    const body = SenderKey.fromMap(form.mapping(cbor.decode(this.#given(step, "announced"))));
    const content = {
      sent: 0,
      messageId: new Uint8Array(16),
      conversation: body.group,
      body,
      heads: { own: step.bytes("own_list"), recipient: null },
      counter: 0,
    };
    const { chain, dropped } = acceptSenderKey(content, account, device, who, { now: step.number("now") });
    who.keep(chain, dropped);
    return { chain: hex(chain.id), first: chain.first, dropped: dropped.map(hex) };
  }

  #encrypt(who: Member, step: Given, entropy: Entropy): Json {
    let sealed = Sealed.fromBytes(step.bytes("padded"));
    if (step.has("tag")) sealed = new Sealed(sealed.padded, step.bytes("tag")); // a sender that lies about F
    const sent = encrypt(who.chain, who.own, sealed, { entropy });
    who.ownChain = sent.chain;
    this.#made.set(this.#number, sent.wire);
    return { wire: hex(sent.wire), name: toJson(sent.name.toMap()) };
  }

  #receive(who: Member, step: Given): Json {
    const { account, device: senderDevice } = this.#member(step, "sender").own;
    const envelope = {
      group: step.bytes("group"),
      sender: account,
      senderDevice,
      wire: this.#given(step, "wire"),
      messageId: step.maybe("message_id"),
    };
    const got = receive(envelope, who, { now: step.number("now") });
    who.keep(got.chain);
    return {
      padded: hex(got.sealed.padded),
      tag: hex(got.sealed.tag),
      failure: got.failure === null ? null : got.failure.code,
      chain: hex(got.chain.id),
      skipped: got.chain.skipped.size,
    };
  }

  #member(step: Given, name: string): Member {
    const found = this.members.get(step.text(name));
    if (found === undefined) throw new RangeError(`no device ${step.text(name)}`);
    return found;
  }

  #given(step: Given, name: string): Uint8Array {
    const made = step.has(name) ? step.bytes(name) : this.#made.get(step.number(`${name}_of`));
    if (made === undefined) throw new RangeError(`no such ${name}`);
    return made;
  }
}

function due(who: Member, step: Given): Json {
  const told = step.list("told").map((one) => {
    const [account, device, signingKey] = (one as readonly Json[]).map(bytesOf) as [Uint8Array, Uint8Array, Uint8Array];
    return { account, device, signingKey };
  });
  const readers = recipients(who.group, who.own, who);
  return {
    due: who.chain.isDue(who.group, told, readers, { now: step.number("now") }),
    recipients: readers.map((one) => [hex(one.account), hex(one.device), hex(one.signingKey)]).sort(),
  };
}
