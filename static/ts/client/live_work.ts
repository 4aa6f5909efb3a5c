// Work of a connection that does not end it when it goes wrong.

import { ClientError, Defect, Refused, Unreachable } from "../lib/errors";
import type { Stream } from "../stream/index";
import type { Ack } from "./receiving";

/** What is asked for again by the next connection, should the server refuse it or ask us to go slowly. */
export async function unhurried(work: Promise<void>): Promise<void> {
  try {
    await work;
  } catch (error) {
    if (!(error instanceof Unreachable || error instanceof Refused || error instanceof Defect)) throw error;
  }
}

export async function acknowledge(stream: Stream, ack: Ack): Promise<void> {
  try {
    await stream.request({ type: "ack", ...ack });
  } catch (error) {
    // Lost: the envelopes come again, are recognised, and are acknowledged then.
    if (!(error instanceof ClientError)) throw error;
  }
}

/** A signal that is aborted with another one: many may wait for it, and the other one has one listener more. */
export function childOf(signal: AbortSignal): AbortSignal {
  const child = new AbortController();
  signal.addEventListener("abort", () => child.abort());
  return child.signal;
}
