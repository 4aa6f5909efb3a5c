// Contents say what they mean, where they belong, and nothing else.

import { beforeAll, describe, expect, test } from "vitest";
import { AccountData, History } from "../account_data";
import * as body from "../body";
import { concat, hex, utf8 } from "../bytes";
import * as cbor from "../cbor";
import * as content from "../content";
import { BadFranking, Duplicate, Malformed, Unsupported } from "../errors";
import { checkFrank, frank, stamp } from "../franking";
import { pad } from "../padding";
import { ready } from "../primitives";
import { secret } from "../secret";
import { SenderKey, type SenderKeyFields } from "../sender_key";
import { anId, Dice, makeCast, talkingCast } from "./cast";

beforeAll(ready);

const filled = (size: number, letter: string) => new Uint8Array(size).fill(letter.charCodeAt(0));
const TARGET = filled(16, "t");
const ATTACHMENT: body.Attachment = {
  blobId: filled(16, "b"),
  key: secret(filled(32, "k")),
  size: 5,
  sha256: filled(32, "h"),
  mediaType: "image/png",
  name: "cat.png",
  thumbnail: utf8("thumb"),
};
const SENDER_KEY: SenderKeyFields = {
  group: filled(16, "g"),
  epoch: 3,
  gsh: filled(32, "h"),
  chain: filled(16, "c"),
  n: 7,
  key: secret(filled(32, "k")),
  signingKey: filled(32, "s"),
  groupKey: { version: 2, key: secret(filled(32, "g")) },
};
const EVERYTHING = {
  replyTo: TARGET,
  mentions: [filled(16, "m")],
  attachments: [ATTACHMENT],
  expiry: 60,
};

const BODIES: readonly body.Body[] = [
  new body.Text("hello"),
  new body.Text(""),
  new body.Text("all", EVERYTHING),
  new body.Text("file", { attachments: [{ ...ATTACHMENT, name: null, thumbnail: null }] }),
  new body.Edit(TARGET, "new"),
  new body.Delete(TARGET),
  new body.Reaction(TARGET, "👍"),
  new body.Reaction(TARGET, "👍", true),
  new body.Timer(3600),
  new SenderKey(SENDER_KEY),
  new SenderKey({ ...SENDER_KEY, groupKey: null }),
  new body.Retry(filled(16, "s"), filled(32, "d"), 7),
  new body.Reset(),
  new AccountData(),
  new History(filled(16, "b"), [], 0),
  new History(null, [], 0, filled(16, "g")),
  new body.Opaque(body.CALL, new Map([[3, "x"]])),
];

function aContent(one: body.Body, conversation: Uint8Array = filled(16, "c")): content.Content {
  return {
    sent: 1_750_000_000_000,
    messageId: filled(16, "i"),
    conversation,
    body: one,
    heads: { own: filled(32, "o"), recipient: filled(32, "r") },
    counter: body.isControl(one.kind) ? 0 : 4,
  };
}

type Fields = Map<number, unknown>;

/** The fields of a content, to be changed. */
function fieldsOf(one: body.Body): Fields {
  return cbor.decode(content.encodeContent(aContent(one))) as Fields;
}

function decodeWith(one: body.Body, ...changes: readonly (readonly [number, unknown])[]): content.Content {
  return content.decodeContent(cbor.encode(new Map([...fieldsOf(one), ...changes])));
}

const TEXT = new body.Text("x");

test.each(BODIES.map((one) => [one.kind, one] as const))("kind %i is read back", (_, one) => {
  const made = aContent(one);
  expect(content.decodeContent(content.encodeContent(made))).toEqual(made);
});

test("a group content names no recipient's list", () => {
  const made = { ...aContent(TEXT), heads: { own: filled(32, "o"), recipient: null } };
  expect(content.decodeContent(content.encodeContent(made))).toEqual(made);
});

