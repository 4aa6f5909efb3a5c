// The list of the keyboard's shortcuts.

import { html, LitElement, type TemplateResult } from "lit";
import { icons } from "./icons";
import { iconButton } from "./parts";
import { words } from "./words";

export class ShortcutsDialogElement extends LitElement {
  protected override createRenderRoot(): HTMLElement {
    return this;
  }

  open(): void {
    const dialog = this.querySelector("dialog");
    if (dialog && !dialog.open) dialog.showModal();
  }

  protected override render(): TemplateResult {
    const apple = /Mac|iPhone|iPad/.test(navigator.userAgent);
    return html`<dialog class="dialog shortcuts" aria-labelledby="shortcuts-title" @click=${this.#outside}>
      <header class="dialog-head">
        <h2 id="shortcuts-title">${words.shortcuts.title}</h2>
        ${iconButton({ label: words.close, icon: icons.clear, act: () => this.querySelector("dialog")?.close() })}
      </header>
      <dl>
        ${words.shortcuts.keys(apple).map(
          ([what, keys]) =>
            html`<div>
              <dt>${what}</dt>
              <dd>${keys.map((key) => html`<kbd>${key}</kbd>`)}</dd>
            </div>`,
        )}
      </dl>
    </dialog>`;
  }

  #outside(event: MouseEvent): void {
    if (event.target instanceof HTMLDialogElement) event.target.close();
  }
}

customElements.define("shortcuts-dialog", ShortcutsDialogElement);
