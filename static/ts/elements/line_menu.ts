// What one can do with a message in an open chat: other words for it, or none.

import { html, nothing, type TemplateResult } from "lit";
import type { Line } from "../client/model";
import { PageElement } from "./element";
import { icons } from "./icons";
import type { Changes } from "./state/changes";
import type { ChatPage } from "./state/page";
import { words } from "./words";

const GAP = 4; // px

export class LineMenuElement extends PageElement {
  static override properties = { page: { attribute: false }, line: { state: true } };
  declare page: ChatPage;
  declare line: Line | null;
  #button: HTMLElement | null = null; // that opened it

  constructor() {
    super();
    this.line = null;
  }

  protected override follows(): readonly Changes[] {
    return [];
  }

  /** Open it at the button that was pressed. */
  async open(button: HTMLElement, line: Line): Promise<void> {
    this.line = line;
    this.#button = button;
    await this.updateComplete;
    const menu = this.#menu;
    if (!menu) return;
    menu.showPopover();
    const at = button.getBoundingClientRect();
    const box = menu.getBoundingClientRect();
    const below = at.bottom + GAP + box.height < innerHeight;
    menu.style.top = `${below ? at.bottom + GAP : Math.max(GAP, at.top - GAP - box.height)}px`;
    menu.style.left = `${Math.max(GAP, Math.min(at.left, innerWidth - box.width - GAP))}px`;
    this.querySelector<HTMLElement>("[role=menuitem]")?.focus();
  }

  protected override render(): TemplateResult {
    const { line } = this;
    return html`<div class="menu" role="menu" popover="auto" aria-label=${words.line.menu} @keydown=${this.#key}>
        ${line?.changeable ? item(icons.write, words.line.edit, () => this.#edit(line)) : nothing}
        ${line?.deletable ? item(icons.bin, words.line.delete, () => this.#sure()) : nothing}
      </div>
      <dialog class="dialog sure" aria-labelledby="delete-title" @close=${this.#decided}>
        <form method="dialog">
          <h2 id="delete-title">${words.line.sureDelete}</h2>
          <p>${words.line.sureDeleteHelp}</p>
          <div class="actions">
            <button class="button button-quiet" value="">${words.details.cancel}</button>
            <button class="button button-danger" value="delete">${words.line.delete}</button>
          </div>
        </form>
      </dialog>`;
  }

  get #menu(): HTMLElement | null {
    return this.querySelector<HTMLElement>(".menu");
  }

  #key(event: KeyboardEvent): void {
    const items = [...this.querySelectorAll<HTMLElement>("[role=menuitem]")];
    const at = items.indexOf(document.activeElement as HTMLElement);
    const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: -1 }[event.key];
    if (to !== undefined) {
      event.preventDefault();
      items.at(to % items.length)?.focus();
    } else if (event.key === "Escape" || event.key === "Tab") {
      event.preventDefault();
      this.#close();
    }
  }

  #close(): void {
    this.#menu?.hidePopover();
    this.#button?.focus({ preventScroll: true });
  }

  /** The composer takes the focus. */
  #edit(line: Line): void {
    this.#menu?.hidePopover();
    this.page.writing.edit(line);
  }

  #sure(): void {
    this.#close();
    const dialog = this.querySelector("dialog");
    if (!dialog) return;
    dialog.returnValue = "";
    dialog.showModal();
  }

  #decided(event: Event): void {
    const { line } = this;
    if ((event.currentTarget as HTMLDialogElement).returnValue === "delete" && line) this.page.writing.delete(line);
  }
}

function item(icon: TemplateResult, label: string, act: () => void): TemplateResult {
  return html`<button class="menu-item" type="button" role="menuitem" tabindex="-1" @click=${act}>${icon}${label}</button>`;
}

customElements.define("line-menu", LineMenuElement);
