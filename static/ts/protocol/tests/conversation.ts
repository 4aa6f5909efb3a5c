// Conversations: several devices, step by step. Every step has its own result, or the name of its failure.

import { equal, hex } from "../bytes";
import { Sealed } from "../content";
import { openList, type DeviceList } from "../device_list";
import type { Entropy } from "../entropy";
import { NotListed, ProtocolError } from "../errors";
import type { AccountId } from "../ids";
import type { OwnDevice } from "../keys";
import { pskId } from "../pqxdh";
import { Bundle, NONE_SEEN, verifyBundle, type PrekeyLabel, type PrivatePrekey } from "../prekeys";
import { secret, type Secret } from "../secret";
import { encrypt, Pair, receive, startSession, type Lookup } from "../session";
import { Draws, ownDevice, privatePrekey } from "./draws";
import { Given, type Json } from "./json";
import { receivedJson } from "./received";

/** A device with its store; it is the Lookup of its own store. */
class Device implements Lookup {
  readonly own: OwnDevice;
  readonly privates = new Map<string, PrivatePrekey>();
  readonly psks = new Map<string, Secret>();
  readonly seenEks = new Set<string>();
  readonly #lists = new Map<string, readonly DeviceList[]>();
  pairs = new Map<string, Pair>();

  constructor(given: Given) {
    this.own = ownDevice(given);
    for (const one of given.objects("prekeys").map(privatePrekey)) this.privates.set(named(one.label, one.keyId), one);
    for (const one of given.byteStrings("psks")) this.psks.set(hex(pskId(one)), secret(one));
    for (const objects of given.list("lists")) this.learn(new Given({ objects }).byteStrings("objects"));
  }

  learn(objects: readonly Uint8Array[]): void {
    const opened = objects.map(openList);
    const [first] = opened;
    if (first !== undefined) this.#lists.set(hex(first.account), opened);
  }

  pair(peer: OwnDevice): Pair {
    return this.pairs.get(hex(peer.device)) ?? new Pair(peer.account, peer.device);
  }

  privatePrekey(label: PrekeyLabel, keyId: number): PrivatePrekey | null {
    return this.privates.get(named(label, keyId)) ?? null;
  }

  psk(id: Uint8Array): Secret | null {
    return this.psks.get(hex(id)) ?? null;
  }

  hasSeenEk(ekHash: Uint8Array): boolean {
    return this.seenEks.has(hex(ekHash));
  }

  listNamed(account: AccountId, listHash: Uint8Array): DeviceList | null {
    return this.#lists.get(hex(account))?.find((one) => equal(one.hash, listHash)) ?? null;
  }

  newestList(account: AccountId): DeviceList | null {
    return this.#lists.get(hex(account))?.at(-1) ?? null;
  }
}

/** Runs steps one after the other. `receive` takes `wire`, or `wire_of`: the number of an `encrypt` step. */
export class Conversation {
  readonly #devices: ReadonlyMap<string, Device>;
  readonly #wires = new Map<number, Uint8Array>();
  #number = 0;

  constructor(devices: Given) {
    this.#devices = new Map(devices.entries().map(([name, value]) => [name, new Device(new Given(value))]));
  }

  step(step: Given): Json {
    const entropy = Draws.of(step.has("draws") ? step.object("draws") : new Given({}));
    let result: Json;
    try {
      result = this.#do(this.#device(step.text("who")), step, entropy);
      entropy.finish();
    } catch (failure) {
      if (!(failure instanceof ProtocolError)) throw failure;
      result = failure.code;
    }
    this.#number += 1;
    return result;
  }

  #device(name: string): Device {
    const found = this.#devices.get(name);
    if (found === undefined) throw new RangeError(`no device ${name}`);
    return found;
  }

  #do(who: Device, step: Given, entropy: Entropy): Json {
    switch (step.text("do")) {
      case "start":
        return this.#start(who, step, entropy);
      case "encrypt":
        return this.#encrypt(who, step, entropy);
      case "receive":
        return this.#receive(who, step, entropy);
      case "restart": // everything goes through the store's bytes
        who.pairs = new Map([...who.pairs].map(([device, one]) => [device, Pair.fromBytes(one.toBytes())]));
        return {};
      case "forget": // the sessions with a peer are lost; prekeys and remembered ephemeral keys are not
        who.pairs.delete(hex(this.#peer(step).device));
        return {};
      case "only": { // a reset came: every session with a peer but one is given up
        const peer = this.#peer(step);
        const [pair, dropped] = who.pair(peer).only(step.bytes("session"));
        who.pairs.set(hex(peer.device), pair);
        return { dropped: dropped.map(hex) };
      }
      case "learn": // newer lists of an account, accepted before
        who.learn(step.byteStrings("objects"));
        return {};
      default:
        throw new RangeError(`no step ${step.text("do")}`);
    }
  }

  #peer(step: Given): OwnDevice {
    return this.#device(step.text("peer")).own;
  }

  #start(who: Device, step: Given, entropy: Entropy): Json {
    const peer = this.#peer(step);
    const newest = who.newestList(peer.account);
    const ownList = who.newestList(who.own.account);
    if (newest === null || ownList === null) throw new NotListed();
    const now = step.number("now");
    const verified = verifyBundle(Bundle.fromBytes(step.bytes("bundle")), newest, peer.device, NONE_SEEN, { now });
    const psk = step.maybe("psk");
    const options = { now, psk: psk && secret(psk), entropy };
    const started = startSession(who.own, ownList, verified, options);
    const [pair, dropped] = who.pair(peer).add(started);
    who.pairs.set(hex(peer.device), pair);
    return { session_id: hex(started.id), dropped: dropped.map(hex) };
  }

  #encrypt(who: Device, step: Given, entropy: Entropy): Json {
    const peer = this.#peer(step);
    let sealed = Sealed.fromBytes(step.bytes("padded"));
    if (step.has("tag")) sealed = new Sealed(sealed.padded, step.bytes("tag")); // a sender that lies about F
    const options = { now: step.number("now"), sessionId: step.maybe("session"), entropy };
    const sent = encrypt(who.pair(peer), sealed, options);
    who.pairs.set(hex(peer.device), sent.pair);
    this.#wires.set(this.#number, sent.wire);
    return { wire: hex(sent.wire) };
  }

  #receive(who: Device, step: Given, entropy: Entropy): Json {
    const peer = this.#peer(step);
    const wire = step.has("wire_of") ? this.#wires.get(step.number("wire_of")) : step.bytes("wire");
    if (wire === undefined) throw new RangeError("no such wire");
    const envelope = {
      sender: peer.account,
      senderDevice: peer.device,
      wire,
      messageId: step.maybe("message_id"),
      chatWith: step.maybe("chat_with"),
    };
    const got = receive(who.own, who.pair(peer), envelope, who, { now: step.number("now"), entropy });
    who.pairs.set(hex(peer.device), got.pair);
    for (const [label, keyId] of got.deletePrekeys) gone(who.privates.delete(named(label, keyId)));
    if (got.usedPsk !== null) gone(who.psks.delete(hex(got.usedPsk)));
    if (got.rememberEk !== null) who.seenEks.add(hex(got.rememberEk.ekHash));
    return receivedJson(got);
  }
}

function named(label: PrekeyLabel, keyId: number): string {
  return `${label} ${keyId}`;
}

function gone(deleted: boolean): void {
  if (!deleted) throw new RangeError("nothing there to delete");
}
