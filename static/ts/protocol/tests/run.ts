// Runs the test vectors against the TypeScript core, as vectors/run.py does against the Python one.
//
// A file holds cases `{name, op, in, expect}`. `op` names a function below; `expect` is its result, or the name of a
// failure. All bytes are hexadecimal. `vectors/schema.json` gives the shape of every op's input and result.

import { AccountData, ACCEPTED, HistoryEntry, SharedContact } from "../account_data";
import * as base32 from "../base32";
import { hex } from "../bytes";
import * as cbor from "../cbor";
import * as content from "../content";
import * as lists from "../device_list";
import { proveDevice, verifyProof } from "../device_proof";
import { NotListed, ProtocolError } from "../errors";
import { checkFrank, frank, stamp } from "../franking";
import * as kem from "../kem";
import * as linking from "../linking";
import { pad, unpad } from "../padding";
import * as pqxdh from "../pqxdh";
import * as prekeys from "../prekeys";
import * as primitives from "../primitives";
import { kdfRk } from "../ratchet";
import { numericFingerprint, safetyNumber, type SafetyNumber } from "../safety_number";
import { secret, type Secret } from "../secret";
import { Init, peek } from "../wire";
import { Conversation } from "./conversation";
import { Draws, ownDevice, privatePrekey } from "./draws";
import { GROUP_OPS } from "./group_run";
import { Given, hexed, toJson, type Json } from "./json";

export interface Case {
  readonly name: string;
  readonly op: string;
  readonly in: Json;
  readonly expect: Json;
}

/** The result of one case, or the name of its failure. */
export function outcome(op: string, input: Json): Json {
  const run = OPS[op];
  if (run === undefined) throw new RangeError(`no op ${op}`);
  try {
    return run(new Given(input));
  } catch (failure) {
    if (failure instanceof ProtocolError) return failure.code;
    throw failure;
  }
}