describe("fields that we do not know", () => {
  const inside = (key: number) => [5, new Map<number, unknown>([...TEXT.toMap(), [key, "later"]])] as const;

  test.each([8, 15])("%i is ignored", (key) => {
    expect(decodeWith(TEXT, [key, "later"], inside(key)).body).toEqual(TEXT);
  });

  test.each([16, 300])("%i needs an update", (key) => {
    expect(() => decodeWith(TEXT, [key, "later"])).toThrow(Unsupported);
    expect(() => decodeWith(TEXT, inside(key))).toThrow(Unsupported);
  });

  test("a critical one of an attachment needs an update", () => {
    const fields = fieldsOf(new body.Text("x", EVERYTHING));
    const [attachment] = (fields.get(5) as Fields).get(3) as [Fields];
    attachment.set(16, 1);
    expect(() => content.decodeContent(cbor.encode(fields))).toThrow(Unsupported);
  });

  test.each([
    [0, 2],
    [0, 0],
    [1, 0],
    [1, 12],
    [1, 13],
    [1, 99],
  ])("a version or kind needs an update: %i: %i", (key, value) => {
    expect(() => decodeWith(TEXT, [key, value])).toThrow(Unsupported);
  });
});

describe("another form is malformed", () => {
  const CONTENTS: readonly (readonly [key: number, value: unknown])[] = [
    [0, "1"],
    [0, true],
    [1, null],
    [1, true],
    [2, "now"],
    [3, new Uint8Array(15)],
    [3, "x".repeat(16)],
    [4, new Uint8Array(17)],
    [5, []],
    [5, null],
    [6, null],
    [6, [filled(32, "o")]],
    [6, [null, filled(32, "r")]],
    [6, [filled(31, "o"), null]],
    [7, 0],
    [7, true],
    [7, null],
  ];
  test.each(CONTENTS)("of a content: field %i as %s", (key, value) => {
    expect(() => decodeWith(TEXT, [key, value])).toThrow(Malformed);
  });

  test.each([0, 1, 2, 3, 4, 5, 6, 7])("a content without field %i", (key) => {
    const fields = fieldsOf(TEXT);
    fields.delete(key);
    expect(() => content.decodeContent(cbor.encode(fields))).toThrow(Malformed);
  });

  const BODIES_OF: readonly (readonly [kind: number, fields: unknown])[] = [
    [1, []],
    [1, [utf8("bytes")]],
    [1, ["x", new Uint8Array(15)]],
    [1, ["x", null]],
    [1, ["x", TARGET, null]],
    [1, ["x", TARGET, [new Uint8Array(15)]]],
    [1, ["x", TARGET, new Map()]],
    [1, ["x", TARGET, [], [new Map()]]],
    [1, ["x", TARGET, [], [[]]]],
    [1, ["x", TARGET, [], null]],
    [1, ["x", TARGET, [], [], "60"]],
    [1, ["x", TARGET, [], [], null]],
    [2, [TARGET]],
    [3, []],
    [3, ["x"]],
    [4, [TARGET, "x", 1]],
    [4, [TARGET, "x"]],
    [5, []],
    [5, [true]],
  ];
  test.each(BODIES_OF)("of a body: kind %i with %s", (kind, fields) => {
    const map = new Map((fields as unknown[]).entries());
    expect(() => decodeWith(TEXT, [1, kind], [5, map])).toThrow(Malformed);
  });

  test("of an edit without a target", () => {
    expect(() => decodeWith(TEXT, [1, 2], [5, new Map([[1, "x"]])])).toThrow(Malformed);
  });

  const RETRIES = [[], [new Uint8Array(16), new Uint8Array(31), 0], [new Uint8Array(16), new Uint8Array(32), null]];
  test.each(RETRIES)("of a retry: %s, %s, %s", (...fields) => {
    expect(() => decodeWith(new body.Reset(), [1, 7], [5, new Map(fields.entries())])).toThrow(Malformed);
  });

  test("counters count messages and not control contents", () => {
    expect(() => content.encodeContent({ ...aContent(TEXT), counter: 0 })).toThrow(Malformed);
    expect(() => content.encodeContent({ ...aContent(new body.Reset()), counter: 1 })).toThrow(Malformed);
    expect(() => decodeWith(new body.Reset(), [7, 1])).toThrow(Malformed);
  });
});

test("what a receiver would refuse never leaves", () => {
  const short = utf8("short");
  const broken: readonly content.Content[] = [
    { ...aContent(TEXT), messageId: short },
    { ...aContent(TEXT), sent: -1 },
    aContent(new body.Edit(short, "x")),
    aContent(new body.Text("\ud800")),
    aContent(new body.Text("x".repeat(1 << 20))),
  ];
  for (const one of broken) expect(() => content.seal(one)).toThrow(Malformed);
  const unknown = [
    new body.Opaque(body.CALL, new Map([[16, 1]])),
    new body.Opaque(40 as body.OpaqueKind, new Map()),
  ];
  for (const one of unknown) expect(() => content.seal(aContent(one))).toThrow(Unsupported);
});

