// Whether the client is connected, and when it tries again; quiet about hitches nobody would notice.

import type { Connection } from "../../client/model";
import { Changes } from "./changes";
import type { Clock } from "./clock";

export const QUIET = 1_000; // ms: connecting for less than that is not worth a word

export type Shown = "nothing" | "connecting" | "updating" | "offline" | "waiting";

export class ConnectionState {
  readonly changed = new Changes();
  connection: Connection = { state: "connecting" };
  shown: Shown = "nothing";
  readonly #clock: Clock;
  #cancel: () => void = () => undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  take(connection: Connection): void {
    this.connection = connection;
    this.#cancel();
    const hitch = connection.state === "connecting" || connection.state === "updating";
    if (hitch && this.shown === "nothing") this.#cancel = this.#clock.after(QUIET, () => this.#show());
    else this.#show();
  }

  /** Whole seconds until the next attempt. */
  get seconds(): number {
    if (this.connection.state !== "waiting") return 0;
    return Math.max(0, Math.ceil((this.connection.retryAt - this.#clock.now()) / 1_000));
  }

  #show(): void {
    this.#cancel();
    const { state } = this.connection;
    this.shown = state === "online" ? "nothing" : state;
    if (state === "waiting") this.#cancel = this.#clock.after(1_000, () => this.#show());
    this.changed.emit();
  }
}
