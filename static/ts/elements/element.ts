// What the page's elements share: the page's own CSS, and following states that change.

import { LitElement } from "lit";
import type { Changes } from "./state/changes";

/** An element without a shadow: the page's stylesheets, its theme and its labels reach into it. */
export abstract class PageElement extends LitElement {
  #followed: readonly Changes[] = [];
  #stops: (() => void)[] = [];

  protected override createRenderRoot(): HTMLElement {
    this.replaceChildren(); // what the server painted meanwhile
    return this;
  }

  /** What makes this element render anew. */
  protected abstract follows(): readonly Changes[];

  /** One that has left the page must not begin to listen again. */
  protected override shouldUpdate(): boolean {
    return this.isConnected;
  }

  protected override willUpdate(): void {
    const follows = this.follows();
    if (follows.length === this.#followed.length && follows.every((one, at) => one === this.#followed[at])) return;
    this.#unfollow();
    this.#followed = follows;
    this.#stops = follows.map((changes) => changes.on(() => this.requestUpdate()));
  }

  override connectedCallback(): void {
    super.connectedCallback();
    this.requestUpdate();
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.#unfollow();
  }

  #unfollow(): void {
    for (const stop of this.#stops) stop();
    this.#stops = [];
    this.#followed = [];
  }
}

/** A pointer that is a finger: the keyboard on the screen shall not open by itself. */
export function touch(): boolean {
  return matchMedia("(pointer: coarse)").matches;
}

/** One pane at a time. */
export function narrow(): boolean {
  return matchMedia("(max-width: 719.98px)").matches;
}
