// The page's side of the line: a Messenger whose work is done in the Worker.
import { CALLS, errorOf, STOPPED } from "./calls";
import type { Call, CallName, Failure, News, Port, Ready, Reply } from "./calls";
import type { Messenger } from "./messenger";
import type { Told } from "./model";

const PERSISTING = 500; // ms: a browser that asks the person first is not waited for

/** Start the Worker. There is one a page. */
export function connectMessenger(): Messenger {
  let worker: Worker | null = null;
  const begin = (): Port => {
    worker?.terminate();
    worker = new Worker(new URL("./worker.ts", import.meta.url), { type: "module", name: "messenger" });
    worker.onerror = () => line.fail(); // also where its script cannot be loaded
    return worker;
  };
  const line = remote(begin(), persist, begin);
  return line.messenger;
}

interface Waiting {
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: Error) => void;
}

/**
 * A messenger at the other end of a port. `beforeStart`: what has to be tried first, in the page. `again`: another port,
 * once, should the first fail before it has said anything: whoever keeps its script for offline use may just have begun.
 */
export function remote(
  first: Port,
  beforeStart: () => Promise<void> = () => Promise.resolve(),
  again: (() => Port) | null = null,
): { messenger: Messenger; fail: () => void } {
  let port = first;
  let spare = again;
  const waiting = new Map<number, Waiting>();
  const listeners = new Set<(told: Told) => void>();
  let early: Call[] | null = []; // until the other end is ready
  let count = 0;
  let stopped: Failure | null = null;

  const call = (name: CallName, values: readonly unknown[]): Promise<unknown> =>
    new Promise((resolve, reject) => {
      if (stopped !== null) {
        reject(errorOf(stopped));
        return;
      }
      count += 1;
      waiting.set(count, { resolve, reject });
      const message: Call = { call: count, name, values };
      if (early === null) port.postMessage(message);
      else early.push(message);
    });
  const tell = (told: Told): void => {
    for (const hear of [...listeners]) hear(told);
  };
  const stop = (): void => {
    if (stopped !== null) return;
    stopped = { code: "failed", message: STOPPED };
    for (const one of waiting.values()) one.reject(errorOf(stopped));
    waiting.clear();
  };
  const fail = (): void => {
    if (stopped !== null) return;
    if (early !== null && spare !== null) {
      port.onmessage = null;
      port = spare();
      spare = null;
      hear();
      return;
    }
    stop();
    tell({ type: "ended", why: "failed", text: STOPPED });
  };

  const take = (message: Ready | Reply | News): void => {
    if ("ready" in message) {
      for (const one of early ?? []) port.postMessage(one);
      early = null;
      return;
    }
    if ("told" in message) {
      for (const told of message.told) {
        if (told.type === "ended" && told.why === "failed") stop();
        tell(told);
      }
      return;
    }
    const caller = waiting.get(message.reply);
    waiting.delete(message.reply);
    if ("failure" in message) caller?.reject(errorOf(message.failure));
    else caller?.resolve(message.value);
  };
  const hear = (): void => {
    port.onmessage = (event: MessageEvent<Ready | Reply | News>) => take(event.data);
    port.onmessageerror = fail;
  };
  hear();

  const methods = Object.fromEntries(
    CALLS.map((name) => [name, (...values: readonly unknown[]) => call(name, values)]),
  ) as unknown as Omit<Messenger, "listen">;
  const messenger: Messenger = {
    ...methods,
    start: async (options) => {
      await beforeStart();
      return methods.start(options);
    },
    listen: (hear) => {
      listeners.add(hear);
      return () => listeners.delete(hear);
    },
  };
  return { messenger, fail };
}

/** Ask the browser not to evict the store. Only a page may ask; the Worker says how it went. */
async function persist(): Promise<void> {
  const storage = (navigator as { storage?: StorageManager }).storage; // not there without HTTPS
  if (storage === undefined) return;
  const asked = storage.persist().catch(() => false);
  const enough = new Promise<void>((resolve) => setTimeout(resolve, PERSISTING));
  await Promise.race([asked, enough]);
}
