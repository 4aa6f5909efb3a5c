// What the end of a connection and a refusal on it mean (docs/events.md).
import { Defect, Refused, SignInNeeded, TakenOver, Unreachable } from "../lib/errors";
import type { ClientError } from "../lib/errors";

const SESSION_CODES: ReadonlySet<unknown> = new Set(["not_signed_in", "wrong_token", "session_ended"]);

/** What a `rejected` frame means; the same as REST's problem of that code. */
export function rejection(frame: Readonly<Record<string, unknown>>): ClientError {
  const code = typeof frame.code === "string" ? frame.code : "refused";
  const sentence = typeof frame.detail === "string" && frame.detail !== "" ? frame.detail : "The server refused.";
  if (code === "too_many_requests" || code === "unavailable") {
    const wait = frame.retry_after;
    return new Unreachable(sentence, code, typeof wait === "number" && wait >= 0 ? wait : null);
  }
  if (SESSION_CODES.has(code)) return new SignInNeeded(sentence, code);
  return new Refused(sentence, code, 0, frame);
}

/** Close codes. */
export function meaningOf(code: number): ClientError {
  switch (code) {
    case 4401:
      return new SignInNeeded("The session has to be renewed.", "not_signed_in");
    case 4403:
      return new SignInNeeded("This session or device was ended; sign in again.", "session_ended");
    case 4409:
      return new TakenOver("Another connection of this device took over.");
    case 4400:
    case 4413:
      return new Defect(`The server closed the connection as misused (${code}).`);
    case 4429:
      return new Unreachable("Too many connections in a minute.", "too_many_requests", 30);
    default:
      return new Unreachable("The connection was lost.");
  }
}
