// The core does no I/O and asks no clock: what could is neither imported nor named.

import { readdirSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";

const FOLDER = new URL("../", import.meta.url);
const MODULES = readdirSync(FOLDER).filter((name) => name.endsWith(".ts") && !name.endsWith(".test.ts"));
const ALLOWED = /^(?:\.\/[a-z0-9_]+|libsodium-wrappers-sumo|cborg|@noble\/hashes\/(?:hmac|sha2)\.js)$/;
const OUTSIDE = new RegExp(
  "\\b(?:Date|performance|Math\\.random|fetch|WebSocket|XMLHttpRequest|setTimeout|setInterval|queueMicrotask|" +
    "indexedDB|localStorage|navigator|self|window|document|globalThis|process|console|require|import(?=\\())\\b",
);
const SOURCE_OF_RANDOMNESS = /\bcrypto\.|\brandombytes_/;

test.each(MODULES)("%s", (name) => {
  const source = readFileSync(new URL(name, FOLDER), "utf8");
  const code = source.replace(/\/\*[\s\S]*?\*\/|\/\/.*$/gm, "");
  const imported = [...code.matchAll(/\bfrom "([^"]+)"|\bimport "([^"]+)"/g)].map((match) => match[1] ?? match[2]);
  for (const one of imported) expect(one).toMatch(ALLOWED);
  expect(code).not.toMatch(OUTSIDE);
  // The platform's generator is the only way out, and stands in one file.
  if (name !== "entropy.ts") expect(code).not.toMatch(SOURCE_OF_RANDOMNESS);
});
