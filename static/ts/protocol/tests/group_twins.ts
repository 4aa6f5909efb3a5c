// Four devices of a group chat, each of them in both cores, which take every step together.
//
// One core draws the randomness, the other repeats it: so the answer, the name of a failure, the bytes sent and the
// bytes stored must be the same.

import { expect } from "vitest";
import { AnnouncedChain } from "../announced_chain";
import { hex, unhex } from "../bytes";
import * as cbor from "../cbor";
import type { Entropy } from "../entropy";
import { NotListed } from "../errors";
import { propose } from "../group_chain";
import { readArgs } from "../group_operation";
import { GroupState } from "../group_state";
import { OwnChain } from "../sender_key";
import type { Device, Room } from "./group_cast";
import { Draws } from "./draws";
import { GroupConversation, type Member } from "./group_conversation";
import { Given, type Json } from "./json";
import type { Die } from "./mangle";
import type { Python } from "./python";
import { Recorder } from "./twins";

type Fields = Record<string, Json>;

interface Stored {
  readonly state: string;
  readonly own_chain: string | null;
  readonly held: readonly string[];
}

/** The vectors' steps, and one that only two cores need. */
class Conversation extends GroupConversation {
  protected override take(who: Member, step: Given, entropy: Entropy): Json {
    if (step.text("do") !== "propose") return super.take(who, step, entropy);
    const newest = who.newestList(who.own.account);
    if (newest === null) throw new NotListed();
    const args = readArgs(step.number("code"), cbor.decode(step.bytes("args")));
    const { operation, state } = propose(who.own, newest, who.group, args, { now: step.number("now") });
    return { operation: hex(operation.signed), state: hex(state.toBytes()) };
  }
}

export class GroupTwins {
  readonly members: ReadonlyMap<string, Member>;
  readonly #devices: Fields;
  readonly #conversation: Conversation;
  readonly #python: Python;
  readonly #roll: Die;
  readonly #name: string;
  #number = 0;

  constructor(python: Python, roll: Die, name: string, room: Room, devices: Readonly<Record<string, Device>>) {
    const lists = room.accounts.map((account) => account.lists.map((one) => hex(one.signed)));
    const operations = room.alice.operations.map(hex);
    this.#devices = Object.fromEntries(
      Object.entries(devices).map(([who, device]) => [who, { own: ownJson(device), lists, operations }]),
    );
    this.#conversation = new Conversation(new Given(this.#devices));
    this.members = this.#conversation.members;
    [this.#python, this.#roll, this.#name] = [python, roll, name];
  }

  async begin(): Promise<void> {
    await this.#python.ask({ devices: this.#devices });
  }

  member(who: string): Member {
    const found = this.members.get(who);
    if (found === undefined) throw new RangeError(`no device ${who}`);
    return found;
  }

  /** Take a step in both cores, and hold the results against each other. */
  async step(who: string, what: string, fields: Fields = {}): Promise<Json> {
    const step: Fields = { do: what, who, ...fields };
    const seed = `${this.#name}/${++this.#number}`;
    let result: Json;
    let theirs;
    if (this.#roll(2) === 0) {
      const recorder = new Recorder(seed);
      result = this.#conversation.step(new Given(step), recorder);
      theirs = await this.#python.ask({ ...step, draws: recorder.draws });
    } else {
      theirs = await this.#python.ask({ ...step, seed });
      const draws = Draws.of(new Given(theirs.draws));
      result = this.#conversation.step(new Given(step), draws);
      draws.finish();
    }
    const place = `step ${this.#number}: ${what} by ${who}`;
    expect(theirs.result, place).toEqual(result);
    expect(theirs.stored, place).toEqual(stored(this.member(who)));
    return result;
  }

  /** Both go on with what the other one has stored. */
  async swap(who: string): Promise<void> {
    const member = this.member(who);
    const { stored: theirs } = await this.#python.ask({ do: "load", who, ...stored(member), draws: {} });
    const { state, own_chain, held } = theirs as unknown as Stored;
    member.state = GroupState.fromBytes(unhex(state));
    member.ownChain = own_chain === null ? null : OwnChain.fromBytes(unhex(own_chain));
    member.held = held.map((one) => AnnouncedChain.fromBytes(unhex(one)));
    expect(theirs).toEqual(stored(member));
  }
}

function stored(member: Member) {
  return {
    state: hex(member.group.toBytes()),
    own_chain: member.ownChain && hex(member.ownChain.toBytes()),
    held: member.held.map((one) => hex(one.toBytes())),
  };
}

function ownJson({ phone: { own } }: Device): Json {
  return {
    account: hex(own.account),
    device: hex(own.device),
    account_key: hex(own.accountKey),
    signing_seed: hex(own.signing.seed),
    identity_private: hex(own.identity.private),
  };
}
