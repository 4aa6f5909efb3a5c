// Where the vectors lie: the repository's own, Wycheproof's beside it, and the published ML-KEM answers.

import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { Case } from "./run";
import type { Json } from "./json";

const ROOT = fileURLToPath(new URL("../../../../", import.meta.url));
const WYCHEPROOF = process.env.MESSENGER_WYCHEPROOF_DIR ?? `${ROOT}../shared/vectors`;
const NOT_VECTORS = new Set(["schema.json", "manifest.json", "encapsulations.json"]);

/** The vector files: their names and bytes. */
export function vectorFiles(): (readonly [name: string, data: Uint8Array])[] {
  const names = readdirSync(`${ROOT}vectors`).filter((name) => name.endsWith(".json") && !NOT_VECTORS.has(name));
  return names.sort().map((name) => [name, readFileSync(`${ROOT}vectors/${name}`)]);
}

export function cases(data: Uint8Array): readonly Case[] {
  return (JSON.parse(new TextDecoder().decode(data)) as { cases: Case[] }).cases;
}

export function manifest(): Json {
  return JSON.parse(readFileSync(`${ROOT}vectors/manifest.json`, "utf8")) as Json;
}

/** Published ML-KEM-768 answers, shared with the Python core's tests. */
export function knownKem(): Record<"keygen" | "decapsulate", Record<string, string>[]> {
  const text = readFileSync(`${ROOT}client/tests/protocol/mlkem_768.json`, "utf8");
  return JSON.parse(text) as ReturnType<typeof knownKem>;
}

export interface Group<Test> {
  readonly publicKey?: { readonly pk: string };
  readonly tests: readonly Test[];
}

/** One of Wycheproof's files, or null where it is not there (MESSENGER_WYCHEPROOF_DIR, or ../shared/vectors). */
export function wycheproof<Test>(name: string): readonly Group<Test>[] | null {
  let text: string;
  try {
    text = readFileSync(`${WYCHEPROOF}/${name}`, "utf8");
  } catch {
    process.stdout.write(`skipped: Wycheproof is not here: ${WYCHEPROOF}/${name} (set MESSENGER_WYCHEPROOF_DIR)\n`);
    return null;
  }
  return (JSON.parse(text) as { testGroups: Group<Test>[] }).testGroups;
}
