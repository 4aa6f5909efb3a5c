// Where the view of a log stands among its lines: px, measured where they are.

import { NOWHERE } from "./state/conversation";
import { firstWhere } from "./state/first_where";

/** A line, and how far from the top of the window it was. */
export interface Anchor {
  readonly element: HTMLElement;
  readonly top: number;
}

export class LogView {
  readonly #host: HTMLElement;

  constructor(host: HTMLElement) {
    this.#host = host;
  }

  get log(): HTMLElement {
    return this.#host.querySelector<HTMLElement>(".log") ?? this.#host;
  }

  /** px of the log that are below the view. */
  get below(): number {
    const { log } = this;
    return log.scrollHeight - log.scrollTop - log.clientHeight;
  }

  toBottom(): void {
    const { log } = this;
    const bottom = log.scrollHeight - log.clientHeight;
    if (log.scrollTop < bottom) log.scrollTop = bottom;
  }

  /** Bring an element to a quarter from the top. */
  show(element: HTMLElement): void {
    const { log } = this;
    log.scrollTop = element.offsetTop - log.clientHeight / 4;
  }

  /** The uppermost line in view. */
  topmost(): Anchor | null {
    const edge = this.log.getBoundingClientRect().top;
    const lines = this.#lines;
    const element = lines[firstWhere(lines, (line) => line.getBoundingClientRect().bottom > edge)];
    return element ? { element, top: element.getBoundingClientRect().top } : null;
  }

  /** Move the view along with a line that has moved. */
  keep({ element, top }: Anchor): void {
    const moved = element.getBoundingClientRect().top - top;
    if (Math.abs(moved) > 1) this.log.scrollTop += moved;
  }

  /** Position of the lowest line in view; NOWHERE: none is. */
  lowest(): number {
    const edge = this.log.getBoundingClientRect().bottom;
    const lines = this.#lines;
    const below = firstWhere(lines, (line) => line.getBoundingClientRect().bottom > edge + 8);
    return Number(lines[below - 1]?.dataset["position"] ?? NOWHERE);
  }

  get #lines(): HTMLElement[] {
    return [...this.#host.querySelectorAll<HTMLElement>(".line")];
  }
}
