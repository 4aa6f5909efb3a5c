// The times of one message, a device: shown while its state is pointed at, focused or tapped.

import type { Line } from "../client/model";
import { timesOfLine } from "./line";

const LINGER = 200; // ms that they stay, so that a pointer can reach them
const GAP = 6; // px to the state
const EDGE = 8; // px to the window's edge

/** Shows in the popover of `host` what belongs to the `.state` buttons in it. */
export class MessageTimes {
  readonly #host: HTMLElement;
  readonly #find: (id: string) => Line | undefined;
  #state: HTMLElement | null = null;
  #leaving = 0;

  constructor(host: HTMLElement, find: (id: string) => Line | undefined) {
    this.#host = host;
    this.#find = find;
  }

  readonly over = (event: PointerEvent): void => {
    const state = stateAt(event);
    if (state && event.pointerType === "mouse") this.#show(state);
  };

  readonly out = (event: PointerEvent): void => {
    if (!stateAt(event) || event.pointerType !== "mouse") return;
    this.keep();
    this.#leaving = window.setTimeout(() => this.hide(), LINGER);
  };

  readonly focused = (event: FocusEvent): void => {
    const state = stateAt(event);
    if (state?.matches(":focus-visible")) this.#show(state);
  };

  readonly clicked = (event: MouseEvent): void => {
    const state = stateAt(event);
    if (state) this.#show(state);
  };

  /** The pointer has reached the times. */
  keep(): void {
    clearTimeout(this.#leaving);
  }

  /** Take them away; false: they were not there. */
  hide(): boolean {
    this.keep();
    if (!this.#state) return false;
    this.#state.removeAttribute("aria-describedby");
    this.#state = null;
    this.#popover?.hidePopover();
    return true;
  }

  /** Their message may have left the page. */
  check(): void {
    if (this.#state?.isConnected === false) this.hide();
  }

  get #popover(): HTMLElement | null {
    return this.#host.querySelector<HTMLElement>(".times");
  }

  #show(state: HTMLElement): void {
    this.keep();
    const line = this.#find(state.dataset["for"] ?? "");
    const popover = this.#popover;
    if (!line || !popover || this.#state === state) return;
    this.hide();
    popover.replaceChildren(...timesOfLine(line).map(paragraph));
    popover.showPopover();
    const at = state.getBoundingClientRect();
    const box = popover.getBoundingClientRect();
    const above = at.top - box.height - GAP;
    popover.style.left = `${Math.max(EDGE, Math.min(at.right, innerWidth - EDGE) - box.width)}px`;
    popover.style.top = `${above > EDGE ? above : at.bottom + GAP}px`;
    state.setAttribute("aria-describedby", popover.id);
    this.#state = state;
  }
}

function paragraph(text: string): HTMLElement {
  const element = document.createElement("p");
  element.textContent = text;
  return element;
}

function stateAt(event: Event): HTMLElement | null {
  return event.target instanceof Element ? event.target.closest<HTMLElement>(".state") : null;
}
