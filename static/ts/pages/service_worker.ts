// The service worker: the chat page opens without a network. It keeps the page's own files and the last shell that the
// server painted; messages and keys are the Worker's, and nothing of the API is ever kept here.

declare const self: ServiceWorkerGlobalScope;
/** Addresses of the files that the pages are made of. The server writes it in front of this script. */
declare const MESSENGER_FILES: readonly string[];

const SHELL = "/chats/";
const OFFLINE = "/offline/";
const SIGN_OUT = "/accounts/logout/";

/** One cache a version of the files: the name changes with any of them. */
async function cacheName(): Promise<string> {
  const bytes = new TextEncoder().encode(MESSENGER_FILES.join("\n"));
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  return `messenger-${Array.from(digest.slice(0, 8), (byte) => byte.toString(16).padStart(2, "0")).join("")}`;
}

async function open(): Promise<Cache> {
  return caches.open(await cacheName());
}

/** Keep the shell, if this is one: not a redirect to the sign-in, not an error. */
async function keep(cache: Cache, answer: Response): Promise<void> {
  if (answer.ok && !answer.redirected && answer.type === "basic") await cache.put(SHELL, answer);
  else await cache.delete(SHELL);
}

async function install(): Promise<void> {
  const cache = await open();
  await cache.addAll([...MESSENGER_FILES, OFFLINE]);
  // The shell that is kept names the files of its own version.
  const shell = await fetch(SHELL, { redirect: "manual" }).catch(() => null);
  if (shell) await keep(cache, shell);
  await self.skipWaiting();
}

async function activate(): Promise<void> {
  const current = await cacheName();
  const names = await caches.keys();
  await Promise.all(names.filter((name) => name !== current).map((name) => caches.delete(name)));
  await self.clients.claim();
}

/** From the network; without one, the shell for chats and one honest page for everything else. */
async function page(request: Request, isChat: boolean): Promise<Response> {
  const cache = await open();
  try {
    const answer = await fetch(request);
    if (isChat) await keep(cache, answer.clone());
    return answer;
  } catch (error) {
    const kept = (isChat ? await cache.match(SHELL, { ignoreVary: true }) : undefined) ?? (await cache.match(OFFLINE));
    if (kept) return kept;
    throw error;
  }
}

async function file(request: Request): Promise<Response> {
  return (await (await open()).match(request.url, { ignoreVary: true })) ?? fetch(request);
}

self.addEventListener("install", (event) => event.waitUntil(install()));
self.addEventListener("activate", (event) => event.waitUntil(activate()));
self.addEventListener("fetch", (event) => {
  const { request } = event;
  const { origin, pathname } = new URL(request.url);
  if (origin !== self.location.origin) return;
  if (request.mode === "navigate") {
    if (request.method === "GET") event.respondWith(page(request, /^\/chats\/([0-9a-f-]{36})?$/.test(pathname)));
    // The shell names who was signed in.
    else if (pathname === SIGN_OUT) event.waitUntil(open().then((cache) => cache.delete(SHELL)));
  } else if (request.method === "GET" && MESSENGER_FILES.includes(pathname)) {
    event.respondWith(file(request));
  }
});

export {};
