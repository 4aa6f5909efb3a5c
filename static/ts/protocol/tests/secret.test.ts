// Secrets and words stay out of whatever prints values.

import { inspect } from "node:util";
import { beforeAll, expect, test } from "vitest";
import { hex, utf8 } from "../bytes";
import { CALL, Edit, Opaque, Reaction, Text } from "../body";
import { OwnDevice } from "../keys";
import { ready } from "../primitives";
import { Secret, secret } from "../secret";
import { Dice, some, talkingCast } from "./cast";

beforeAll(ready);

function printed(value: unknown): string {
  const options = { depth: null, maxArrayLength: null, maxStringLength: null, breakLength: Infinity };
  return inspect(value, options) + JSON.stringify(value);
}

test("a secret prints as secret", () => {
  const hidden = secret(utf8("very hidden"));
  expect([String(hidden), hidden.toLocaleString(), [hidden].join()]).toEqual(Array(3).fill("<secret>"));
  expect(printed({ deep: [hidden] })).toBe('{ deep: [ <secret> ] }{"deep":["<secret>"]}');
});

test("slices of a secret are plain bytes, and marking copies nothing", () => {
  const bytes = utf8("very hidden");
  const hidden = secret(bytes);
  expect(hidden.buffer).toBe(bytes.buffer);
  expect(secret(hidden)).toBe(hidden);
  for (const part of [hidden.slice(1), hidden.subarray(1), hidden.map((value) => value)]) {
    expect(part).not.toBeInstanceOf(Secret);
  }
});

test("no private value shows its bytes", () => {
  const { alice, bob } = talkingCast();
  const late = alice.send(bob, "late words");
  bob.read(alice, alice.send(bob, "skips one key"));
  const received = bob.receive(alice, late);
  alice.send(bob, "skipped");
  bob.read(alice, alice.send(bob, "skips another"));
  const pair = bob.pair(alice);
  const { ratchet } = some(pair.sessions[0]);
  const hidden = [
    bob.own.signing.seed,
    bob.own.identity.private,
    some(bob.privatePrekey("spk", 1)).private,
    some(bob.privatePrekey("klr", 1)).private,
    alice.account.key.seed,
    ratchet.root,
    ratchet.own.private,
    some(ratchet.sending).key,
    some(ratchet.receiving).key,
    received.sealed.padded.slice(0, 32),
    utf8("late words"),
  ];
  const stored = [bob.own, pair, received.sealed, some(bob.privatePrekey("spk", 1))].map((one) => one.toBytes());
  const shown = printed([bob.own, alice.account.key, bob.privates, pair, received, ratchet.archive, ...stored]);
  expect(shown).not.toContain("late words");
  for (const one of hidden) {
    expect(shown).not.toContain([...one].join(", "));
    expect(shown).not.toContain(JSON.stringify(new Uint8Array(one)).slice(1, -1));
    expect(shown).not.toContain(hex(one));
  }
});

test("bodies do not show what they hold", () => {
  const target = new Uint8Array(16);
  const opaque = new Opaque(CALL, new Map([[5, "hidden"]]));
  const bodies = [new Text("hidden"), new Edit(target, "hidden"), new Reaction(target, "hidden"), opaque];
  for (const one of bodies) expect(printed(one) + one.toString()).not.toContain("hidden");
});

test("own keys survive the store", () => {
  const [account, device, key] = [16, 16, 32].map((size) => new Uint8Array(size).fill(size)) as [
    Uint8Array,
    Uint8Array,
    Uint8Array,
  ];
  const own = OwnDevice.generate(account, device, key, new Dice("own"));
  const again = OwnDevice.fromBytes(own.toBytes());
  expect(hex(again.toBytes())).toBe(hex(own.toBytes()));
  expect([hex(again.signing.public), hex(again.identity.public)]).toEqual([
    hex(own.signing.public),
    hex(own.identity.public),
  ]);
});
