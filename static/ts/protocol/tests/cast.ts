// The cast: devices with a store in memory, a repeatable source of randomness, a clock set by hand.

import { shake256 } from "@noble/hashes/sha3.js";
import { Text } from "../body";
import { concat, equal, hex, utf8 } from "../bytes";
import { privateConversation, seal, type Content, type Sealed } from "../content";
import { listed, openList, signList, type DeviceList } from "../device_list";
import type { Entropy } from "../entropy";
import type { AccountId, MessageId, SessionId } from "../ids";
import { encapsulate, type Encapsulated } from "../kem";
import { generateAccountKey, OwnDevice } from "../keys";
import { MINUTE } from "../limits";
import { Bundle, generatePrekeys, KLR, NONE_SEEN, OKPK, OPK, PrivatePrekey, SPK, verifyBundle } from "../prekeys";
import type { PrekeyLabel, SignedPrekey, VerifiedBundle } from "../prekeys";
import { sha256, type SigningKey } from "../primitives";
import type { Secret } from "../secret";
import * as session from "../session";

export const NOW = 1_750_000_000_000;

/** Random bytes that come again with the same seed. Encapsulation stays the library's own. */
export class Dice implements Entropy {
  readonly #seed: Uint8Array;
  #count = 0;

  constructor(seed: string) {
    this.#seed = utf8(seed);
  }

