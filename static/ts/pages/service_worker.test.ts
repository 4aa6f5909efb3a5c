/* eslint-disable @typescript-eslint/require-await -- what stands in for the browser answers in promises, as it does */
import { beforeEach, expect, test, vi } from "vitest";

const ORIGIN = "https://example.org";
const FIRST = ["/static/js/assets/chats-11111111.js", "/static/css/base.111111111111.css"];
const SECOND = ["/static/js/assets/chats-22222222.js", "/static/css/base.222222222222.css"];
const THIRD = ["/static/js/assets/chats-33333333.js", "/static/css/base.333333333333.css"];
const ALICE = "a11ce000-0000-4000-8000-000000000001";
const BOB = "b0b00000-0000-4000-8000-000000000002";

type Answers = (path: string) => Response | Promise<Response>;

class FakeCache {
  readonly kept = new Map<string, Response>();
  full = false;

  async match(address: string): Promise<Response | undefined> {
    return this.kept.get(pathOf(address))?.clone();
  }

  async put(address: string, answer: Response): Promise<void> {
    const body = await answer.text();
    if (this.full) throw new DOMException("", "QuotaExceededError");
    this.kept.set(pathOf(address), new Response(body, { status: answer.status }));
  }

  async addAll(addresses: readonly string[]): Promise<void> {
    const answers = await Promise.all(addresses.map((address) => fetch(address)));
    if (this.full || answers.some((answer) => !answer.ok)) throw new TypeError("not all of them");
    addresses.forEach((address, at) => this.kept.set(address, answers[at]!));
  }

  async delete(address: string): Promise<boolean> {
    return this.kept.delete(pathOf(address));
  }

  async keys(): Promise<string[]> {
    return [...this.kept.keys()];
  }
}

class FakeCaches {
  readonly all = new Map<string, FakeCache>();
  broken = false;

  async open(name: string): Promise<FakeCache> {
    if (this.broken) throw new DOMException("", "UnknownError");
    const cache = this.all.get(name) ?? new FakeCache();
    this.all.set(name, cache);
    return cache;
  }

  async match(address: string, { cacheName }: { cacheName?: string } = {}): Promise<Response | undefined> {
    if (this.broken) throw new DOMException("", "UnknownError");
    for (const [name, cache] of this.all) {
      const found = cacheName === undefined || name === cacheName ? await cache.match(address) : undefined;
      if (found) return found;
    }
    return undefined;
  }

  async keys(): Promise<string[]> {
    return [...this.all.keys()];
  }

  async delete(name: string): Promise<boolean> {
    return this.all.delete(name);
  }

  addresses(): string[] {
    return [...this.all.values()].flatMap((cache) => [...cache.kept.keys()]);
  }
}

/** A worker of one version, as the browser drives it. */
class Worker {
  readonly listeners = new Map<string, (event: unknown) => void>();

  static async of(files: readonly string[]): Promise<Worker> {
    const worker = new Worker();
    vi.resetModules();
    vi.stubGlobal("MESSENGER_FILES", files);
    vi.stubGlobal("self", {
      location: { origin: ORIGIN },
      addEventListener: (name: string, hear: (event: unknown) => void) => worker.listeners.set(name, hear),
      skipWaiting: async () => undefined,
      clients: { claim: async () => undefined },
    });
    await import("./service_worker");
    return worker;
  }

  static async started(files: readonly string[]): Promise<Worker> {
    const worker = await Worker.of(files);
    await worker.install();
    await worker.activate();
    return worker;
  }

  install(): Promise<unknown> {
    return this.#wait("install", {}).then(() => undefined);
  }

  activate(): Promise<unknown> {
    return this.#wait("activate", {}).then(() => undefined);
  }

  /** What the worker answers; null where it leaves that to the browser. */
  ask(path: string, { mode = "navigate", method = "GET" } = {}): Promise<Response | null> {
    return this.#wait("fetch", { request: { url: ORIGIN + path, mode, method } });
  }

  async text(path: string): Promise<string | undefined> {
    return (await this.ask(path))?.text();
  }

  async #wait(name: string, event: object): Promise<Response | null> {
    const waiting: Promise<unknown>[] = [];
    const answers: Promise<Response>[] = [];
    this.listeners.get(name)?.({
      ...event,
      waitUntil: (one: Promise<unknown>) => waiting.push(one),
      respondWith: (one: Promise<Response>) => answers.push(one),
    });
    const answered = answers[0] ? await answers[0] : null;
    await Promise.all(waiting);
    return answered;
  }
}

let storage: FakeCaches;
let server: Answers;

beforeEach(() => {
  storage = new FakeCaches();
  vi.stubGlobal("caches", storage);
  vi.stubGlobal("fetch", async (asked: string | { url: string }) =>
    basic(await server(pathOf(typeof asked === "string" ? asked : asked.url))),
  );
});

