// The service worker: the chat page opens without a network. It keeps the page's own files and the last shell that the
// server painted; messages and keys are the Worker's, and nothing of the API is ever kept here.
//
// A shell and its files are of one version: a cache holds both, and the cache of the version before stays for pages
// that are still open.

declare const self: ServiceWorkerGlobalScope;
/** Addresses of the files that the pages are made of. The server writes it in front of this script. */
declare const MESSENGER_FILES: readonly string[];

const FILES = MESSENGER_FILES;
const STATIC = "/static/";
const SHELL = "/chats/";
const OFFLINE = "/offline/";
const CHATS = /^\/chats\/([0-9a-f-]{36})?$/;
const SIGNING = /^\/(accounts|admin)\//; // whose forms sign in and out
const PATIENCE = 5_000; // ms that the network may be silent while there is a shell to show

let forgotten = 0; // times that somebody may have gone: a shell asked for before is not kept after

/** One cache a version of the files: the name changes with any of them. */
const named: Promise<string> = (async () => {
  const bytes = new TextEncoder().encode(FILES.join("\n"));
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  return `messenger-${Array.from(digest.slice(0, 8), (byte) => byte.toString(16).padStart(2, "0")).join("")}`;
})();

/** What this version has kept, else the one before. Storage that fails has nothing, and stands in nobody's way. */
async function kept(address: string): Promise<Response | undefined> {
  try {
    const own = await caches.match(address, { cacheName: await named, ignoreVary: true });
    return own ?? (await caches.match(address, { ignoreVary: true }));
  } catch {
    return undefined;
  }
}

async function dropShells(): Promise<void> {
  for (const name of await caches.keys()) await (await caches.open(name)).delete(SHELL);
}

/** Whether all files that a page names are this version's. */
function isOwn(page: string): boolean {
  return Array.from(page.matchAll(/(?:href|src)="(\/static\/[^"]+)"/g)).every(([, file = ""]) => FILES.includes(file));
}

/** Whom a page is the shell of. */
function personOf(page: string): string | undefined {
  return /\sdata-account="([^"]+)"/.exec(page)?.[1];
}

/** Learn from what the server answered when it was asked for the shell. */
async function learn(answer: Response, since: number): Promise<void> {
  if (answer.type === "opaqueredirect" || answer.redirected) return dropShells(); // to the sign-in
  const page = answer.ok ? await answer.clone().text() : "";
  const person = personOf(page);
  if (person === undefined) return; // of a server in trouble, or a proxy
  const before = await kept(SHELL);
  if (before && personOf(await before.text()) !== person) await dropShells();
  // Until this worker's own successor is there, a newer shell would lack its files.
  if (since === forgotten && isOwn(page)) await (await caches.open(await named)).put(SHELL, answer);
}

async function install(): Promise<void> {
  const offline = await fetch(OFFLINE);
  // While servers of two versions answer: the browser tries again at its next visit.
  if (!offline.ok || !isOwn(await offline.clone().text())) throw new Error("The server is of another version.");
  const cache = await caches.open(await named);
  await cache.addAll(FILES);
  await cache.put(OFFLINE, offline);
  const shell = await fetch(SHELL, { redirect: "manual" }).catch(() => null);
  if (shell) await learn(shell, forgotten);
  await self.skipWaiting();
}

async function activate(): Promise<void> {
  const current = await named;
  const others = (await caches.keys()).filter((name) => name !== current);
  const sizes = await Promise.all(others.map(async (name) => (await (await caches.open(name)).keys()).length));
  const before = others.filter((_, at) => sizes[at] !== 0).at(-1); // not one whose installation failed
  await Promise.all(others.filter((name) => name !== before).map((name) => caches.delete(name)));
  await self.clients.claim();
}

/** From the network; without one, a page that says so. */
async function online(asked: Promise<Response>): Promise<Response> {
  try {
    return await asked;
  } catch (error) {
    const page = await kept(OFFLINE);
    if (page) return page;
    throw error;
  }
}

/** The shell as the server paints it; the kept one where the network fails or is silent, or the server is in trouble. */
async function chats(event: FetchEvent): Promise<Response> {
  const since = forgotten;
  const asked = fetch(event.request);
  event.waitUntil(asked.then((answer) => learn(answer.clone(), since)).catch(() => undefined));
  const silence = new Promise<null>((resolve) => setTimeout(resolve, PATIENCE, null));
  const answer = await Promise.race([asked.catch(() => null), silence]);
  if (answer && answer.status < 500) return answer;
  return (await kept(SHELL)) ?? online(asked);
}

self.addEventListener("install", (event) => event.waitUntil(install()));
self.addEventListener("activate", (event) => event.waitUntil(activate()));
self.addEventListener("fetch", (event) => {
  const { request } = event;
  const { origin, pathname } = new URL(request.url);
  if (origin !== self.location.origin) return;
  if (request.mode === "navigate") {
    if (request.method === "GET") event.respondWith(CHATS.test(pathname) ? chats(event) : online(fetch(request)));
    else if (SIGNING.test(pathname)) {
      forgotten += 1; // the shell names who was signed in
      event.waitUntil(dropShells());
    }
  } else if (request.method === "GET" && pathname.startsWith(STATIC)) {
    event.respondWith(kept(request.url).then((file) => file ?? fetch(request)));
  }
});

export {};
