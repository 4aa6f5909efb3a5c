// The Worker's side of the line: answers the page's calls, and tells it what happens, in batches.
import { CALLS, failureOf, STOPPED } from "./calls";
import type { Call, News, Port, Ready, Reply } from "./calls";
import type { Messenger } from "./messenger";
import type { Told } from "./model";

const GATHERING = 4; // ms for which what is told waits for more of it

/** Serve a messenger over a port. Returns what to call with an error that nobody foresaw. */
export function serve(port: Port, messenger: Messenger): { fail: () => void } {
  let told: Told[] = [];
  let timer: ReturnType<typeof setTimeout> | null = null;

  const flush = (): void => {
    if (timer !== null) clearTimeout(timer);
    timer = null;
    if (told.length === 0) return;
    const news: News = { told };
    told = [];
    port.postMessage(news);
  };
  const tell = (one: Told): void => {
    told.push(one);
    timer ??= setTimeout(flush, GATHERING);
  };
  const fail = (): void => {
    tell({ type: "ended", why: "failed", text: STOPPED });
    flush();
  };
  const answer = (reply: Reply): void => {
    flush(); // what was told before the answer arrives before it
    port.postMessage(reply);
  };

  messenger.listen(tell);
  port.onmessage = (event: MessageEvent<unknown>) => {
    const call = readCall(event.data);
    if (call === null) {
      fail();
      return;
    }
    carryOut(messenger, call).then(
      (value) => answer({ reply: call.call, value }),
      (error: unknown) => answer({ reply: call.call, failure: failureOf(error) }),
    );
  };
  port.onmessageerror = fail;
  const ready: Ready = { ready: true };
  port.postMessage(ready);
  return { fail };
}

async function carryOut(messenger: Messenger, call: Call): Promise<unknown> {
  const methods = messenger as unknown as Record<string, (...values: readonly unknown[]) => Promise<unknown>>;
  return methods[call.name]?.(...call.values);
}

function readCall(data: unknown): Call | null {
  if (typeof data !== "object" || data === null) return null;
  const { call, name, values } = data as Record<string, unknown>;
  const isKnown = typeof name === "string" && (CALLS as readonly string[]).includes(name);
  return typeof call === "number" && isKnown && Array.isArray(values) ? (data as Call) : null;
}
