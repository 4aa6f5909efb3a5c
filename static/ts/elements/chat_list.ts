// The list of chats: search, filters, one row a chat, and what to do when there is none.

import { html, nothing, type PropertyValues, type TemplateResult } from "lit";
import { repeat } from "lit/directives/repeat.js";
import type { ChatSummary, Person } from "../client/model";
import { chatRow, personRow } from "./chat_row";
import { PageElement, touch } from "./element";
import { icons } from "./icons";
import { matchList } from "./matches";
import { empty, iconButton } from "./parts";
import { arrowRows, stopAt } from "./row_keys";
import type { Changes } from "./state/changes";
import type { Filter } from "./state/chat_list";
import type { ChatPage } from "./state/page";
import { SHORTEST } from "./state/people";
import { times, words } from "./words";

/** Where a message is that was found. */
export interface Place {
  readonly chat: string;
  readonly line: string;
  readonly words: readonly string[];
}

const FILTERS: readonly Filter[] = ["all", "unread", "requests"];
const MINUTE = 60_000; // after which "today" may be yesterday

export class ChatListElement extends PageElement {
  static override properties = { page: { attribute: false } };
  declare page: ChatPage;
  #timer = 0;
  #entered = false; // Enter was pressed before anything was found

  protected override follows(): readonly Changes[] {
    return [this.page.changed, this.page.list.changed, this.page.people.changed, this.page.writing.drafts.changed, this.page.typists.changed, this.page.search.changed];
  }

  override connectedCallback(): void {
    super.connectedCallback();
    this.#timer = window.setInterval(() => this.requestUpdate(), MINUTE);
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    clearInterval(this.#timer);
  }

  focusSearch(): void {
    const input = this.querySelector<HTMLInputElement>(".search input");
    input?.focus();
    input?.select();
  }

  /** Put the focus on the row of the open chat, or on the first one. */
  focusRow(): void {
    const row = this.#rowElements.find((one) => one.tabIndex === 0) ?? this.#rowElements[0];
    if (row) row.focus();
    else if (!touch()) this.focusSearch();
  }

  clearSearch(): boolean {
    if (this.page.list.query === "") return false;
    this.#search("");
    return true;
  }

  protected override render(): TemplateResult {
    const { list } = this.page;
    const searching = list.query.trim() !== "";
    return html`
      <header class="list-head">
        <div class="list-who">
          <h2>${words.list.title}</h2>
          <p><span class="unseen">${words.list.signedInAs} </span><bdi>${this.page.options.username}</bdi></p>
        </div>
        ${iconButton({ label: words.group.newChatTitle, icon: icons.write, act: () => this.#tell("new-chat") })}
        ${iconButton({ label: words.group.newTitle, icon: icons.newGroup, act: () => this.#tell("new-group") })}
        ${iconButton({ label: words.list.devices, icon: icons.devices, act: () => this.#tell("show-devices") })}
        ${iconButton({ label: words.list.shortcuts, icon: icons.keyboard, act: () => this.#tell("show-help"), class: "desk" })}
        <a class="icon-button" href="/settings/" aria-label=${words.list.settings} title=${words.list.settings}
          >${icons.settings}</a
        >
      </header>
      <search class="search">
        ${icons.search}
        <input
          type="search"
          name="search"
          aria-label=${words.list.search}
          placeholder=${words.list.search}
          autocomplete="off"
          autocapitalize="none"
          spellcheck="false"
          enterkeyhint="search"
          .value=${list.query}
          @input=${this.#typed}
          @keydown=${this.#searchKey}
        />
        ${searching
          ? iconButton({ label: words.list.clear, icon: icons.clear, act: () => this.#cleared(), class: "small" })
          : nothing}
      </search>
      ${searching ? this.#results() : this.#chats()}
    `;
  }

  protected override updated(changed: PropertyValues): void {
    super.updated(changed);
    const rows = this.#rowElements;
    const tabbable =
      rows.find((row) => row === document.activeElement) ??
      rows.find((row) => row.getAttribute("aria-current") === "page") ??
      rows[0];
    stopAt(rows, tabbable);
    if (!this.#entered || this.page.people.state === "searching") return;
    this.#entered = false;
    rows[0]?.click();
  }

  get #rowElements(): HTMLElement[] {
    return [...this.querySelectorAll<HTMLElement>("a.row, button.row")];
  }

  #chats(): TemplateResult {
    const { list } = this.page;
    const shown = list.shown;
    if (list.loaded && list.all.length === 0) {
      const { none } = words.list;
      return html`<div class="rows rows-none"><h3>${none.all}</h3><p>${none.allHelp}</p></div>`;
    }
    return html`
      <div class="filters" role="group" aria-label=${words.list.filters}>
        ${FILTERS.map((filter) => {
          const count = filter === "requests" ? list.requests : filter === "unread" ? list.unread : 0;
          return html`<button
            type="button"
            class="filter"
            aria-pressed=${list.filter === filter ? "true" : "false"}
            @click=${() => list.setFilter(filter)}
          >
            ${words.list.filter[filter]}
            ${count > 0 ? html`<span class="filter-count">${times.number(count)}</span>` : nothing}
          </button>`;
        })}
      </div>
      <nav class="rows" aria-label=${words.list.label} @keydown=${(event: KeyboardEvent) => arrowRows(event, this.#rowElements, () => this.focusSearch())}>
        ${list.loaded ? (shown.length > 0 ? this.#rows(shown) : this.#none()) : skeleton()}
      </nav>
    `;
  }