describe("sealing and franking", () => {
  const seal = () => content.seal(aContent(TEXT), new Dice("fk"));

  test("sealing gives a padded and franked plaintext", () => {
    const sealed = seal();
    expect(sealed.padded.length).toBe(256);
    checkFrank(sealed.padded, sealed.tag);
    expect(content.readPadded(sealed.padded)).toEqual(aContent(TEXT));
    expect(content.Sealed.fromBytes(sealed.toBytes())).toEqual(sealed);
    const fresh = () => hex(content.seal(aContent(TEXT)).padded.subarray(0, 32));
    expect(fresh()).not.toBe(fresh());
  });

  test("a tag holds for one plaintext and key", () => {
    const sealed = seal();
    for (const position of sealed.padded.keys()) {
      const changed = new Uint8Array(sealed.padded);
      changed[position]! ^= 1;
      expect(() => checkFrank(changed, sealed.tag)).toThrow(BadFranking);
    }
    expect(() => checkFrank(sealed.padded, sealed.tag.subarray(1))).toThrow(BadFranking);
    expect(() => frank(new Uint8Array(31))).toThrow(Malformed);
  });

  test("a stamp covers tag, sender, conversation and time", () => {
    const [key, tag, sender, place] = [filled(32, "K"), filled(32, "F"), filled(16, "s"), filled(16, "c")] as const;
    const stamps = [
      stamp(key, tag, sender, place, 1),
      stamp(filled(32, "k"), tag, sender, place, 1),
      stamp(key, filled(32, "f"), sender, place, 1),
      stamp(key, tag, filled(16, "S"), place, 1),
      stamp(key, tag, sender, filled(16, "C"), 1),
      stamp(key, tag, sender, place, 2),
      stamp(key, tag, sender, place, 2 ** 32 + 1),
    ];
    expect(new Set(stamps.map(hex)).size).toBe(stamps.length);
    expect(() => stamp(key, tag.subarray(1), sender, place, 1)).toThrow(Malformed);
    expect(() => stamp(key, tag, filled(17, "s"), place, 1)).toThrow(Malformed);
  });
});

test("a private conversation has one id from both sides", () => {
  const [alice, bob, charlie] = [anId("alice"), anId("bob"), anId("charlie")] as const;
  const withBob = hex(content.privateConversation(alice, bob));
  expect(hex(content.privateConversation(bob, alice))).toBe(withBob);
  expect(hex(content.privateConversation(alice, charlie))).not.toBe(withBob);
});

