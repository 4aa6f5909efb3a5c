import fc from "fast-check";
import { describe, expect, test, vi } from "vitest";

import { decodeBase64url, encodeBase64url } from "./base64url";
import { SYSTEM_CLOCK } from "./clock";
import { LinkingNeeded, SignInNeeded } from "./errors";
import { fromUuid, uuid } from "./uuid";

test("base64url has one text for one value", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 100 }), (data) => {
      expect(decodeBase64url(encodeBase64url(data))).toEqual(data);
      expect(encodeBase64url(data)).toBe(Buffer.from(data).toString("base64url"));
    }),
  );
  for (const text of ["A", "AA==", "A+AA", "AA/A", "AA A", "AB", "é"]) expect(decodeBase64url(text)).toBeNull();
  const large = new Uint8Array(100_000).fill(7);
  expect(decodeBase64url(encodeBase64url(large))).toEqual(large);
});

test("ids have one text", () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 16, maxLength: 16 }), (id) => {
      expect(fromUuid(uuid(id))).toEqual(id);
    }),
  );
  const text = "0123abcd-0123-4567-89ab-0123456789ab";
  expect(uuid(fromUuid(text)!)).toBe(text);
  for (const other of [text.toUpperCase(), `{${text}}`, text.replaceAll("-", ""), `${text} `, ""]) {
    expect(fromUuid(other)).toBeNull();
  }
  expect(() => uuid(new Uint8Array(15))).toThrow(RangeError);
});

test("errors say what they are", () => {
  const error = new LinkingNeeded("No.");
  expect([error.name, error.code, error.message]).toEqual(["LinkingNeeded", "linking_needed", "No."]);
  expect(error).toBeInstanceOf(SignInNeeded);
});

describe("the clock", () => {
  test("sleeps for as long as it is told, or until it is woken", async () => {
    vi.useFakeTimers();
    try {
      let woken = 0;
      const waking = new AbortController();
      void SYSTEM_CLOCK.sleep(5).then(() => (woken += 1));
      void SYSTEM_CLOCK.sleep(5, waking.signal).then(() => (woken += 10));
      void SYSTEM_CLOCK.sleep(1e9).then(() => (woken += 100));
      await vi.advanceTimersByTimeAsync(4_000);
      expect(woken).toBe(0);
      waking.abort();
      await vi.advanceTimersByTimeAsync(0);
      expect(woken).toBe(10);
      await vi.advanceTimersByTimeAsync(1_000);
      expect(woken).toBe(11);
      await SYSTEM_CLOCK.sleep(5, waking.signal);
    } finally {
      vi.useRealTimers();
    }
  });
});
