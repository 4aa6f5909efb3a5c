// Jump to a chat: type a few letters of its name, press Enter.

import { html, nothing, type TemplateResult } from "lit";
import type { ChatSummary } from "../client/model";
import { PageElement } from "./element";
import { chatAvatar, openMark } from "./parts";
import type { Changes } from "./state/changes";
import type { ChatPage } from "./state/page";
import { words } from "./words";

const MOST = 8;

export class JumpDialogElement extends PageElement {
  static override properties = { page: { attribute: false }, query: { state: true }, chosen: { state: true } };
  declare page: ChatPage;
  declare query: string;
  declare chosen: number;

  constructor() {
    super();
    this.query = "";
    this.chosen = 0;
  }

  protected override follows(): readonly Changes[] {
    return [this.page.list.changed];
  }

  open(): void {
    this.query = "";
    this.chosen = 0;
    const dialog = this.querySelector("dialog");
    if (dialog && !dialog.open) dialog.showModal();
    const input = this.querySelector("input");
    if (input) input.value = "";
    input?.focus();
  }

  protected override render(): TemplateResult {
    const found = this.#found;
    const chosen = found[this.chosen];
    return html`<dialog class="dialog jump" aria-label=${words.jump.title} @click=${this.#outside}>
      <input
        type="text"
        role="combobox"
        name="jump"
        autocomplete="off"
        autocapitalize="none"
        spellcheck="false"
        aria-label=${words.jump.label}
        placeholder=${words.jump.title}
        aria-expanded=${found.length > 0 ? "true" : "false"}
        aria-controls="jump-results"
        aria-autocomplete="list"
        aria-activedescendant=${chosen ? `jump-${chosen.id}` : nothing}
        @input=${this.#typed}
        @keydown=${this.#key}
      />
      <ul class="jump-results" id="jump-results" role="listbox" aria-label=${words.jump.results}>
        ${found.map(
          (chat, at) =>
            html`<li
              class="jump-result"
              id="jump-${chat.id}"
              role="option"
              aria-selected=${at === this.chosen ? "true" : "false"}
              @click=${() => this.#go(chat)}
              @pointermove=${() => (this.chosen = at)}
            >
              ${chatAvatar(chat, "small")}<bdi>${chat.name}</bdi>${chat.open ? openMark() : nothing}${chat.unread > 0 && !chat.blocked
                ? html`<span class="count"><span aria-hidden="true">${chat.unread}</span><span class="unseen">${words.list.unread(chat.unread)}</span></span>`
                : nothing}
            </li>`,
        )}
      </ul>
      <p class="jump-help" role="status">${found.length === 0 ? words.jump.none : words.jump.help}</p>
    </dialog>`;
  }

  get #found(): readonly ChatSummary[] {
    return this.page.list.matching(this.query).slice(0, MOST);
  }

  #typed(event: Event): void {
    this.query = (event.currentTarget as HTMLInputElement).value;
    this.chosen = 0;
  }

  #key(event: KeyboardEvent): void {
    const found = this.#found;
    if (event.isComposing || found.length === 0) return;
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step !== undefined) {
      event.preventDefault();
      this.chosen = (this.chosen + step + found.length) % found.length;
    } else if (event.key === "Enter") {
      event.preventDefault();
      const chat = found[this.chosen];
      if (chat) this.#go(chat);
    }
  }

  #outside(event: MouseEvent): void {
    if (event.target instanceof HTMLDialogElement) event.target.close();
  }

  #go(chat: ChatSummary): void {
    this.querySelector("dialog")?.close();
    this.dispatchEvent(new CustomEvent("open-chat", { detail: chat.id, bubbles: true }));
  }
}

customElements.define("jump-dialog", JumpDialogElement);
