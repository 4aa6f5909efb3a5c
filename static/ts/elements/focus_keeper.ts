// The focus is never lost: where what had it leaves the page and nothing else takes it, one goes on nearby.

/** Calls `goOn` with the pane that it was in: "list", "chat", "details", or "" for none of them. */
export class FocusKeeper {
  readonly #host: HTMLElement;
  readonly #goOn: (pane: string) => void;
  #last: Element | null = null;
  #pane = "";

  constructor(host: HTMLElement, goOn: (pane: string) => void) {
    this.#host = host;
    this.#goOn = goOn;
  }

  keep(signal: AbortSignal): void {
    this.#host.addEventListener("focusin", (event) => this.#came(event.target), { signal });
    this.#host.addEventListener("focusout", (event) => this.#went(event), { signal });
    const observer = new MutationObserver(() => this.#check());
    observer.observe(this.#host, { childList: true, subtree: true });
    signal.addEventListener("abort", () => observer.disconnect());
  }

  #came(target: EventTarget | null): void {
    if (!(target instanceof Element)) return;
    this.#last = target;
    const pane = target.closest(".pane");
    this.#pane = ["list", "chat", "details"].find((name) => pane?.classList.contains(`pane-${name}`)) ?? "";
  }

  /** The person put it down by themselves, unless it was taken from the page, or they went to another window. */
  #went(event: FocusEvent): void {
    queueMicrotask(() => {
      if (!event.relatedTarget && this.#last?.isConnected && document.hasFocus()) this.#last = null;
    });
  }

  #check(): void {
    if (!this.#last || this.#last.isConnected) return;
    this.#last = null;
    const { activeElement } = document;
    if (activeElement === null || activeElement === document.body) this.#goOn(this.#pane);
  }
}
