// The edge between the list and the chat, to be dragged or moved by keys; its place is kept.

import { html, LitElement, type TemplateResult } from "lit";
import { words } from "./words";

const KEY = "messenger.list_width";
export const LEAST = 280;
export const MOST = 400;
const USUAL = 320;
const STEP = 16;

export class PaneSplitterElement extends LitElement {
  static override properties = { width: { state: true } };
  declare width: number;

  constructor() {
    super();
    this.width = stored();
  }

  protected override createRenderRoot(): HTMLElement {
    return this;
  }

  protected override render(): TemplateResult {
    return html`<div
      class="splitter"
      role="separator"
      aria-orientation="vertical"
      aria-label=${words.list.resize}
      aria-valuemin=${LEAST}
      aria-valuemax=${MOST}
      aria-valuenow=${this.width}
      tabindex="0"
      @pointerdown=${this.#grab}
      @keydown=${this.#key}
      @dblclick=${() => this.#set(USUAL)}
    ></div>`;
  }

  protected override updated(): void {
    this.parentElement?.style.setProperty("--list", `${this.width}px`);
  }

  #grab(event: PointerEvent): void {
    const handle = event.currentTarget as HTMLElement;
    handle.setPointerCapture(event.pointerId);
    const move = (moved: PointerEvent): void => {
      const pane = this.parentElement?.getBoundingClientRect();
      if (pane) this.#set(rightToLeft() ? pane.right - moved.clientX : moved.clientX - pane.left);
    };
    handle.addEventListener("pointermove", move);
    handle.addEventListener("lostpointercapture", () => handle.removeEventListener("pointermove", move), { once: true });
    event.preventDefault();
    handle.focus();
  }

  #key(event: KeyboardEvent): void {
    const forward = rightToLeft() ? -STEP : STEP;
    const to = {
      ArrowRight: this.width + forward,
      ArrowLeft: this.width - forward,
      Home: LEAST,
      End: MOST,
      Enter: USUAL,
    }[event.key];
    if (to === undefined || event.altKey || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    this.#set(to);
  }

  #set(width: number): void {
    this.width = clamp(width);
    localStorage.setItem(KEY, `${this.width}`);
  }
}

function stored(): number {
  const width = Number(localStorage.getItem(KEY));
  return width > 0 ? clamp(width) : USUAL;
}

function clamp(width: number): number {
  return Math.round(Math.max(LEAST, Math.min(MOST, width)));
}

function rightToLeft(): boolean {
  return document.documentElement.dir === "rtl";
}

customElements.define("pane-splitter", PaneSplitterElement);