/** Answers of one's own server are `basic`; those that a test makes are not. */
function basic(answer: Response): Response {
  if (answer.type !== "default") return answer;
  const clone = answer.clone.bind(answer);
  return Object.defineProperties(answer, { type: { value: "basic" }, clone: { value: () => basic(clone()) } });
}

function pathOf(address: string): string {
  return new URL(address, ORIGIN).pathname;
}

function shell(files: readonly string[], person: string): string {
  const links = files.map((file) => `<link rel="preload" href="${file}">`).join("");
  return `<html>${links}<main id="app" data-account="${person}"></main></html>`;
}

/** A server of one version; it has no other version's files. */
function serving(files: readonly string[], person = ALICE): Answers {
  return (path) => {
    if (path.startsWith("/chats/")) return new Response(shell(files, person));
    if (path === "/offline/") return new Response(`offline <link href="${files[1]}">`);
    if (path.startsWith("/static/")) {
      return files.includes(path) ? new Response(`file ${path}`) : new Response("", { status: 404 });
    }
    return new Response(`page ${path}`);
  };
}

function toSignIn(): Response {
  const answer = { type: "opaqueredirect", status: 0, ok: false, redirected: false, clone: () => answer };
  return answer as unknown as Response;
}

const offline: Answers = () => {
  throw new TypeError("Failed to fetch");
};

test("without a network the chats open, and everything else says so", async () => {
  server = serving(FIRST);
  const worker = await Worker.started(FIRST);
  expect(await worker.text("/settings/")).toBe("page /settings/");
  server = offline;
  expect(await worker.text("/chats/")).toBe(shell(FIRST, ALICE));
  expect(await worker.text(`/chats/${BOB}`)).toBe(shell(FIRST, ALICE));
  expect(await worker.text("/settings/")).toContain("offline");
  expect(await (await worker.ask(FIRST[0]!, { mode: "cors" }))?.text()).toBe(`file ${FIRST[0]}`);
});

test("nothing of the API is touched or kept", async () => {
  server = serving(FIRST);
  const worker = await Worker.started(FIRST);
  expect(await worker.ask("/api/v1/accounts/me", { mode: "cors" })).toBeNull();
  expect(await worker.ask("/api/v1/auth/token/session", { mode: "cors", method: "POST" })).toBeNull();
  expect(await worker.text("/api/v1/accounts/me")).toBe("page /api/v1/accounts/me");
  expect(storage.addresses().sort()).toEqual([...FIRST, "/chats/", "/offline/"].sort());
});

test("a shell of a newer version is not kept without its files", async () => {
  server = serving(FIRST);
  const worker = await Worker.started(FIRST);
  server = serving(SECOND);
  expect(await worker.text("/chats/")).toBe(shell(SECOND, ALICE));
  server = offline;
  expect(await worker.text("/chats/")).toBe(shell(FIRST, ALICE));
});

test("a page that is open finds its files after an update", async () => {
  server = serving(FIRST);
  await Worker.started(FIRST);
  server = serving(SECOND);
  const worker = await Worker.started(SECOND);
  const file = await worker.ask(FIRST[0]!, { mode: "cors" });
  expect(await file?.text()).toBe(`file ${FIRST[0]}`);
  server = offline;
  expect(await worker.text("/chats/")).toBe(shell(SECOND, ALICE));
});

test("the files of one version before are kept, and no more", async () => {
  for (const files of [FIRST, SECOND]) {
    server = serving(files);
    await Worker.started(files);
  }
  server = () => new Response("", { status: 500 });
  await expect((await Worker.of(["/static/js/assets/bad-44444444.js"])).install()).rejects.toThrow();
  server = serving(THIRD);
  await Worker.started(THIRD);
  expect(storage.all.size).toBe(2);
  expect(storage.addresses()).toEqual(expect.arrayContaining([...SECOND, ...THIRD]));
});

test("an update that fails halfway changes nothing, and succeeds later", async () => {
  server = serving(FIRST);
  const worker = await Worker.started(FIRST);
  const whole = serving(SECOND);
  server = (path) => (path === SECOND[1] ? new Response("", { status: 503 }) : whole(path));
  const next = await Worker.of(SECOND);
  await expect(next.install()).rejects.toThrow();
  server = offline;
  expect(await worker.text("/chats/")).toBe(shell(FIRST, ALICE));
  server = whole;
  await next.install();
  await next.activate();
  server = offline;
  expect(await next.text("/chats/")).toBe(shell(SECOND, ALICE));
});

test("an update whose shell could not be fetched goes on with the shell and the files from before", async () => {
  server = serving(FIRST);
  await Worker.started(FIRST);
  const whole = serving(SECOND);
  server = (path) => (path === "/chats/" ? offline(path) : whole(path));
  const worker = await Worker.started(SECOND);
  server = offline;
  expect(await worker.text("/chats/")).toBe(shell(FIRST, ALICE));
  expect(await (await worker.ask(FIRST[0]!, { mode: "cors" }))?.text()).toBe(`file ${FIRST[0]}`);
});

