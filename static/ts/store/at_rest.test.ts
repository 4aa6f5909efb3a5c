import { afterEach, expect, test, vi } from "vitest";

import { StoreError } from "../lib/errors";

import { makeKey, storedKey } from "./at_rest";
import type { SealedKey, Shelf } from "./at_rest";

function shelf(): Shelf & { readonly kept: Map<string, SealedKey> } {
  const kept = new Map<string, SealedKey>();
  return {
    kept,
    get: (account) => Promise.resolve(kept.get(account) ?? null),
    put: (account, value) => Promise.resolve(void kept.set(account, value)),
  };
}

test("a key comes back, and stands nowhere in clear", async () => {
  const keys = shelf();
  expect(await storedKey("a", keys)).toBeNull();
  const key = await makeKey("a", keys);
  expect(key).toHaveLength(32);
  expect(await storedKey("a", keys)).toEqual(key);
  const kept = keys.kept.get("a")!;
  expect(kept.wrapping.extractable).toBe(false);
  expect(Buffer.from(kept.sealed).includes(Buffer.from(key))).toBe(false);
  expect(await makeKey("b", keys)).not.toEqual(key);
});

test("one of another account, or a changed one, does not open", async () => {
  const keys = shelf();
  await makeKey("a", keys);
  keys.kept.set("b", keys.kept.get("a")!);
  await expect(storedKey("b", keys)).rejects.toBeInstanceOf(StoreError);
  new Uint8Array(keys.kept.get("a")!.sealed)[3]! ^= 1;
  await expect(storedKey("a", keys)).rejects.toMatchObject({ code: "wrong_key" });
});

afterEach(() => vi.unstubAllGlobals());

test("a database of keys that the browser closes as it opens is refused, and nothing is thrown at nobody", async () => {
  const opening: { result: object; onsuccess?: () => void } = {
    result: {
      transaction: () => {
        throw new DOMException("The database connection is closing.", "InvalidStateError");
      },
    },
  };
  vi.stubGlobal("indexedDB", { open: () => opening });
  const asked = storedKey("a");
  await Promise.resolve();
  expect(() => opening.onsuccess?.()).not.toThrow();
  await expect(asked).rejects.toMatchObject({ code: "refused" });
});
