// The published vectors hold, and would not if a byte of them were another.

import { isDeepStrictEqual } from "node:util";
import { beforeAll, describe, expect, test } from "vitest";
import { hex, unhex } from "../bytes";
import { FAILURES } from "../errors";
import { ready, sha256 } from "../primitives";
import { cases, manifest, vectorFiles } from "./files";
import { Given, type Json } from "./json";
import { OPS, outcome, type Case } from "./run";

beforeAll(ready);

const FILES = vectorFiles().map(([name, data]) => ({ name, data, all: cases(data) }));
const ALL = FILES.flatMap((file) => file.all);

test("the files are the ones that the manifest names", () => {
  expect(Object.fromEntries(FILES.map((file) => [file.name, hex(sha256(file.data))]))).toEqual(manifest());
});

test.each(FILES)("a changed byte anywhere in a file is noticed: $name", ({ name, data }) => {
  for (const position of [0, data.length >> 1, data.length - 1]) {
    const changed = new Uint8Array(data);
    changed[position]! ^= 1;
    expect(manifest()).not.toHaveProperty([name], hex(sha256(changed)));
  }
});

test("every operation works at least once, and no other is asked for", () => {
  const works = ALL.filter((one) => typeof one.expect !== "string").map((one) => one.op);
  expect(new Set(works)).toEqual(new Set(Object.keys(OPS)));
});

test("every failure of the closed set is met", () => {
  const met = new Set(ALL.flatMap((one) => [...leaves(one.expect)]));
  for (const code of Object.keys(FAILURES)) expect(met, code).toContain(code);
});

describe.each(FILES)("$name", ({ all }) => {
  test.each(all)("$name", (one) => {
    expect(outcome(one.op, one.in)).toEqual(one.expect);
  });
});

describe.each(FILES)("a changed byte is noticed: $name", ({ all }) => {
  test.each(all)("$name", (one) => {
    const got = outcome(one.op, one.in);
    if (typeof one.expect === "string") {
      for (const code of Object.keys(FAILURES)) if (code !== one.expect) expect(got).not.toBe(code);
      return;
    }
    let changed = 0;
    for (const place of hexPlaces(one.expect)) {
      expect(isDeepStrictEqual(got, withFlippedByte(one.expect, place)), place.join("/")).toBe(false);
      changed += 1;
    }
    for (const place of inputPlaces(one)) {
      expect(passes({ ...one, in: withFlippedByte(one.in, place) }), place.join("/")).toBe(false);
      changed += 1;
    }
    expect(changed > 0 || one.op === "check_ek").toBe(true);
  });
});

type Place = readonly (string | number)[];

// What an operation does not use, or what stays as good as it was: another ek is a key as well.
const IGNORED: Readonly<Record<string, readonly string[]>> = {
  sign_prekey: ["account_key", "identity_private"],
  prove_device: ["account_key", "identity_private"],
  check_ek: ["ek"],
  link_code: ["account_key"],
  sign_operation: ["account_key", "identity_private"],
};
const CONVERSATIONS = ["conversation", "group_conversation"];
const STEP_INPUTS = ["padded", "bundle", "wire", "tag", "psk", "nonces", "announced", "operation", "secrets"];
const MOST_CHANGED_INPUTS = 6; // of a conversation, which is long to run again

// A step that lacks what an earlier one should have made throws: it does not hold either.
function passes(one: Case): boolean {
  try {
    return isDeepStrictEqual(outcome(one.op, one.in), one.expect);
  } catch {
    return false;
  }
}

function inputPlaces(one: Case): readonly Place[] {
  const places = [...hexPlaces(one.in)];
  if (one.op === "group_chain") {
    // An operation that is refused is refused when it is damaged, too.
    const results = one.expect as readonly Json[];
    return places.filter(([section, place]) => section === "lists" || typeof results[Number(place)] !== "string");
  }
  if (!CONVERSATIONS.includes(one.op)) {
    // The group code checks a sender key's place; and of a group chat's history anybody may be the sender.
    const isOfGroup = one.op === "read_history" && new Given(one.in).has("group");
    const isExempt = isOfGroup || one.name === "place: a sender key carries a group's id";
    const ignored = [...(IGNORED[one.op] ?? []), ...(isExempt ? ["own", "sender"] : [])];
    return places.filter((place) => !ignored.includes(String(place.at(-1))));
  }
  const steps = one.expect as readonly Json[];
  const used = places.filter(
    ([section, step, ...names]) =>
      section === "steps" &&
      names.some((name) => STEP_INPUTS.includes(String(name))) &&
      typeof steps[Number(step)] !== "string",
  );
  const stride = Math.max(1, Math.floor(used.length / MOST_CHANGED_INPUTS));
  return used.filter((_, index) => index % stride === 0);
}

function* leaves(value: Json): Generator<Json> {
  if (typeof value === "object" && value !== null) for (const one of Object.values(value)) yield* leaves(one);
  else yield value;
}

function* hexPlaces(value: Json, above: Place = []): Generator<Place> {
  if (typeof value === "object" && value !== null) {
    for (const [key, one] of Object.entries(value)) {
      yield* hexPlaces(one, [...above, Array.isArray(value) ? Number(key) : key]);
    }
  } else if (typeof value === "string" && /^(?:[0-9a-f]{2})+$/.test(value)) {
    yield above;
  }
}

function withFlippedByte(value: Json, place: Place): Json {
  const [key, ...rest] = place;
  if (key === undefined) return flipped(value as string);
  if (Array.isArray(value)) {
    return value.map((one: Json, index) => (index === key ? withFlippedByte(one, rest) : one));
  }
  const fields = value as Readonly<Record<string, Json>>;
  return { ...fields, [key]: withFlippedByte(fields[key] ?? null, rest) };
}

// The second byte: the first of an X25519 key loses bits to clamping, and half of a KEM seed serves rejection only.
function flipped(text: string): string {
  const data = unhex(text);
  const index = Math.min(1, data.length - 1);
  data[index] = (data[index] ?? 0) ^ 0x10;
  return hex(data);
}
