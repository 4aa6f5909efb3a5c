// A new device is linked by whoever saw its code, under the AK it was offered, and by nobody else.

import { inspect } from "node:util";
import { beforeAll, beforeEach, describe, expect, test } from "vitest";
import * as base32 from "../base32";
import { concat, equal, hex, utf8 } from "../bytes";
import * as cbor from "../cbor";
import { listed, signList, type ListedDevice } from "../device_list";
import * as errors from "../errors";
import { generateAccountKey, OwnDevice } from "../keys";
import { CODE_SIZE, LinkCode, newLinkCode, openAnswer, openOffer, sealAnswer, sealOffer } from "../linking";
import type { LinkCodeFields } from "../linking";
import { cseal, ready } from "../primitives";
import { secret } from "../secret";
import { anId, type Cast, Dice, makeCast, NOW, Phone, some } from "./cast";

beforeAll(ready);

let { alice, tablet, charlie } = {} as Cast;
let laptop: Phone; // alice's new device: it does not know AK, and stands on no list
let code: LinkCode;

beforeEach(() => {
  ({ alice, tablet, charlie } = makeCast());
  laptop = new Phone(alice.account, "alice's laptop");
  laptop.own = withKey(laptop.own, new Uint8Array(32));
  code = newLinkCode(laptop.own, laptop.dice);
});

function withKey({ account, device, signing, identity }: OwnDevice, accountKey: Uint8Array): OwnDevice {
  return new OwnDevice(account, device, accountKey, signing, identity);
}

function offer(read = code): Uint8Array {
  return sealOffer(read, alice.account.newest, alice.dice);
}

/** What N does with an offer. */
function answered(sealed = offer()): Uint8Array {
  laptop.own = withKey(laptop.own, openOffer(code, sealed).accountKey);
  return sealAnswer(code, laptop.own, laptop.dice);
}

function opened(sealed: Uint8Array, read = code): ListedDevice {
  return openAnswer(read, alice.account.key.public, sealed, { added: NOW });
}

function changed(fields: Partial<LinkCodeFields>): LinkCode {
  const read: LinkCodeFields = code;
  return new LinkCode({ ...read, ...fields });
}

test("a device is linked and hears the first message with the code's secret", () => {
  const { account } = alice;
  const scanned = LinkCode.fromText(code.toText());
  expect(scanned).toEqual(code);
  const entry = opened(answered(offer(scanned)), scanned);
  expect(entry).toEqual(listed(laptop.own, { added: NOW }));
  const before = account.newest;
  const signed = signList(account.key, account.id, [...before.devices, entry], { previous: before, now: NOW + 1 });
  account.lists.push(signed);
  expect(signed.find(laptop.own.device)).toEqual(entry);

  alice.learn(account);
  laptop.learn(account);
  laptop.psks.set(hex(code.pskId), code.secret);
  alice.start(laptop, { psk: scanned.secret });
  const received = laptop.receive(alice, alice.send(laptop, "welcome"), { chatWith: account });
  expect(received.usedPsk).toEqual(code.pskId);
  expect(laptop.psks.size).toBe(0);
});

describe("a code", () => {
  test("is two hundred characters and names the device", () => {
    const text = code.toText();
    expect([text.length, code.toBytes().length]).toEqual([200, CODE_SIZE]);
    const read = LinkCode.fromText(`${(text.match(/.{5}/g) ?? []).join("-").toLowerCase()}\n`);
    expect([read.account, read.device]).toEqual([laptop.own.account, laptop.own.device]);
    expect([read.signingKey, read.identityKey]).toEqual([laptop.own.signing.public, laptop.own.identity.public]);
    expect(LinkCode.fromBytes(code.toBytes())).toEqual(code);
  });

  test("has a secret of its own", () => {
    const [one, other] = [newLinkCode(laptop.own), newLinkCode(laptop.own)];
    expect(one.secret).not.toEqual(other.secret);
    expect(one.pskId).not.toEqual(other.pskId);
  });

  const zeros = (size: number) => new Uint8Array(size);
  const FORMS = [
    ["linK", zeros(16), zeros(16), zeros(32), zeros(32), zeros(16)],
    [utf8("link"), zeros(16), zeros(16), zeros(32), zeros(32), zeros(16)],
    ["link", zeros(16), zeros(17), zeros(32), zeros(31), zeros(16)],
    ["link", zeros(17), zeros(16), zeros(32), zeros(32), zeros(15)],
    ["link", zeros(16), zeros(16), zeros(32), "x".repeat(32), zeros(16)],
    ["link", zeros(16), zeros(16), zeros(32), zeros(49)],
  ].map((fields, number) => [number, cbor.encode(fields)] as const);

  test.each(FORMS)("of another form is malformed: %i", (_, data) => {
    expect(() => LinkCode.fromBytes(data)).toThrow(errors.Malformed);
    expect(() => LinkCode.fromText(base32.encode(data))).toThrow(errors.Malformed);
  });

  test.each(["", "0".repeat(199), "0".repeat(200), "Z".repeat(200), "0".repeat(201), "https://chat.example/link"])(
    "is no other text: %s",
    (text) => {
      expect(() => LinkCode.fromText(text)).toThrow(errors.Malformed);
    },
  );

  test("altered in any character links nothing", () => {
    const text = code.toText();
    const allowed = [errors.Malformed, errors.ListRefused, errors.Undecryptable, errors.BadSignature];
    for (let place = 0; place < text.length; place++) {
      const other = base32.ALPHABET.charAt(base32.ALPHABET.indexOf(text.charAt(place)) ^ (1 << (place % 5)));
      let failure: unknown;
      try {
        const read = LinkCode.fromText(text.slice(0, place) + other + text.slice(place + 1));
        expect(read).not.toEqual(code);
        opened(answered(offer(read)), read);
      } catch (error) {
        failure = error;
      }
      expect(allowed.some((one) => failure instanceof one), `place ${place}: ${String(failure)}`).toBe(true);
    }
  });

  test("of another account is approved by nobody", () => {
    expect(() => sealOffer(code, charlie.account.newest)).toThrow(errors.ListRefused);
  });

  test("of another device is answered by nobody", () => {
    expect(() => sealAnswer(code, tablet.own)).toThrow(RangeError);
  });

  test("does not print its secret", () => {
    const shown = inspect([code, code.toBytes()], { maxArrayLength: null }) + JSON.stringify([code, code.toBytes()]);
    expect(shown).not.toContain([...code.secret].join(", "));
    expect(shown).not.toContain(JSON.stringify(new Uint8Array(code.secret)).slice(1, -1));
    expect(shown).toContain("<secret>");
  });
});

