// The socket (docs/events.md): connects, sends frames, matches answers, hands over the rest. Decides nothing.
import { Defect, Unreachable } from "../lib/errors";
import type { ClientError } from "../lib/errors";

import { meaningOf, rejection } from "./closing";

export type Json = Readonly<Record<string, unknown>>;
/** Opens a WebSocket: the browser's own, or a test's. */
export type OpenSocket = (url: string, protocols: string[]) => WebSocket;

/** Where to connect, and how. */
export interface Server {
  readonly origin: string;
  readonly openSocket: OpenSocket;
}

const SUBPROTOCOL = "messenger.v1";
const OPENING = 10; // seconds for the connection itself
const ANSWER = 30; // seconds for an answer, and for `hello`
const MOST_LENGTH = 4 * 1024 * 1024; // UTF-16 units of a frame that we take
const MOST_FRAMES = 4096; // received and not asked for yet; far more than the server's window

interface Waiting {
  readonly resolve: (frame: Json) => void;
  readonly reject: (error: ClientError) => void;
}

/** One connection, from `hello` to its end. Call `receive` until it throws; then, or before, `close`. */
export class Stream {
  readonly #socket: WebSocket;
  readonly #frames: Json[] = [];
  readonly #answers = new Map<string, Waiting>();
  #receivers: Waiting[] = [];
  #ended: ClientError | null = null;
  #count = 0;
  #hello: Json = {};

  private constructor(socket: WebSocket) {
    this.#socket = socket;
    socket.onmessage = (event: MessageEvent<unknown>) => this.#hear(event.data);
    socket.onclose = (event: CloseEvent) => this.#end(meaningOf(event.code));
    socket.onerror = () => undefined; // `close` follows and says as much
  }

  /**
   * Connect, say who this is, and wait for `hello`. Throws Unreachable, SignInNeeded, TakenOver, Defect, Refused.
   *
   * A browser does not say why a connection was not opened: that is Unreachable, whatever the server answered.
   * `until` ends the attempt: a token that is shown later would end the connection of whoever took over.
   */
  static async open({ origin, openSocket }: Server, token: string, until?: AbortSignal): Promise<Stream> {
    if (until?.aborted === true) throw new Unreachable("The connection was given up.");
    let socket: WebSocket;
    try {
      socket = openSocket(`${origin.replace(/^http/, "ws")}/ws/v1`, [SUBPROTOCOL]);
    } catch {
      throw new Unreachable("The server cannot be reached.");
    }
    const stream = new Stream(socket);
    const giveUp = (): void => stream.close();
    until?.addEventListener("abort", giveUp);
    try {
      await stream.#opened();
      await stream.request({ type: "token", access: token });
      stream.#hello = await within(ANSWER, "The server does not say hello.", stream.#greeted());
      return stream;
    } catch (error) {
      stream.close();
      throw error;
    } finally {
      until?.removeEventListener("abort", giveUp);
    }
  }

  /** What the server said first: who this is, and its limits. */
  get hello(): Json {
    return this.#hello;
  }

  /** The next frame that answers nothing. Throws what the connection's end means. */
  receive(): Promise<Json> {
    const frame = this.#frames.shift();
    if (frame !== undefined) return Promise.resolve(frame);
    if (this.#ended !== null) return Promise.reject(this.#ended);
    return new Promise((resolve, reject) => this.#receivers.push({ resolve, reject }));
  }

  /** Send a frame that wants no answer. Throws Unreachable, or what the connection's end means. */
  send(frame: Json): void {
    if (this.#ended !== null) throw this.#ended;
    try {
      this.#socket.send(JSON.stringify(frame));
    } catch {
      throw new Unreachable("There is no connection."); // still connecting, or closing already
    }
  }

  /** Send a frame and wait for its answer. Throws Unreachable, Refused, SignInNeeded. */
  async request(frame: Json): Promise<Json> {
    this.#count += 1;
    const id = this.#count.toString(16);
    const answered = new Promise<Json>((resolve, reject) => this.#answers.set(id, { resolve, reject }));
    answered.catch(() => undefined); // whoever waits hears of it below; nobody may be waiting any more
    try {
      this.send({ id, ...frame });
      const answer = await within(ANSWER, "The server does not answer.", answered);
      if (answer.type === "rejected") throw rejection(answer);
      return answer;
    } finally {
      this.#answers.delete(id);
    }
  }

  /** End the connection. Whoever still waits for something of it hears that. */
  close(): void {
    this.#end(new Unreachable("The connection was closed."));
    this.#socket.onmessage = null;
    this.#socket.onclose = null;
    this.#socket.close(1000);
  }

  #opened(): Promise<void> {
    const opened = new Promise<void>((resolve, reject) => {
      if (this.#socket.readyState === 1) resolve();
      this.#socket.onopen = () => resolve();
      this.#receivers.push({ resolve: () => resolve(), reject }); // closed, or a frame: both say that it was opened
    });
    return within(OPENING, "The server cannot be reached.", opened).finally(() => (this.#receivers = []));
  }

  async #greeted(): Promise<Json> {
    for (;;) {
      const frame = await this.receive();
      if (frame.type === "hello") return frame;
    }
  }

  #hear(data: unknown): void {
    const frame = parsed(data);
    if (frame === null) {
      this.#fail(new Defect("The server sent a frame that makes no sense."));
      return;
    }
    const answer = typeof frame.id === "string" ? this.#answers.get(frame.id) : undefined;
    const waiting = answer ?? this.#receivers.shift();
    if (waiting !== undefined) waiting.resolve(frame);
    else if (this.#frames.length < MOST_FRAMES) this.#frames.push(frame);
    else this.#fail(new Unreachable("The server sends more than was asked for."));
  }

  #fail(error: ClientError): void {
    this.#end(error);
    this.#socket.close(1000);
  }

  #end(error: ClientError): void {
    if (this.#ended !== null) return;
    this.#ended = error;
    const waiting = [...this.#answers.values(), ...this.#receivers];
    this.#answers.clear();
    this.#receivers = [];
    for (const one of waiting) one.reject(error);
  }
}

function parsed(data: unknown): Json | null {
  if (typeof data !== "string" || data.length > MOST_LENGTH) return null;
  try {
    const frame: unknown = JSON.parse(data);
    return typeof frame === "object" && frame !== null && !Array.isArray(frame) ? (frame as Json) : null;
  } catch {
    return null;
  }
}

/** Wait so long and no longer. Throws Unreachable. */
function within<T>(seconds: number, otherwise: string, work: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Unreachable(otherwise)), seconds * 1000);
    work.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}
