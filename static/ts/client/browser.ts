// What the Worker gives to the client: this browser.
import { SYSTEM_CLOCK } from "../lib/clock";
import { SYSTEM } from "../protocol/entropy";
import { ready } from "../protocol/primitives";
import { openStore, storeExists } from "../store/open";
import { sqlite } from "../store/sqlite";

import type { Environment, Network, Stores } from "./context";
import { takeLock } from "./lock";
import type { Surroundings } from "./lock";
import { deviceName } from "./naming";

/** The environment of a dedicated Worker. */
export function browserEnvironment(): Environment {
  return {
    origin: location.origin,
    deviceName: deviceName(navigator.userAgent),
    clock: SYSTEM_CLOCK,
    entropy: SYSTEM,
    uniform: (least, most) => least + Math.random() * (most - least),
    fetch: (...request) => fetch(...request),
    openSocket: (url, protocols) => new WebSocket(url, protocols),
    network,
    stores,
    ready: async () => {
      await Promise.all([ready(), sqlite()]);
    },
  };
}

const network: Network = {
  online: () => navigator.onLine,
  listen: (hear) => {
    const online = (): void => hear(true);
    const offline = (): void => hear(false);
    addEventListener("online", online);
    addEventListener("offline", offline);
    return () => {
      removeEventListener("online", online);
      removeEventListener("offline", offline);
    };
  },
};

const surroundings = (): Surroundings => ({
  locks: navigator.locks,
  openChannel: (name) => new BroadcastChannel(name),
  clock: SYSTEM_CLOCK,
});

const stores: Stores = {
  missing,
  exists: storeExists,
  lock: (account, wish) => takeLock(surroundings(), account, wish),
  open: (account) => openStore(account, SYSTEM_CLOCK),
  persist: async () => {
    const [persistent, estimate] = await Promise.all([navigator.storage.persisted(), navigator.storage.estimate()]);
    return { persistent, usage: estimate.usage ?? 0 };
  },
};

/** What this browser lacks, in a few words; empty when it lacks nothing. */
function missing(): string {
  const scope = globalThis as unknown as Partial<Record<string, unknown>>;
  const browser = navigator as unknown as { storage?: Partial<StorageManager>; locks?: unknown };
  if (scope.crypto === undefined || crypto.subtle as unknown === undefined) return "a secure connection (HTTPS)";
  if (scope.WebAssembly === undefined) return "WebAssembly";
  const handles = scope.FileSystemFileHandle as { prototype: object } | undefined;
  const hasFiles = handles !== undefined && "createSyncAccessHandle" in handles.prototype;
  if (browser.storage?.getDirectory === undefined || !hasFiles) return "files of its own (OPFS)";
  if (browser.locks === undefined) return "Web Locks";
  if (scope.indexedDB === undefined) return "IndexedDB";
  return "";
}
