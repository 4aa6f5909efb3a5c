// Messages as a network or a broken sender could change them: blindly, and where it hurts.

import * as cbor from "../cbor";
import * as kem from "../kem";
import { MAX_INTEGER } from "../limits";

/** Numbers from 0 up to one less than `below`, the same again for the same seed. */
export type Die = (below: number) => number;

/** mulberry32: for tests, where a repeatable number is all that is asked for. */
export function die(seed: number): Die {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}

export function choose<Item>(roll: Die, items: readonly Item[]): Item {
  const item = items[roll(items.length)];
  if (item === undefined) throw new RangeError("nothing to choose from");
  return item;
}

const filled = (size: number, value: number) => new Uint8Array(size).fill(value);

/** The message, changed. `other` is one more message of the same network. */
export function mangle(wire: Uint8Array, other: Uint8Array, roll: Die): Uint8Array {
  const way = choose(roll, [flip, flip, cut, grow, outside, header, header, header, header, init, init, init, swap]);
  return way(wire, roll, other);
}

function flip(wire: Uint8Array, roll: Die): Uint8Array {
  const changed = wire.slice();
  const at = roll(wire.length);
  changed[at] = (changed[at] ?? 0) ^ (1 << roll(8));
  return changed;
}

function cut(wire: Uint8Array, roll: Die): Uint8Array {
  return wire.slice(0, roll(wire.length));
}

function grow(wire: Uint8Array, roll: Die): Uint8Array {
  return Uint8Array.of(...wire, roll(256));
}

/** One of the message's own fields. */
function outside(wire: Uint8Array, roll: Die): Uint8Array {
  return withField(wire, roll, [0, 1, 2, 3, 4, 5]);
}

/** One field of the header: the places of PROTOCOL.md's attacks on counters, ratchet keys and KEM steps. */
function header(wire: Uint8Array, roll: Die): Uint8Array {
  return inside(wire, 2, (bytes) => withField(bytes, roll, [0, 1, 1, 2, 2, 2, 3, 4]));
}

function init(wire: Uint8Array, roll: Die): Uint8Array {
  return inside(wire, 5, (bytes) => withField(bytes, roll, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10]));
}

/** Parts of two messages. */
function swap(wire: Uint8Array, roll: Die, other: Uint8Array): Uint8Array {
  const [one, two] = [fieldsOf(wire), fieldsOf(other)];
  const at = 1 + roll(5);
  return cbor.encode(one.map((field, index) => (index === at ? two[index] : field)));
}

function inside(wire: Uint8Array, at: number, change: (bytes: Uint8Array) => Uint8Array): Uint8Array {
  const replaced = (field: cbor.Value) => (field instanceof Uint8Array ? change(field) : field);
  return cbor.encode(fieldsOf(wire).map((field, index) => (index === at ? replaced(field) : field)));
}

function withField(bytes: Uint8Array, roll: Die, places: readonly number[]): Uint8Array {
  const fields = fieldsOf(bytes);
  const at = choose(roll, places);
  return cbor.encode(fields.map((field, index) => (index === at ? another(field, roll) : field)));
}

function fieldsOf(bytes: Uint8Array): readonly cbor.Value[] {
  return cbor.decode(bytes) as readonly cbor.Value[];
}

/** A value that is wrong in its place, though not always by its form. */
function another(value: cbor.Value, roll: Die): cbor.Value {
  if (typeof value === "number") {
    return choose(roll, [value + 1, value + 2_000, value + 2_001, value + 7, 0, MAX_INTEGER, "text", null]);
  }
  if (value === null) {
    return choose(roll, [filled(kem.PUBLIC_SIZE, 0xff), filled(kem.CIPHERTEXT_SIZE, 0), filled(16, 1), 1, 1, true]);
  }
  if (value instanceof Uint8Array && value.length > 0) {
    const size = value.length;
    const zeros = filled(size, 0);
    const choices = [flip(value, roll), value.slice(1), filled(size, 0xff), zeros, null];
    if (size === 32) choices.push(Uint8Array.of(1, ...zeros.slice(1)));
    return choose(roll, choices);
  }
  return choose(roll, ["okpk", "klr", "spk", "", new Map([[1, 2]]), []]);
}
