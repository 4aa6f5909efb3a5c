// SQLite with SQLite3MultipleCiphers, as WebAssembly. Loaded once; silent, because a page's console is for defects.
import init from "@evolu/sqlite-wasm";
import wasmAddress from "@evolu/sqlite-wasm/sqlite3.wasm?url";

export type Sqlite = Awaited<ReturnType<typeof init>>;

type Receive = (instance: WebAssembly.Instance, module: WebAssembly.Module) => void;

/** What the package's own types leave out. */
interface Loading {
  print: () => void;
  printErr: () => void;
  instantiateWasm?: (imports: WebAssembly.Imports, receive: Receive) => object;
}

let loaded: Promise<Sqlite> | null = null;

/** The library; the first call loads it. A load that failed is tried again by the next call. */
export function sqlite(): Promise<Sqlite> {
  loaded ??= load().catch((error: unknown) => {
    loaded = null;
    throw error;
  });
  return loaded;
}

async function load(): Promise<Sqlite> {
  const scope = globalThis as { sqlite3ApiConfig?: object; SharedArrayBuffer?: unknown };
  const silent = (): void => undefined;
  const options: Loading = { print: silent, printErr: silent };
  let fail: (error: unknown) => void = silent;
  const failed = new Promise<never>((_, reject) => (fail = reject));
  if (typeof WorkerGlobalScope !== "undefined") {
    // Compiled here, so that a missing file is an error of ours and not a line on the console.
    const module = await WebAssembly.compileStreaming(fetch(wasmAddress));
    options.instantiateWasm = (imports, receive) => {
      // The library waits for `receive` and hears of no failure: too little memory, say.
      WebAssembly.instantiate(module, imports).then((instance) => receive(instance, module)).catch(fail);
      return {};
    };
  }
  const shared = Object.getOwnPropertyDescriptor(globalThis, "SharedArrayBuffer");
  scope.sqlite3ApiConfig = { debug: silent, log: silent, warn: silent, error: silent };
  try {
    // On an isolated page the library would start a second Worker for a kind of storage that is not used here.
    // It looks for SharedArrayBuffer to know; there is no option for it.
    if (options.instantiateWasm !== undefined) delete scope.SharedArrayBuffer;
    return await Promise.race([init(options), failed]);
  } finally {
    if (shared !== undefined) Object.defineProperty(globalThis, "SharedArrayBuffer", shared);
    delete scope.sqlite3ApiConfig;
  }
}
