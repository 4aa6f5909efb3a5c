// A connection kept up: opened, served, and opened again after a wait that grows. docs/events.md.

import { LinkingNeeded, SignInNeeded, Unreachable } from "../lib/errors";
import { Backoff } from "../stream/backoff";
import { Stream, type Json } from "../stream/index";
import type { Context } from "./context";
import type { Connection } from "./model";
import { isOver } from "./signals";

const LONGEST_WAIT = 300; // seconds before we connect again, whatever the server asks for
const STEADY = 10_000; // ms after which a connection has worked: one that breaks sooner is a failure like any other
const TICK = 15; // seconds
const ASLEEP = 60_000; // ms between two ticks after which the machine must have slept: the socket may be dead

/** `run` it once; `stop` ends it. */
export class Connecting {
  readonly #context: Context;
  readonly #serve: (stream: Stream, over: AbortController) => Promise<void>;
  readonly #backoff: Backoff;
  readonly #stopped = new AbortController();
  #over = new AbortController(); // of one connection
  #pausing = new AbortController();
  #connection: Connection = { state: "connecting" };

  /** `serve`: what a connection is for, until it breaks or `over` is aborted. */
  constructor(context: Context, serve: (stream: Stream, over: AbortController) => Promise<void>) {
    this.#context = context;
    this.#serve = serve;
    this.#backoff = new Backoff(context.environment.uniform);
  }

  get connection(): Connection {
    return this.#connection;
  }

  /** Stay connected until stopped. Throws SignInNeeded, TakenOver, Defect; waits out everything else. */
  async run(): Promise<void> {
    const deaf = this.#context.environment.network.listen((online) => this.#network(online));
    void this.#watch();
    try {
      await this.#stayConnected();
    } catch (error) {
      if (!isOver(this.#stopped.signal)) throw error;
    } finally {
      deaf();
      this.stop();
    }
  }

  /** At once: what was being stored is stored, and what was not acknowledged comes again. */
  stop(): void {
    this.#stopped.abort();
    this.#over.abort();
    this.#pausing.abort();
  }

  /** Try to connect now. */
  hurry(): void {
    this.#backoff.worked();
    this.#pausing.abort();
  }

  /** Say how it stands with the connection. */
  tell(connection: Connection): void {
    if (isOver(this.#stopped.signal)) return;
    this.#connection = connection;
    this.#context.telling.say({ type: "connection", connection });
  }

  /** Seconds to stay away, at random between what a server that drains has named. */
  drainDelay(frame: Json): number {
    const bounds: unknown = frame["reconnect_after_ms"];
    if (!Array.isArray(bounds) || bounds.length !== 2 || !bounds.every((one) => Number.isFinite(one) && one >= 0)) {
      return this.#backoff.delay();
    }
    const [least = 0, most = 0] = bounds.map((one) => Math.min(Number(one), LONGEST_WAIT * 1000)).sort((a, b) => a - b);
    return this.#context.environment.uniform(least, most) / 1000;
  }

  async #stayConnected(): Promise<void> {
    const { environment, tokens } = this.#context;
    let refused: string | null = null;
    while (!isOver(this.#stopped.signal)) {
      let wait: number | null = null;
      let token: string | null = null;
      let openedAt: number | null = null;
      this.tell({ state: "connecting" });
      try {
        token = await tokens.access(refused);
        const stream = await Stream.open(environment, token, this.#stopped.signal);
        openedAt = this.#context.now();
        refused = null;
        await this.#use(stream);
      } catch (error) {
        if (error instanceof SignInNeeded && !(error instanceof LinkingNeeded)) {
          // A token that has just been renewed and is refused again will not get better.
          if (token === null || refused !== null) throw error;
          if (error.code !== "not_signed_in") tokens.forget(); // the page's own session may live on
          refused = token;
        } else if (error instanceof Unreachable) {
          // A browser does not say why a socket was refused: the token may be the reason.
          if (token !== null && openedAt === null) tokens.doubt();
          wait = error.retryAfter;
        } else throw error;
      }
      if (isOver(this.#stopped.signal)) return;
      if (openedAt !== null && this.#context.now() - openedAt >= STEADY) this.#backoff.worked();
      // Never sooner than after a failure that asks for nothing.
      await this.#pause(Math.min(Math.max(wait ?? 0, this.#backoff.delay()), LONGEST_WAIT));
    }
  }

  async #pause(seconds: number): Promise<void> {
    const { clock, network } = this.#context.environment;
    const retryAt = this.#context.now() + Math.round(seconds * 1000);
    this.tell(network.online() ? { state: "waiting", retryAt } : { state: "offline" });
    this.#pausing = new AbortController();
    if (isOver(this.#stopped.signal)) return;
    await clock.sleep(seconds, this.#pausing.signal);
  }

  async #use(stream: Stream): Promise<void> {
    if (isOver(this.#stopped.signal)) {
      stream.close();
      return;
    }
    this.#over = new AbortController();
    await this.#serve(stream, this.#over);
  }

  #network(online: boolean): void {
    if (online) this.hurry();
    // The socket of a network that is gone would say so minutes later.
    else this.#over.abort();
  }

  /** Notice that the machine has slept: its sockets are dead and do not say so. */
  async #watch(): Promise<void> {
    const { clock } = this.#context.environment;
    for (let last = this.#context.now(); !isOver(this.#stopped.signal); last = this.#context.now()) {
      await clock.sleep(TICK, this.#stopped.signal);
      if (this.#context.now() - last < ASLEEP) continue;
      this.#over.abort();
      this.hurry();
    }
  }
}