  random(size: number): Uint8Array {
    const count = new Uint8Array(8);
    new DataView(count.buffer).setUint32(4, ++this.#count);
    return shake256(concat(this.#seed, count), { dkLen: size });
  }

  encapsulate(key: Uint8Array): Encapsulated {
    return encapsulate(key);
  }
}

export function anId(name: string): Uint8Array {
  return sha256(utf8(name)).slice(0, 16);
}

/** What must be there. */
export function some<Value>(value: Value | null | undefined): Value {
  if (value === null || value === undefined) throw new Error("missing");
  return value;
}

/** An account with its AK and the chain of its lists. */
export class Account {
  readonly id: AccountId;
  readonly key: SigningKey;
  lists: DeviceList[] = [];

  constructor(name: string, key: SigningKey) {
    this.id = anId(name);
    this.key = key;
  }

  get newest(): DeviceList {
    return some(this.lists.at(-1));
  }

  publish(...devices: OwnDevice[]): DeviceList {
    const entries = devices.map((one) => listed(one, { added: NOW }));
    const signed = signList(this.key, this.id, entries, { previous: this.lists.at(-1) ?? null, now: NOW });
    this.lists.push(signed);
    return signed;
  }
}

export interface BundleOptions {
  readonly opk?: boolean;
  readonly oneTimeKem?: boolean;
}

/** A device with everything that a client stores, and no network. It is the Lookup of its own store. */
export class Phone implements session.Lookup {
  readonly account: Account;
  dice: Entropy;
  own: OwnDevice;
  privates = new Map<string, PrivatePrekey>();
  readonly published: Record<PrekeyLabel, SignedPrekey[]> = { spk: [], klr: [], opk: [], okpk: [] };
  readonly psks = new Map<string, Secret>();
  readonly seenEks = new Map<string, number>();
  readonly knownLists = new Map<string, DeviceList[]>();
  pairs = new Map<string, session.Pair>();
  now = NOW;
  counter = 0;
  readonly #nextIds = { spk: 1, klr: 1, opk: 1, okpk: 1 };

  constructor(account: Account, name: string) {
    this.account = account;
    this.dice = new Dice(name);
    this.own = OwnDevice.generate(account.id, anId(name), account.key.public, this.dice);
    this.makePrekeys();
  }

  // Lookup

  privatePrekey(label: PrekeyLabel, keyId: number): PrivatePrekey | null {
    return this.privates.get(`${label} ${keyId}`) ?? null;
  }

  psk(pskId: Uint8Array): Secret | null {
    return this.psks.get(hex(pskId)) ?? null;
  }

  hasSeenEk(ekHash: Uint8Array): boolean {
    return this.seenEks.has(hex(ekHash));
  }

  listNamed(account: AccountId, listHash: Uint8Array): DeviceList | null {
    return this.#known(account).find((one) => equal(one.hash, listHash)) ?? null;
  }

  newestList(account: AccountId): DeviceList | null {
    return this.#known(account).at(-1) ?? null;
  }

  #known(account: AccountId): DeviceList[] {
    return this.knownLists.get(hex(account)) ?? [];
  }

  // What a client does

  makePrekeys(oneTime = 2): void {
    const wanted: [PrekeyLabel, number][] = [[SPK, 1], [KLR, 1], [OPK, oneTime], [OKPK, oneTime]];
    for (const [label, count] of wanted) {
      const order = { firstId: this.#nextIds[label], count, now: this.now, entropy: this.dice };
      for (const made of generatePrekeys(this.own, label, order)) {
        this.privates.set(`${label} ${made.private.keyId}`, made.private);
        this.published[label].push(made.signed);
      }
      this.#nextIds[label] += count;
    }
  }

  learn(account: Account): void {
    this.knownLists.set(hex(account.id), [...account.lists]);
  }

  /** What the server would hand out next. */
  bundle({ opk = true, oneTimeKem = true }: BundleOptions = {}): Bundle {
    return new Bundle(
      this.own.account,
      this.own.device,
      some(this.published.spk.at(-1)),
      opk ? some(this.published.opk.shift()) : null,
      oneTimeKem ? OKPK : KLR,
      some(oneTimeKem ? this.published.okpk.shift() : this.published.klr.at(-1)),
    );
  }

  verified(peer: Phone, options: BundleOptions = {}): VerifiedBundle {
    const newest = some(this.newestList(peer.own.account));
    return verifyBundle(peer.bundle(options), newest, peer.own.device, NONE_SEEN, { now: this.now });
  }

  pair(peer: Phone): session.Pair {
    return this.pairs.get(hex(peer.own.device)) ?? new session.Pair(peer.own.account, peer.own.device);
  }

  start(peer: Phone, options: BundleOptions & { psk?: Secret } = {}): session.Session {
    const { psk = null } = options;
    const given = { now: this.now, psk, entropy: this.dice };
    const started = session.startSession(this.own, this.account.newest, this.verified(peer, options), given);
    this.pairs.set(hex(peer.own.device), this.pair(peer).add(started)[0]);
    return started;
  }

  text(words: string, peer: Account): Content {
    return {
      sent: this.now,
      messageId: this.dice.random(16),
      conversation: privateConversation(this.account.id, peer.id),
      body: new Text(words),
      heads: { own: this.account.newest.hash, recipient: peer.newest.hash },
      counter: ++this.counter,
    };
  }

  seal(words: string, peer: Account): Sealed {
    return seal(this.text(words, peer), this.dice);
  }

  send(peer: Phone, words: string): Uint8Array {
    return this.sendSealed(peer, this.seal(words, peer.account));
  }

  sendSealed(peer: Phone, sealed: Sealed, sessionId: SessionId | null = null): Uint8Array {
    const sent = session.encrypt(this.pair(peer), sealed, { now: this.now, sessionId, entropy: this.dice });
    this.pairs.set(hex(peer.own.device), sent.pair);
    return sent.wire;
  }

  receive(
    peer: Phone,
    wire: Uint8Array,
    { chatWith = null, messageId = null }: { chatWith?: Account | null; messageId?: MessageId | null } = {},
  ): session.Received {
    const { account: sender, device: senderDevice } = peer.own;
    const envelope = { sender, senderDevice, wire, messageId, chatWith: chatWith && chatWith.id };
    const given = { now: this.now, entropy: this.dice };
    const received = session.receive(this.own, this.pair(peer), envelope, this, given);
    // What a store does in one transaction.
    this.pairs.set(hex(senderDevice), received.pair);
    for (const [label, keyId] of received.deletePrekeys) this.privates.delete(`${label} ${keyId}`);
    if (received.usedPsk !== null) this.psks.delete(hex(received.usedPsk));
    if (received.rememberEk !== null) this.seenEks.set(hex(received.rememberEk.ekHash), received.rememberEk.spkId);
    return received;
  }

  read(peer: Phone, wire: Uint8Array): string {
    const { content, failure } = this.receive(peer, wire);
    if (failure !== null) throw failure;
    return (content.body as Text).text;
  }

  /** Forget everything that is not in the store's bytes. */
  restart(): void {
    this.own = OwnDevice.fromBytes(this.own.toBytes());
    for (const [device, pair] of this.pairs) this.pairs.set(device, session.Pair.fromBytes(pair.toBytes()));
    for (const [place, one] of this.privates) this.privates.set(place, PrivatePrekey.fromBytes(one.toBytes()));
    for (const [account, lists] of this.knownLists) {
      this.knownLists.set(account, lists.map((one) => openList(one.signed)));
    }
  }

  /** Take a copy of the pairs; call the result to go back to it. */
  snapshot(): () => void {
    const pairs = new Map(this.pairs);
    return () => {
      this.pairs = new Map(pairs);
    };
  }

  /** Everything that the store would hold, as one text to compare. */
  stored(): string {
    const pairs = [...this.pairs].map(([device, pair]) => `${device} ${hex(pair.toBytes())}`);
    const rest = [this.privates, this.psks, this.seenEks].map((one) => [...one.keys()].join());
    return [...pairs, ...rest].join("\n");
  }
}

/** alice has two devices, bob has one, charlie stands outside. */
export interface Cast {
  readonly alice: Phone;
  readonly tablet: Phone;
  readonly bob: Phone;
  readonly charlie: Phone;
}

export function makeCast(seed = ""): Cast {
  const account = (name: string) => new Account(name, generateAccountKey(new Dice(seed + name)));
  const [alice, bob, charlie] = [account("alice"), account("bob"), account("charlie")] as const;
  const cast = {
    alice: new Phone(alice, `${seed}alice's phone`),
    tablet: new Phone(alice, `${seed}alice's tablet`),
    bob: new Phone(bob, `${seed}bob's phone`),
    charlie: new Phone(charlie, `${seed}charlie's phone`),
  };
  alice.publish(cast.alice.own, cast.tablet.own);
  bob.publish(cast.bob.own);
  charlie.publish(cast.charlie.own);
  for (const phone of Object.values(cast)) for (const one of [alice, bob, charlie]) phone.learn(one);
  return cast;
}

/** alice and bob have a session that both have used. */
export function talkingCast(): Cast {
  const cast = makeCast();
  cast.alice.start(cast.bob);
  cast.bob.read(cast.alice, cast.alice.send(cast.bob, "hello"));
  cast.alice.read(cast.bob, cast.bob.send(cast.alice, "hi"));
  return cast;
}

export function wait(cast: Cast, milliseconds = MINUTE): void {
  for (const phone of [cast.alice, cast.tablet, cast.bob, cast.charlie]) phone.now += milliseconds;
}
