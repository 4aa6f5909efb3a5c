// The browsers of the client's tests: each one's way to the relay, and its sockets.

import type { Json, Relay, Who } from "./relay";

/** One browser's way to the relay. */
export class Browser {
  /** Its own network is away. */
  offline = false;
  /** Answers are on their way for as long as this, ms. */
  slow = 0;
  readonly #relay: Relay;
  #session: string | null;

  constructor(relay: Relay, username: string) {
    this.#relay = relay;
    this.#session = username;
  }

  /** The page's session ends, or is somebody else's. */
  signIn(username: string | null): void {
    this.#session = username;
  }

  get isCut(): boolean {
    return this.offline || this.#relay.away;
  }

  readonly fetch = async (url: string, options: RequestInit): Promise<Response> => {
    const { slow } = this;
    await Promise.resolve();
    if (this.isCut) throw new TypeError("Failed to fetch");
    const { pathname, search } = new URL(url);
    const body = typeof options.body === "string" ? (JSON.parse(options.body) as Json) : {};
    const headers = new Headers(options.headers);
    const token = (headers.get("Authorization") ?? "").replace("Bearer ", "");
    const path = pathname.replace("/api/v1/", "");
    const answer = this.#relay.answer(this.#session, options.method ?? "GET", path, search.slice(1), body, token);
    if (answer === null) throw new TypeError("Failed to fetch"); // the client knows nothing
    if (slow > 0) await new Promise((resolve) => setTimeout(resolve, slow));
    const [status, value] = answer;
    return new Response(status === 204 ? null : JSON.stringify(value), { status });
  };

  readonly openSocket = (): WebSocket => new Socket(this.#relay, this) as unknown as WebSocket;
}

/** The part of a WebSocket that the client uses, and the relay's end of it. */
export class Socket {
  readyState = 0;
  onopen: (() => void) | null = null;
  onmessage: ((event: { data: string }) => void) | null = null;
  onclose: ((event: { code: number }) => void) | null = null;
  onerror: (() => void) | null = null;
  who: Who | null = null;
  readonly #relay: Relay;
  readonly #browser: Browser;

  constructor(relay: Relay, browser: Browser) {
    this.#relay = relay;
    this.#browser = browser;
    const opened = (): void => {
      if (this.readyState === 3) return;
      this.readyState = 1;
      if (browser.isCut) this.end(1006);
      else this.onopen?.();
    };
    setTimeout(() => void relay.opening.then(opened), 0);
  }

  send(text: string): void {
    if (this.readyState !== 1) throw new Error("not open");
    const frame = JSON.parse(text) as Json;
    setTimeout(() => this.#hear(frame), 0);
  }

  close(): void {
    this.end(1000);
  }

  deliver(frame: Json): void {
    setTimeout(() => {
      if (this.readyState === 1 && !this.#browser.isCut) this.onmessage?.({ data: JSON.stringify(frame) });
    }, 0);
  }

  end(code: number): void {
    if (this.readyState === 3) return;
    this.readyState = 3;
    const device = this.who?.[1] ?? "";
    if (this.#relay.sockets.get(device) === this) this.#relay.sockets.delete(device);
    setTimeout(() => this.onclose?.({ code }), 0);
  }

  #hear(frame: Json): void {
    if (this.readyState !== 1 || this.#browser.isCut) return;
    if (this.who === null || frame.type === "token") {
      this.#begin(frame);
      return;
    }
    const answer = this.#relay.frame(frame, this.who);
    if (answer !== null) this.deliver(answer);
  }

  #begin(frame: Json): void {
    const who = this.#relay.deviceBy(frame.access);
    if (who === null) {
      this.end(4401);
      return;
    }
    this.deliver({ type: "done", id: frame.id });
    if (this.who !== null) return;
    this.who = who;
    this.#relay.greeted += 1;
    this.#relay.sockets.get(who[1])?.end(4409);
    this.#relay.sockets.set(who[1], this);
    this.deliver({ type: "hello", account: who[0], device: who[1], server_time: 0, limits: this.#relay.limits });
    for (const row of this.#relay.queue.of(who[1])) this.deliver({ type: "envelope", ...row });
    this.deliver({ type: "queue.empty" });
  }
}