export const OPS: Readonly<Record<string, (given: Given) => Json>> = {
  // Encoding

  cbor(given) {
    const value = cbor.decode(given.bytes("data"));
    if (hex(cbor.encode(value)) !== given.text("data")) throw new RangeError("encodes to something else");
    return { value: toJson(value) };
  },

  pad: (given) => ({ padded: hex(pad(given.bytes("data"))) }),

  unpad: (given) => ({ data: hex(unpad(given.bytes("padded"))) }),

  x25519: (given) => ({ shared: hex(primitives.x25519(given.bytes("private"), given.bytes("public"))) }),

  sign(given) {
    const key = primitives.SigningKey.fromSeed(given.bytes("seed"));
    return { public: hex(key.public), signature: hex(key.sign(given.text("label"), given.bytes("message"))) };
  },

  verify(given) {
    primitives.verify(given.bytes("public"), given.text("label"), given.bytes("message"), given.bytes("signature"));
    return {};
  },

  cseal(given) {
    const entropy = new Draws({ nonces: [given.bytes("nonce")] });
    const [key, ad, plaintext] = [given.bytes("key"), given.bytes("ad"), given.bytes("plaintext")];
    return { sealed: hex(primitives.cseal(key, given.text("label"), ad, plaintext, entropy)) };
  },

  copen(given) {
    const [key, ad, sealed] = [given.bytes("key"), given.bytes("ad"), given.bytes("sealed")];
    return { plaintext: hex(primitives.copen(key, given.text("label"), ad, sealed)) };
  },

  decapsulate(given) {
    const seed = given.bytes("seed");
    return {
      ek_sha256: hex(primitives.sha256(kem.publicKey(seed))),
      ss: hex(kem.decapsulate(seed, given.bytes("ct"))),
    };
  },

  check_ek(given) {
    kem.checkPublicKey(given.bytes("ek"));
    return {};
  },

  // Device lists

  sign_list(given) {
    const key = primitives.SigningKey.fromSeed(given.bytes("account_seed"));
    const entries = given.objects("devices").map((one) => {
      return lists.listed(ownDevice(one), { added: one.number("added") });
    });
    const previous = given.maybe("previous");
    const signed = lists.signList(key, given.bytes("account"), entries, {
      previous: previous && lists.openList(previous),
      now: given.number("now"),
    });
    return { signed: hex(signed.signed), hash: hex(signed.hash) };
  },

  open_list(given) {
    const one = lists.openList(given.bytes("signed"));
    return {
      account: hex(one.account),
      account_key: hex(one.accountKey),
      seq: one.seq,
      previous: hex(one.previous),
      time: one.time,
      hash: hex(one.hash),
      devices: one.devices.map((listed) => ({
        device: hex(listed.device),
        signing_key: hex(listed.signingKey),
        identity_key: hex(listed.identityKey),
        added: listed.added,
      })),
    };
  },

  accept_lists(given) {
    const pin = given.maybe("pin");
    const pinned = pin && lists.Pin.fromBytes(pin);
    return accepted(lists.acceptLists(given.bytes("account"), pinned, given.byteStrings("objects")));
  },

  acknowledge_identity(given) {
    const pin = lists.Pin.fromBytes(given.bytes("pin"));
    return accepted(lists.acknowledgeIdentity(pin, given.bytes("account_key"), given.byteStrings("objects")));
  },

  // Prekeys

  sign_prekey(given) {
    const label = prekeys.readLabel(given.text("label"));
    const own = given.bytes("private");
    const made = prekeys.generatePrekeys(ownDevice(given.object("own")), label, {
      firstId: given.number("key_id"),
      count: 1,
      now: given.number("created"),
      entropy: new Draws(label === prekeys.SPK || label === prekeys.OPK ? { keys: [own] } : { kemSeeds: [own] }),
    });
    return { signed: made.map((one) => hex(one.signed.toBytes())).join() };
  },

  verify_bundle(given) {
    const bundle = prekeys.Bundle.fromBytes(given.bytes("bundle"));
    const newest = lists.openList(given.bytes("list"));
    const seen = { spk: given.object("seen").number("spk"), klr: given.object("seen").number("klr") };
    const now = given.number("now");
    const one = prekeys.verifyBundle(bundle, newest, given.bytes("device"), seen, { now });
    return {
      spk_id: one.spkId,
      spk: hex(one.spk),
      opk_id: one.opkId,
      opk: hexed(one.opk),
      kem_label: one.kemLabel,
      kem_id: one.kemId,
      kem_key_sha256: hex(primitives.sha256(one.kemKey)),
      seen: { spk: one.seen.spk, klr: one.seen.klr },
    };
  },

  // Session set-up and the ratchet's parts

  initiate(given) {
    const newest = lists.openList(given.bytes("list"));
    const bundle = prekeys.Bundle.fromBytes(given.bytes("bundle"));
    const now = given.number("now");
    const verified = prekeys.verifyBundle(bundle, newest, given.bytes("device"), prekeys.NONE_SEEN, { now });
    const [agreement, init] = pqxdh.initiate(
      ownDevice(given.object("own")),
      given.bytes("own_list_hash"),
      verified,
      maybeSecret(given, "psk"),
      Draws.of(given.object("draws")),
    );
    return { ...agreed(agreement), init: hex(init.toBytes()) };
  },

  respond(given) {
    const newest = lists.openList(given.bytes("list"));
    const init = Init.fromBytes(given.bytes("init"));
    const peer = newest.find(init.device);
    if (peer === null) throw new NotListed();
    const agreement = pqxdh.respond(
      ownDevice(given.object("own")),
      pqxdh.Party.ofListed(newest.account, newest.accountKey, peer),
      init,
      privatePrekey(given.object("spk")),
      given.has("opk") ? privatePrekey(given.object("opk")) : null,
      privatePrekey(given.object("kem_key")),
      maybeSecret(given, "psk"),
    );
    return agreed(agreement);
  },

  kdf_rk(given) {
    const root = secret(given.bytes("root"));
    const [next, chain] = kdfRk(root, given.bytes("share"), given.maybe("ss"), given.maybe("ct"));
    return { root: hex(next), chain: hex(chain) };
  },

  chain_step(given) {
    const key = given.bytes("chain");
    return {
      message_key: hex(primitives.hmac(key, Uint8Array.of(1))),
      next: hex(primitives.hmac(key, Uint8Array.of(2))),
    };
  },

  // Contents

  content(given) {
    const one = content.decodeContent(given.bytes("content"));
    return {
      kind: one.body.kind,
      sent: one.sent,
      message_id: hex(one.messageId),
      conversation: hex(one.conversation),
      body: toJson(one.body.toMap()),
      heads: [hex(one.heads.own), hexed(one.heads.recipient)],
      counter: one.counter,
    };
  },

  seal_content(given) {
    const one = content.decodeContent(given.bytes("content"));
    const sealed = content.seal(one, new Draws({ keys: [given.bytes("fk")] }));
    return { padded: hex(sealed.padded), tag: hex(sealed.tag) };
  },

  open_padded(given) {
    const padded = given.bytes("padded");
    checkFrank(padded, given.bytes("tag"));
    return { content: hex(content.encodeContent(content.readPadded(padded))) };
  },

  conversation_id: (given) => ({
    conversation: hex(content.privateConversation(given.bytes("account"), given.bytes("other"))),
  }),

  check_place(given) {
    content.checkPlace(content.decodeContent(given.bytes("content")), {
      own: given.bytes("own"),
      sender: given.bytes("sender"),
      chatWith: given.maybe("chat_with"),
      messageId: given.maybe("message_id"),
    });
    return {};
  },

  stamp(given) {
    const [key, tag, sender] = [given.bytes("key"), given.bytes("tag"), given.bytes("sender")];
    return { stamp: hex(stamp(key, tag, sender, given.bytes("conversation"), given.number("accepted"))) };
  },

  // Safety numbers and proofs

  fingerprint(given) {
    const [own, key] = [given.bytes("identifier"), given.bytes("key")];
    return shown(numericFingerprint(own, key, given.bytes("peer_identifier"), given.bytes("peer_key")));
  },

  safety_number(given) {
    const [own, key] = [given.bytes("account"), given.bytes("account_key")];
    return shown(safetyNumber(own, key, given.bytes("peer"), given.bytes("peer_account_key")));
  },

  prove_device(given) {
    const own = ownDevice(given.object("own"));
    return { signature: hex(proveDevice(own, given.text("origin"), given.bytes("nonce"))) };
  },

  verify_proof(given) {
    verifyProof(
      given.bytes("signing_key"),
      given.text("origin"),
      given.bytes("account"),
      given.bytes("device"),
      given.bytes("nonce"),
      given.bytes("signature"),
    );
    return {};
  },

  // Linking

  base32_encode: (given) => ({ text: base32.encode(given.bytes("data")) }),

  base32_decode: (given) => ({ data: hex(base32.decode(given.text("text"), given.number("size"))) }),

  link_code(given) {
    const code = linking.newLinkCode(ownDevice(given.object("own")), new Draws({ secrets: [given.bytes("secret")] }));
    return { text: code.toText(), psk_id: hex(code.pskId) };
  },

  read_link_code(given) {
    const code = linking.LinkCode.fromText(given.text("text"));
    return {
      account: hex(code.account),
      device: hex(code.device),
      signing_key: hex(code.signingKey),
      identity_key: hex(code.identityKey),
      secret: hex(code.secret),
      psk_id: hex(code.pskId),
    };
  },

  seal_offer(given) {
    const newest = lists.openList(given.bytes("list"));
    const entropy = new Draws({ nonces: [given.bytes("nonce")] });
    return { sealed: hex(linking.sealOffer(linkCode(given), newest, entropy)) };
  },

  open_offer(given) {
    const newest = linking.openOffer(linkCode(given), given.bytes("sealed"));
    return { account_key: hex(newest.accountKey), newest: hex(newest.hash) };
  },

  seal_answer(given) {
    const entropy = new Draws({ nonces: [given.bytes("nonce")] });
    return { sealed: hex(linking.sealAnswer(linkCode(given), ownDevice(given.object("own")), entropy)) };
  },

  open_answer(given) {
    const [accountKey, sealed, added] = [given.bytes("account_key"), given.bytes("sealed"), given.number("added")];
    const entry = linking.openAnswer(linkCode(given), accountKey, sealed, { added });
    return {
      device: hex(entry.device),
      signing_key: hex(entry.signingKey),
      identity_key: hex(entry.identityKey),
      added: entry.added,
      bind: hex(entry.bind),
    };
  },

  shared_key(given) {
    const shared = new AccountData({ accountKeySeed: secret(given.bytes("seed")) });
    return { account_key: hexed(shared.accountKey(given.bytes("pinned"))?.public ?? null) };
  },

  shared_pin(given) {
    const held = given.maybe("held");
    const contact = new SharedContact(given.bytes("account"), "", given.bytes("list"), false);
    const pin = contact.pin(held && lists.Pin.fromBytes(held));
    return { account_key: hex(pin.accountKey), newest: hex(pin.newest.hash) };
  },

  read_history(given) {
    const padded = secret(given.bytes("padded"));
    const entry = new HistoryEntry({
      account: given.bytes("sender"),
      device: new Uint8Array(16),
      accepted: 0,
      padded,
      stamp: null,
      stampKey: null,
      state: ACCEPTED,
    });
    const [chat, group] = [given.maybe("chat"), given.maybe("group")];
    const one = content.readHistory(entry, { own: given.bytes("own"), chat, group });
    return { content: hex(content.encodeContent(one)), tag: hex(frank(padded)) };
  },

  peek(given) {
    const seen = peek(given.bytes("wire"));
    return { session_id: hex(seen.sessionId), dh: hex(seen.dh), n: seen.n, tag: hex(seen.tag) };
  },

  // Several devices, step by step

  conversation(given) {
    const conversation = new Conversation(given.object("devices"));
    return given.objects("steps").map((step) => conversation.step(step));
  },

  // Group chats

  ...GROUP_OPS,
};

function accepted(one: lists.Accepted): Json {
  return {
    account_key: hex(one.pin.accountKey),
    newest: hex(one.pin.newest.hash),
    removed: one.removed.map(hex),
    added: one.added.map(hex),
  };
}

function agreed(agreement: pqxdh.Agreement) {
  return {
    transcript: hex(agreement.transcript),
    secret: hex(agreement.secret),
    session_id: hex(agreement.sessionId),
  };
}

function shown(number: SafetyNumber): Json {
  return { digits: number.digits, scannable: hex(number.scannable) };
}

function linkCode(given: Given): linking.LinkCode {
  return linking.LinkCode.fromBytes(given.bytes("code"));
}

function maybeSecret(given: Given, name: string): Secret | null {
  const bytes = given.maybe(name);
  return bytes && secret(bytes);
}
