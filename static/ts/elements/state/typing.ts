// Says that the person is typing, and that they stopped.

import type { Clock } from "./clock";

export const IDLE = 5_000; // ms without a key: they are thinking, or gone
export const AGAIN = 4_000; // ms after which it is said once more

export class TypingSignal {
  readonly #tell: (chat: string, on: boolean) => void;
  readonly #clock: Clock;
  #chat: string | null = null;
  #toldAt = 0;
  #cancel: () => void = () => undefined;

  constructor(tell: (chat: string, on: boolean) => void, clock: Clock) {
    this.#tell = tell;
    this.#clock = clock;
  }

  typed(chat: string): void {
    if (this.#chat !== chat) this.stop();
    const now = this.#clock.now();
    if (this.#chat === null || now - this.#toldAt >= AGAIN) {
      this.#chat = chat;
      this.#toldAt = now;
      this.#tell(chat, true);
    }
    this.#cancel();
    this.#cancel = this.#clock.after(IDLE, () => this.stop());
  }

  stop(): void {
    this.#cancel();
    if (this.#chat === null) return;
    this.#tell(this.#chat, false);
    this.#chat = null;
  }
}