describe("what passes through the server", () => {
  test("opens for the code it was made for only", () => {
    const sealed = offer();
    expect(openOffer(code, sealed)).toEqual(alice.account.newest);
    const another = { device: anId("another device") };
    for (const one of [changed(another), changed({ secret: secret(new Uint8Array(16)) }), newLinkCode(laptop.own)]) {
      expect(() => openOffer(one, sealed)).toThrow(errors.Undecryptable);
    }
    const answer = answered();
    for (const one of [changed(another), changed({ secret: secret(new Uint8Array(16)) })]) {
      expect(() => opened(answer, one)).toThrow(errors.Undecryptable);
    }
  });

  test("is an offer or an answer, never both", () => {
    expect(() => openOffer(code, answered())).toThrow(errors.Undecryptable);
    expect(() => opened(offer())).toThrow(errors.Undecryptable);
  });

  test("does not open with another byte", () => {
    const [sealed, answer] = [offer(), answered()];
    const flipped = (data: Uint8Array, at: number) => data.map((value, index) => (index === at ? value ^ 1 : value));
    for (let at = 0; at < sealed.length; at++) {
      expect(() => openOffer(code, flipped(sealed, at))).toThrow(errors.Undecryptable);
    }
    for (let at = 0; at < answer.length; at++) {
      expect(() => opened(flipped(answer, at))).toThrow(errors.Undecryptable);
    }
    expect(() => openOffer(code, new Uint8Array(0))).toThrow(errors.Undecryptable);
  });
});

describe("an offer", () => {
  const offered = (...fields: unknown[]) => cseal(code.secret, "link1", code.device, cbor.encode(fields));

  test("of another account's list is refused", () => {
    const charlies = charlie.account.newest;
    const sealed = offered(charlies.accountKey, cbor.decode(charlies.signed));
    expect(() => openOffer(code, sealed)).toThrow(errors.ListRefused);
  });

  test("under another AK than its list's is refused", () => {
    const sealed = offered(charlie.account.key.public, cbor.decode(alice.account.newest.signed));
    expect(() => openOffer(code, sealed)).toThrow(errors.ListRefused);
  });

  test("of a list that does not verify is refused", () => {
    const { accountKey, signed } = alice.account.newest;
    const [payload, signature] = cbor.decode(signed) as [Uint8Array, Uint8Array];
    const forged = concat(Uint8Array.of(some(signature[0]) ^ 1), signature.subarray(1));
    expect(() => openOffer(code, offered(accountKey, [payload, forged]))).toThrow(errors.ListRefused);
  });

  test("of another form is malformed", () => {
    const { accountKey, signed } = alice.account.newest;
    const object = cbor.decode(signed);
    const forms = [
      [accountKey],
      [accountKey, object, 0],
      [accountKey.subarray(1), object],
      [null, object],
      [accountKey, signed],
      [accountKey, null],
    ];
    for (const fields of forms) expect(() => openOffer(code, offered(...fields))).toThrow(errors.Malformed);
    const noCbor = cseal(code.secret, "link1", code.device, Uint8Array.of(255));
    expect(() => openOffer(code, noCbor)).toThrow(errors.Malformed);
  });
});

describe("an answer", () => {
  test("with a bind of another key is refused", () => {
    // The server, or whoever else saw the code, cannot put keys of his own on the list.
    const { account, device } = laptop.own;
    const key = alice.account.key.public;
    const forger = OwnDevice.generate(account, device, key, new Dice("forger"));
    const { signing, identity } = laptop.own;
    const others = [
      forger,
      new OwnDevice(account, device, key, signing, forger.identity),
      new OwnDevice(account, device, key, forger.signing, identity),
      new OwnDevice(account, device, charlie.account.key.public, signing, identity),
    ];
    for (const own of others) expect(() => opened(sealAnswer(code, own))).toThrow(errors.BadSignature);
  });

  test.each([0, 63, 65])("of another length is malformed: %i bytes", (size) => {
    const sealed = cseal(code.secret, "link2", code.device, new Uint8Array(size));
    expect(() => opened(sealed)).toThrow(errors.Malformed);
  });

  test("to an old AK is no answer under a new one", () => {
    const renewed = generateAccountKey(new Dice("renewed"));
    expect(equal(renewed.public, alice.account.key.public)).toBe(false);
    const answer = answered();
    expect(() => openAnswer(code, renewed.public, answer, { added: NOW })).toThrow(errors.BadSignature);
  });
});
