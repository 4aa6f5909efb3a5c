// Searching in the chat that is open, between its head and its lines. Of open chats: their history is on the server.

import { html, nothing, type TemplateResult } from "lit";
import type { Match } from "../client/model";
import { PageElement } from "./element";
import { icons } from "./icons";
import { matchList } from "./matches";
import { iconButton } from "./parts";
import { arrowRows } from "./row_keys";
import type { Changes } from "./state/changes";
import type { MessageSearch } from "./state/message_search";
import type { ChatPage } from "./state/page";
import { words } from "./words";

export class ChatSearchElement extends PageElement {
  static override properties = { page: { attribute: false }, search: { attribute: false } };
  declare page: ChatPage;
  declare search: MessageSearch;

  protected override follows(): readonly Changes[] {
    return [this.page.changed, this.search.changed];
  }

  focusField(): void {
    const field = this.#field;
    field?.focus();
    field?.select();
  }

  protected override render(): TemplateResult {
    const { search } = this;
    const said = words.search;
    return html`
      <search class="search">
        ${icons.search}
        <input
          type="search"
          name="chat-search"
          aria-label=${words.chat.search}
          placeholder=${words.chat.search}
          autocomplete="off"
          spellcheck="false"
          enterkeyhint="search"
          .value=${search.query}
          @input=${(event: Event) => search.search((event.currentTarget as HTMLInputElement).value)}
          @keydown=${this.#key}
        />
        ${iconButton({ label: said.close, icon: icons.clear, act: () => this.page.closeSearch(), class: "small" })}
      </search>
      <p class="unseen" role="status">${search.state === "found" ? said.count(search.matches.length, search.hasMore) : ""}</p>
      ${search.state === "idle"
        ? nothing
        : html`<div class="rows" role="group" aria-label=${said.title} @keydown=${this.#rowKey}>
            ${matchList(search, { chatOf: () => this.page.summary, inChat: true, show: (match) => this.#show(match) })}
          </div>`}
    `;
  }

  get #field(): HTMLInputElement | null {
    return this.querySelector("input");
  }

  get #rows(): HTMLElement[] {
    return [...this.querySelectorAll<HTMLElement>("button.row")];
  }

  #show(match: Match): void {
    this.page.showLine(match.line, this.search.words);
  }

  #key(event: KeyboardEvent): void {
    if (event.isComposing) return;
    if (event.key === "ArrowDown") this.#rows[0]?.focus();
    else if (event.key === "Enter") this.#rows[0]?.click();
    else if (event.key === "Escape") this.page.closeSearch();
    else return;
    event.preventDefault();
  }

  #rowKey(event: KeyboardEvent): void {
    if (event.key === "Escape") {
      event.preventDefault();
      this.page.closeSearch();
    } else arrowRows(event, this.#rows, () => this.focusField());
  }
}

customElements.define("chat-search", ChatSearchElement);