test("a server of another version is no source for an update", async () => {
  server = (path) => (path === "/offline/" ? serving(FIRST)(path) : serving(SECOND)(path));
  await expect((await Worker.of(SECOND)).install()).rejects.toThrow();
});

test("a server in trouble is passed over, and its answer never kept", async () => {
  server = serving(FIRST);
  const worker = await Worker.started(FIRST);
  for (const status of [500, 502, 503]) {
    server = () => new Response("trouble", { status });
    expect(await worker.text("/chats/")).toBe(shell(FIRST, ALICE));
    expect(await worker.text("/settings/")).toBe("trouble");
  }
  server = () => new Response("slow down", { status: 429 });
  expect(await worker.text("/chats/")).toBe("slow down");
  server = () => new Response("a page of some proxy");
  expect(await worker.text("/chats/")).toBe("a page of some proxy");
  server = offline;
  expect(await worker.text("/chats/")).toBe(shell(FIRST, ALICE));
});

test("a network that says nothing is not waited for longer than a while, and heard when it speaks", async () => {
  vi.useFakeTimers();
  server = serving(FIRST);
  const worker = await Worker.started(FIRST);
  let arrive: (answer: Response) => void = () => undefined;
  server = () => new Promise<Response>((resolve) => (arrive = resolve));
  const text = worker.text("/chats/");
  await vi.advanceTimersByTimeAsync(10_000);
  arrive(new Response(shell(FIRST, BOB)));
  expect(await text).toBe(shell(FIRST, ALICE));
  vi.useRealTimers();
  server = offline;
  expect(await worker.text("/chats/")).toBe(shell(FIRST, BOB));
});

test("without a shell a server in trouble is heard", async () => {
  server = (path) => (path === "/chats/" ? new Response("trouble", { status: 503 }) : serving(FIRST)(path));
  const worker = await Worker.started(FIRST);
  expect(await worker.text("/chats/")).toBe("trouble");
});

test("who is not signed in any more leaves no shell of any version", async () => {
  server = serving(FIRST);
  await Worker.started(FIRST);
  server = serving(SECOND);
  const worker = await Worker.started(SECOND);
  server = toSignIn;
  await worker.ask("/chats/");
  server = offline;
  expect(await worker.text("/chats/")).toContain("offline");
});

test.each(["/accounts/logout/", "/accounts/login/", "/accounts/signup/", "/admin/logout/"])(
  "a form to %s forgets who was signed in, in every version",
  async (address) => {
    server = serving(FIRST);
    const before = await Worker.started(FIRST);
    server = serving(SECOND);
    await (await Worker.of(SECOND)).install(); // and waits
    expect(await before.ask(address, { method: "POST" })).toBeNull();
    expect(storage.addresses()).not.toContain("/chats/");
    server = offline;
    expect(await before.text("/chats/")).toContain("offline");
  },
);

test("a shell that was on its way while somebody signed out is not kept", async () => {
  server = serving(FIRST);
  const worker = await Worker.started(FIRST);
  let arrive: (answer: Response) => void = () => undefined;
  server = () => new Promise<Response>((resolve) => (arrive = resolve));
  const asked = worker.ask("/chats/");
  await worker.ask("/accounts/logout/", { method: "POST" });
  arrive(new Response(shell(FIRST, ALICE)));
  await asked;
  expect(storage.addresses()).not.toContain("/chats/");
});

test("another person's shell replaces the one before, or ends it where it cannot be kept", async () => {
  server = serving(FIRST);
  const worker = await Worker.started(FIRST);
  server = serving(FIRST, BOB);
  await worker.ask("/chats/");
  server = offline;
  expect(await worker.text("/chats/")).toBe(shell(FIRST, BOB));
  server = serving(SECOND);
  await worker.ask("/chats/");
  server = offline;
  expect(await worker.text("/chats/")).toContain("offline");
});

test("storage that is full or broken is in nobody's way", async () => {
  server = serving(FIRST);
  const worker = await Worker.started(FIRST);
  for (const cache of storage.all.values()) cache.full = true;
  server = serving(FIRST, BOB);
  expect(await worker.text("/chats/")).toBe(shell(FIRST, BOB));
  server = offline;
  expect(await worker.text("/chats/")).toContain("offline"); // not the one from before
  storage.broken = true;
  server = serving(FIRST);
  expect(await worker.text("/chats/")).toBe(shell(FIRST, ALICE));
  expect(await worker.text("/settings/")).toBe("page /settings/");
  expect(await (await worker.ask(FIRST[0]!, { mode: "cors" }))?.text()).toBe(`file ${FIRST[0]}`);
  server = offline;
  await expect(worker.ask("/chats/")).rejects.toThrow("Failed to fetch");
});
