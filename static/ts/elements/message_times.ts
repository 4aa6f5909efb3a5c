// The times of one message, a device: shown while its state is pointed at, focused or tapped.

import type { Line } from "../client/model";
import type { Told } from "./times_of_line";

const LINGER = 200; // ms that they stay, so that a pointer can reach them
const GAP = 4; // px to the bubble
const EDGE = 8; // px to the window's edge

interface Says {
  readonly find: (id: string) => Line | undefined;
  readonly tell: (line: Line) => Told[];
  readonly open: (line: Line) => boolean; // show more than fits here; false: there is no more
}

/** Shows in the popover of `host` what belongs to the `.state` buttons in it. */
export class MessageTimes {
  readonly #host: HTMLElement;
  readonly #says: Says;
  #state: HTMLElement | null = null;
  #line: Line | null = null;
  #leaving = 0;

  constructor(host: HTMLElement, says: Says) {
    this.#host = host;
    this.#says = says;
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

  /** A finger or a key takes them away again; a mouse points at them anyway. */
  readonly clicked = (event: MouseEvent): void => {
    const state = stateAt(event);
    const line = state && this.#says.find(state.dataset["for"] ?? "");
    if (line && this.#says.open(line)) {
      this.hide();
      return;
    }
    const mouse = event instanceof PointerEvent && event.pointerType === "mouse";
    if (state && state === this.#state && !mouse) this.hide();
    else if (state) this.#show(state);
  };

  /** The pointer has reached the times. */
  keep(): void {
    clearTimeout(this.#leaving);
  }

  /** Take them away; false: they were not there. */
  hide(): boolean {
    this.keep();
    if (!this.#state) return false;
    document.removeEventListener("pointerdown", this.#elsewhere, true);
    this.#state.removeAttribute("aria-describedby");
    this.#state = null;
    this.#line = null;
    this.#popover?.hidePopover();
    return true;
  }

  /** Their message may have left the page, or there is more to say of it. */
  check(): void {
    if (this.#state?.isConnected === false) this.hide();
    if (this.#state) this.#fill(this.#state);
  }

  /** Not every browser moves the focus away when a finger taps elsewhere. */
  readonly #elsewhere = (event: Event): void => {
    if (event.target instanceof Element && !event.target.closest(".times") && !stateAt(event)) this.hide();
  };

  get #popover(): HTMLElement | null {
    return this.#host.querySelector<HTMLElement>(".times");
  }

  #show(state: HTMLElement): void {
    this.keep();
    if (this.#state === state) return;
    this.hide();
    if (!this.#fill(state)) return;
    this.#state = state;
    document.addEventListener("pointerdown", this.#elsewhere, true);
  }

  /** Write what is known now and put it where it belongs; false: there is nothing. */
  #fill(state: HTMLElement): boolean {
    const line = this.#says.find(state.dataset["for"] ?? "");
    const popover = this.#popover;
    if (!line || !popover) return false;
    if (line === this.#line) return true;
    this.#line = line;
    popover.replaceChildren(...this.#says.tell(line).map(entry));
    if (!popover.matches(":popover-open")) popover.showPopover();
    state.setAttribute("aria-describedby", popover.id);
    place(popover, state);
    return true;
  }
}

/** Above the bubble of a state that stands in its first line, else above the state itself; at the side of both. */
function place(popover: HTMLElement, state: HTMLElement): void {
  const at = state.getBoundingClientRect();
  const bubble = state.closest(".bubble")?.getBoundingClientRect() ?? at;
  const box = popover.getBoundingClientRect();
  const top = at.top - bubble.top < at.height ? bubble.top : at.top;
  const above = top - box.height - GAP;
  const right = document.documentElement.dir === "rtl" ? bubble.left + box.width : bubble.right;
  const left = Math.min(right, innerWidth - EDGE) - box.width;
  popover.style.left = `${Math.max(EDGE, left)}px`;
  popover.style.top = `${above > EDGE ? above : bubble.bottom + GAP}px`;
}

function entry({ what, when }: Told): HTMLElement {
  const element = document.createElement("p");
  for (const text of [what, when]) {
    const part = document.createElement("span");
    part.textContent = text;
    element.append(part, " ");
  }
  return element;
}

function stateAt(event: Event): HTMLElement | null {
  return event.target instanceof Element ? event.target.closest<HTMLElement>(".state") : null;
}
