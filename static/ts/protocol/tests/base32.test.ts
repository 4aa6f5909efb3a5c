// Base 32 is read as people write it, and no two texts of one reading differ in what they mean.

import fc from "fast-check";
import { expect, test } from "vitest";
import { ALPHABET, decode, encode, encodedLength } from "../base32";
import { hex, unhex } from "../bytes";
import { Malformed } from "../errors";

test("every byte string is read back", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (data) => {
      const text = encode(data);
      expect(hex(decode(text, data.length))).toBe(hex(data));
      expect(hex(decode(text.toLowerCase(), data.length))).toBe(hex(data));
      expect(text.length).toBe(encodedLength(data.length));
      for (const symbol of text) expect(ALPHABET).toContain(symbol);
    }),
  );
});

// By hand, from the definition: five bits a character, the first ones first, zeros at the end.
const KNOWN = [
  ["", ""],
  ["00", "00"],
  ["ff", "ZW"],
  ["0842", "1110"],
  ["00443214c7", "01234567"],
  ["ffffffffff", "ZZZZZZZZ"],
] as const;

test.each(KNOWN)("bytes have the text that the definition gives: %s is %s", (data, text) => {
  expect(encode(unhex(data))).toBe(text);
});

test.each(["ilo01234", "ILO01234", "1l0-0l2 34", " 11 0\t01\r\n-2-34-", "I1OO1234"])(
  "what people type is read: %j",
  (text) => {
    expect(hex(decode(text, 5))).toBe(hex(decode("11001234", 5)));
  },
);

const REFUSED = [
  "",
  "0000000",
  "000000000",
  "0000000U",
  "0000000u",
  "0000000*",
  "0000000=",
  "0000000_",
  "0000000\u0131", // a dotless i
  "0000000\u00d8", // an O with a stroke
  "0000000\u0661", // an Arabic-Indic one
  "0000000\uff11", // a fullwidth one
  "0000\u00a00000", // a no-break space
  "0000\u20130000", // a dash
  "0000\u00000000",
];

test.each(REFUSED)("anything else is malformed: %j", (text) => {
  expect(() => decode(text, 5)).toThrow(Malformed);
});

const LEFT_OVER = [
  ["01", 1],
  ["03", 1],
  ["1111", 2],
  ["0001", 2],
  ["00001", 3],
  ["0000001", 4],
] as const;

test.each(LEFT_OVER)("bits left over are zero or malformed: %s for %i bytes", (text, size) => {
  expect(() => decode(text, size)).toThrow(Malformed);
});

test("another character is another value", () => {
  const property = fc.property(fc.uint8Array({ minLength: 1, maxLength: 40 }), fc.nat(), fc.nat(), (data, at, add) => {
    const text = encode(data);
    const place = at % text.length;
    const other = ALPHABET.charAt((ALPHABET.indexOf(text.charAt(place)) + 1 + (add % 31)) % 32);
    const changed = text.slice(0, place) + other + text.slice(place + 1);
    try {
      expect(hex(decode(changed, data.length))).not.toBe(hex(data));
    } catch (failure) {
      expect(failure).toBeInstanceOf(Malformed);
      expect(place).toBe(text.length - 1);
    }
  });
  fc.assert(property);
});