  #rows(chats: readonly ChatSummary[]): TemplateResult {
    const { list, typists, writing } = this.page;
    return html`<ul>
      ${repeat(
        chats,
        (chat) => chat.id,
        (chat) =>
          chatRow(chat, {
            current: chat.id === list.current,
            draft: chat.id === list.current ? "" : writing.drafts.text(chat.id, chat.draft),
            typing: typists.in(chat.id),
          }),
      )}
    </ul>`;
  }

  #none(): TemplateResult {
    const { list } = this.page;
    const { none } = words.list;
    const all = { label: none.showAll, act: () => list.setFilter("all") };
    if (list.filter === "unread") return empty(none.unread, none.unreadHelp, all);
    return empty(none.requests, none.requestsHelp, all);
  }

  #results(): TemplateResult {
    const { list, people, search } = this.page;
    const chats = list.shown;
    const known = new Set(chats.filter((chat) => !chat.open).map((chat) => chat.account));
    const others = people.people.filter((person) => !known.has(person.account));
    const settled = people.state !== "searching";
    return html`
      <p class="unseen" role="status">${settled ? words.list.results(chats.length, others.length) : ""}</p>
      <nav class="rows" aria-label=${words.list.label} @keydown=${(event: KeyboardEvent) => arrowRows(event, this.#rowElements, () => this.focusSearch())}>
        ${chats.length > 0
          ? html`<h3 class="rows-title">${words.list.chats}</h3>
              ${this.#rows(chats)}`
          : nothing}
        <h3 class="rows-title">${words.list.people}</h3>
        ${this.#people(others, chats.length)}
        ${list.all.some((chat) => chat.open)
          ? html`<h3 class="rows-title">${words.search.title}</h3>
              ${search.state === "idle"
                ? html`<button class="button button-quiet rows-button" type="button" @click=${() => search.search(list.query)}>
                    ${words.search.ask}
                  </button>`
                : matchList(search, {
                    chatOf: ({ chat }) => list.get(chat),
                    inChat: false,
                    show: ({ chat, line }) => this.#show({ chat, line, words: search.words }),
                  })}`
          : nothing}
      </nav>
    `;
  }

  #people(others: readonly Person[], chats: number): TemplateResult {
    const { list, people } = this.page;
    const query = list.query.trim().replace(/^@/, "");
    if (others.length > 0) {
      return html`<ul>
        ${repeat(
          others,
          (person) => person.account,
          (person) => personRow(person, () => void this.#write(person)),
        )}
      </ul>`;
    }
    if (people.state === "failed") {
      return html`<p class="rows-note">${people.why}</p>
        <button class="button button-quiet rows-button" type="button" @click=${() => people.search(list.query)}>
          ${words.tryAgain}
        </button>`;
    }
    if (query.length < SHORTEST) return html`<p class="rows-note">${words.list.moreLetters}</p>`;
    if (people.state === "searching") return html`<p class="rows-note">${words.list.searching}</p>`;
    if (chats > 0) return html`<p class="rows-note">${words.list.nobodyElse(query)}</p>`;
    return html`<p class="rows-note">${words.list.nobody(query)} ${words.list.nobodyHelp}</p>`;
  }

  #show(place: Place): void {
    this.dispatchEvent(new CustomEvent<Place>("show-line", { detail: place, bubbles: true }));
  }

  async #write(person: Person): Promise<void> {
    const chat = await this.page.chatWith(person);
    if (chat === null) return;
    this.#search("");
    this.#tell("open-chat", chat);
  }

  #typed(event: InputEvent): void {
    this.#search((event.currentTarget as HTMLInputElement).value);
  }

  #search(text: string): void {
    this.#entered = false;
    this.page.list.setQuery(text);
    this.page.people.search(text);
    // What is typed here may be of an encrypted chat: the server is asked for messages only where the person says so.
    this.page.search.search("");
  }

  #cleared(): void {
    this.#search("");
    this.focusSearch();
  }

  #searchKey(event: KeyboardEvent): void {
    if (event.isComposing) return;
    if (event.key === "ArrowDown") {
      event.preventDefault();
      this.#rowElements[0]?.focus();
    } else if (event.key === "Enter") {
      event.preventDefault();
      if (this.page.list.query.trim() === "") return;
      const row = this.#rowElements[0];
      if (row) row.click();
      else this.#entered = this.page.people.state === "searching";
    }
  }

  #tell(what: "new-chat" | "new-group" | "show-devices" | "show-help" | "open-chat", chat = ""): void {
    this.dispatchEvent(new CustomEvent(what, { detail: chat, bubbles: true }));
  }
}

function skeleton(): TemplateResult {
  return html`<p class="rows-note late" role="status">${words.start.starting}</p>
    <ul class="skeleton" aria-hidden="true">
      ${Array.from({ length: 7 }, () => html`<li class="row"><span class="avatar"></span><span></span><span></span></li>`)}
    </ul>`;
}

customElements.define("chat-list", ChatListElement);
