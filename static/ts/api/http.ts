// HTTP: one request, one answer or one error. Knows tokens only as what a header carries.
import { Refused, SignInNeeded, Unreachable } from "../lib/errors";
import type { ClientError } from "../lib/errors";

import * as forms from "./forms";
import type { Json } from "./forms";

/** Called with the token that was refused, or null: gives one that should work. */
export type Credentials = (refused: string | null) => Promise<string>;
export type Fetch = (url: string, options: RequestInit) => Promise<Response>;

interface Call {
  readonly body?: Json;
  readonly token?: string | null;
  /** The CSRF token of the page: the one kind of call that goes by the browser's session. */
  readonly csrf?: string;
}

const TIMEOUT = 20_000; // ms
const LARGEST = 64 * 1024 * 1024; // bytes of an answer

// What signing in cures; any other 403 is a refusal of this one call.
const SESSION_CODES: ReadonlySet<string> = new Set([
  "not_signed_in",
  "wrong_token",
  "session_ended",
  "wrong_proof",
  "email_not_verified",
]);

export class Http {
  readonly #base: string;
  readonly #fetch: Fetch;

  constructor(origin: string, fetch: Fetch) {
    this.#base = `${origin}/api/v1/`;
    this.#fetch = fetch;
  }

  /** Make one request. Throws Unreachable, SignInNeeded, Refused, Defect. */
  async call(method: string, path: string, call: Call = {}): Promise<Json> {
    const headers: Record<string, string> = { Accept: "application/json" };
    if (call.token !== undefined && call.token !== null) headers.Authorization = `Bearer ${call.token}`;
    if (call.body !== undefined) headers["Content-Type"] = "application/json";
    if (call.csrf !== undefined) headers["X-CSRFToken"] = call.csrf;
    const { response, text } = await this.#request(this.#base + path, {
      method,
      headers,
      credentials: call.csrf === undefined ? "omit" : "same-origin",
      cache: "no-store",
      redirect: "error", // the token is for this origin alone
      ...(call.body === undefined ? {} : { body: JSON.stringify(call.body) }),
    });
    if (response.status === 204) return {};
    const value = parsed(text);
    if (response.ok) return forms.members(value);
    throw problem(response, forms.isObject(value) ? value : {});
  }

  /** The same with a device token; one that was refused is renewed once. */
  async callSignedIn(credentials: Credentials, method: string, path: string, body?: Json): Promise<Json> {
    const call = body === undefined ? {} : { body };
    const token = await credentials(null);
    try {
      return await this.call(method, path, { ...call, token });
    } catch (error) {
      if (!(error instanceof SignInNeeded && error.code === "not_signed_in")) throw error;
    }
    return this.call(method, path, { ...call, token: await credentials(token) });
  }

  async #request(url: string, options: RequestInit): Promise<{ response: Response; text: string }> {
    const fetch = this.#fetch; // called as a function: the browser's own refuses to be a method
    try {
      const response = await fetch(url, { ...options, signal: AbortSignal.timeout(TIMEOUT) });
      return { response, text: await textOf(response) };
    } catch {
      throw new Unreachable("The server cannot be reached.");
    }
  }
}

/** The body; empty once it is larger than any answer of ours, whatever its header said. */
async function textOf({ body }: Response): Promise<string> {
  const decoder = new TextDecoder();
  const reader = body?.getReader();
  let text = "";
  for (let size = 0; reader !== undefined; ) {
    const { done, value } = await reader.read();
    if (done) break;
    size += value.length;
    if (size > LARGEST) {
      await reader.cancel();
      return "";
    }
    text += decoder.decode(value, { stream: true });
  }
  return text + decoder.decode();
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

function problem(response: Response, said: Json): ClientError {
  const { status } = response;
  const code = typeof said.code === "string" ? said.code : "";
  const sentence = sentenceOf(said);
  if (status === 429) {
    const slower = "The server asks to go more slowly.";
    return new Unreachable(sentence || slower, "too_many_requests", retryAfter(response));
  }
  if (status >= 500) {
    return new Unreachable("The server cannot answer just now.", code || "unavailable", retryAfter(response));
  }
  if (status === 401 || (status === 403 && SESSION_CODES.has(code))) {
    return new SignInNeeded(sentence || "Sign in again.", code || "not_signed_in");
  }
  return new Refused(sentence || "The server refused.", code || "refused", status, said);
}

/** The problem's fields or its detail, as one plain sentence. */
function sentenceOf(said: Json): string {
  const found: string[] = [];
  for (const one of Array.isArray(said.errors) ? (said.errors as unknown[]) : []) {
    if (!forms.isObject(one) || typeof one.message !== "string") continue;
    found.push(typeof one.field === "string" && one.field !== "" ? `${one.field}: ${one.message}` : one.message);
  }
  return found.join(" ") || (typeof said.detail === "string" ? said.detail : "");
}

/** Seconds. */
function retryAfter(response: Response): number | null {
  const text = response.headers.get("Retry-After");
  const seconds = text === null || text.trim() === "" ? NaN : Number(text);
  return Number.isFinite(seconds) ? Math.max(0, seconds) : null;
}