describe("what the server might move elsewhere", () => {
  test("a message in another chat is not shown", () => {
    const { alice, bob, charlie } = talkingCast();
    const made = content.seal(alice.text("for bob", charlie.account), alice.dice);
    const received = bob.receive(alice, alice.sendSealed(bob, made));
    expect(received.failure).toBeInstanceOf(Malformed);
    expect(received.content).toBeNull();
  });

  test("a message under another message id is not shown", () => {
    const { alice, bob } = talkingCast();
    const made = alice.text("x", bob.account);
    const sealed = content.seal(made, alice.dice);
    const [first, second] = [alice.sendSealed(bob, sealed), alice.sendSealed(bob, sealed)];
    expect(bob.receive(alice, first, { messageId: filled(16, "o") }).failure).toBeInstanceOf(Malformed);
    expect(bob.receive(alice, second, { messageId: made.messageId }).failure).toBeNull();
  });

  test("a copy for one's own device stays in its chat", () => {
    const { alice, tablet, bob, charlie } = makeCast();
    alice.start(tablet);
    const sealed = alice.seal("to bob", bob.account);
    const [moved, right] = [alice.sendSealed(tablet, sealed), alice.sendSealed(tablet, sealed)];
    expect(tablet.receive(alice, moved, { chatWith: charlie.account }).failure).toBeInstanceOf(Malformed);
    const received = tablet.receive(alice, right, { chatWith: bob.account });
    expect(received.failure).toBeNull();
    expect(received.content).not.toBeNull();
  });

  test("a control content between own devices belongs to their own chat", () => {
    const { alice, tablet, bob } = makeCast();
    alice.start(tablet);
    const data = new AccountData();
    const receive = (other: Uint8Array) => {
      const made = aContent(data, content.privateConversation(alice.account.id, other));
      const wire = alice.sendSealed(tablet, content.seal(made, alice.dice));
      return tablet.receive(alice, wire, { chatWith: bob.account }).failure;
    };
    expect(receive(alice.account.id)).toBeNull();
    expect(receive(bob.account.id)).toBeInstanceOf(Malformed);
  });

  test("a peer cannot write into another chat by naming it", () => {
    // `chatWith` counts for one's own devices only, whatever the server says.
    const { alice, bob, charlie } = talkingCast();
    const conversation = content.privateConversation(bob.account.id, charlie.account.id);
    const made = { ...alice.text("x", bob.account), conversation };
    const wire = alice.sendSealed(bob, content.seal(made, alice.dice));
    expect(bob.receive(alice, wire, { chatWith: charlie.account }).failure).toBeInstanceOf(Malformed);
  });

  test("a sender key carries its group's id and no other", () => {
    const { alice, bob } = talkingCast();
    const made = aContent(new SenderKey(SENDER_KEY), SENDER_KEY.group);
    expect(bob.receive(alice, alice.sendSealed(bob, content.seal(made, alice.dice))).failure).toBeNull();
    for (const conversation of [
      filled(16, "x"),
      content.privateConversation(alice.account.id, bob.account.id),
    ]) {
      const wire = alice.sendSealed(bob, content.seal({ ...made, conversation }, alice.dice));
      expect(bob.receive(alice, wire).failure).toBeInstanceOf(Malformed);
    }
  });

  test("a group chat's message is read over a session only where it was asked for", () => {
    const { alice, bob } = talkingCast();
    const { group } = SENDER_KEY;
    const heads = { own: filled(32, "h"), recipient: null };
    const made = { ...aContent(new body.Text("again"), group), heads };
    const place = { own: bob.own.account, sender: alice.own.account };
    content.checkPlace(made, { ...place, group });
    const moved = { ...made, heads: { own: filled(32, "h"), recipient: filled(32, "h") } };
    const control = { ...made, body: new body.Reset(), counter: 0 };
    for (const [one, asked] of [
      [made, null],
      [made, filled(16, "x")],
      [moved, group],
      [control, group],
    ] as const) {
      expect(() => content.checkPlace(one, { ...place, group: asked })).toThrow(Malformed);
    }
  });
});

const FK = filled(32, "f");
const PLAINTEXTS: readonly (readonly [name: string, plaintext: Uint8Array])[] = [
  ["no franking key", filled(31, "f")],
  ["zeros", new Uint8Array(256)],
  ["a byte short", concat(FK, Uint8Array.of(0x80), new Uint8Array(222))],
  ["nothing in it", pad(FK)],
  ["an empty map", pad(concat(FK, Uint8Array.of(0xa0)))],
  ["half a franking key", pad(filled(31, "f"))],
  ["no CBOR", pad(concat(FK, Uint8Array.of(0xff)))],
];

test.each(PLAINTEXTS)("a bad padding or content is malformed and not read twice: %s", (_, plaintext) => {
  const { alice, bob } = talkingCast();
  const tag = plaintext.length >= 32 ? frank(plaintext) : new Uint8Array(32);
  const wire = alice.sendSealed(bob, new content.Sealed(secret(plaintext), tag));
  expect(bob.receive(alice, wire).failure).toBeInstanceOf(Malformed);
  expect(() => bob.receive(alice, wire)).toThrow(Duplicate);
});

test("an unsupported content is kept whole", () => {
  const { alice, bob } = talkingCast();
  const padded = pad(concat(FK, cbor.encode(new Map([...fieldsOf(TEXT), [1, 40] as const]))));
  const wire = alice.sendSealed(bob, new content.Sealed(secret(padded), frank(padded)));
  const received = bob.receive(alice, wire);
  expect(received.failure).toBeInstanceOf(Unsupported);
  expect(hex(received.sealed.padded)).toBe(hex(padded));
});
