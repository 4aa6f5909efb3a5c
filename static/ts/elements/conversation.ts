// The middle pane: who it is with, what has to be decided, the lines, and where one writes.

import { html, nothing, type TemplateResult } from "lit";
import type { ChatSummary, GroupMember } from "../client/model";
import { banner, groupBanner } from "./banners";
import { PageElement } from "./element";
import { icons } from "./icons";
import { chatAvatar, empty, iconButton, safety, verifiedMark } from "./parts";
import type { Changes } from "./state/changes";
import { changedMember } from "./state/group";
import type { ChatPage } from "./state/page";
import { welcome } from "./welcome";
import { words } from "./words";
import "./composer";
import "./log";
import "./chat_search";
import type { ChatSearchElement } from "./chat_search";
import type { ChatComposerElement } from "./composer";
import type { ChatLogElement } from "./log";

export type Asked = "list" | "details" | "search" | "close-details";

export class ChatConversationElement extends PageElement {
  static override properties = { page: { attribute: false } };
  declare page: ChatPage;

  protected override follows(): readonly Changes[] {
    return [this.page.changed, this.page.list.changed];
  }

  /** Where a person goes on after the chat has opened. */
  focusStart(): void {
    const composer = this.querySelector<ChatComposerElement>("chat-composer");
    if (!composer?.focusField()) this.focusHeading();
  }

  /** Search in the chat, or close the search again. */
  async #search(): Promise<void> {
    const { page } = this;
    if (page.chatSearch) {
      page.closeSearch();
      return;
    }
    page.openSearch();
    await this.updateComplete;
    const search = this.querySelector<ChatSearchElement>("chat-search");
    await search?.updateComplete;
    search?.focusField();
  }

  focusHeading(): void {
    this.querySelector<HTMLElement>("h2.chat-name, .empty button")?.focus();
  }

  hideTimes(): boolean {
    return this.querySelector<ChatLogElement>("chat-log")?.hideTimes() ?? false;
  }

  protected override render(): TemplateResult {
    const { page } = this;
    const { list, route } = page;
    if (route.chat === null) {
      if (list.loaded && list.all.length === 0) return welcome(page, () => this.#ask("search"));
      if (!list.loaded) return html``;
      return empty(words.chat.none, words.chat.noneHelp, {
        label: words.list.none.allAction,
        act: () => this.#ask("search"),
      });
    }
    const chat = page.summary;
    if (!chat && list.loaded) {
      return empty(words.chat.missing, words.chat.missingHelp, {
        label: words.chat.showAll,
        act: () => this.#ask("list"),
      });
    }
    const { chatSearch } = page;
    return html`${this.#head(chat)}
    ${chatSearch ? html`<chat-search .page=${page} .search=${chatSearch}></chat-search>` : nothing} ${chat ? this.#banner(chat) : nothing} ${this.#body(chat)}`;
  }

  #head(chat: ChatSummary | undefined): TemplateResult {
    const { route } = this.page;
    return html`<header class="chat-head">
      ${iconButton({ label: words.back, icon: icons.back, act: () => this.#ask("list"), class: "narrow-only" })}
      ${chat ? chatAvatar(chat, "small") : html`<span class="avatar avatar-small"></span>`}
      <div class="chat-who">
        ${chat
          ? html`<h2 class="chat-name" tabindex="-1"><bdi>${chat.name}</bdi>${chat.verified ? verifiedMark() : nothing}</h2>`
          : html`<p class="chat-name">\u00a0</p>`}
        <p class="chat-safe">
          ${safety(chat?.open === true)}${chat?.group ? html`<span><bdi>${words.group.members(chat.group.members.length)}</bdi></span>` : nothing}
        </p>
      </div>
      ${chat?.open
        ? html`<button
            class="icon-button chat-find"
            type="button"
            aria-label=${words.chat.search}
            title=${words.chat.search}
            aria-expanded=${this.page.chatSearch ? "true" : "false"}
            @click=${() => void this.#search()}
          >
            ${icons.search}
          </button>`
        : nothing}
      <button
        class="icon-button chat-info"
        type="button"
        aria-label=${words.chat.details}
        title=${words.chat.details}
        aria-expanded=${route.details ? "true" : "false"}
        ?disabled=${!chat}
        @click=${() => this.#ask(route.details ? "close-details" : "details")}
      >
        ${icons.info}
      </button>
    </header>`;
  }

  #banner(chat: ChatSummary): TemplateResult | typeof nothing {
    const { groups } = this.page;
    const changed = changedMember(chat);
    if (chat.group) {
      return groupBanner(chat, {
        accept: () => void this.#decided(groups.accept(chat.id)),
        leave: () => void this.#decided(groups.leave(chat.id)),
        openChat: this.#chatWith(changed),
        writeOn: () => changed && void this.#decided(groups.acknowledge(changed.account)),
      });
    }
    return banner(chat, {
      accept: () => void this.#decide("accept"),
      block: () => void this.#decide("block"),
      unblock: () => void this.#decide("unblock"),
      compare: () => this.#ask("details"),
      writeOn: () => void this.#decide("acknowledge"),
    });
  }

  #body(chat: ChatSummary | undefined): TemplateResult {
    const { page } = this;
    const name = chat?.name ?? "";
    return html`
      <div class="log-frame">
        ${page.conversation
          ? html`<chat-log .page=${page} .conversation=${page.conversation} .name=${name} .isGroup=${chat?.kind === "group"} .isOpen=${chat?.open === true}></chat-log>`
          : nothing}
      </div>
      <chat-composer .page=${page} .name=${name}></chat-composer>
    `;
  }

  /** How to get to the private chat with a member; null: there is none yet. */
  #chatWith(member: GroupMember | null): (() => void) | null {
    const chat = this.page.list.all.find((one) => one.kind === "private" && one.account === member?.account);
    return chat ? () => this.dispatchEvent(new CustomEvent("open-chat", { detail: chat.id, bubbles: true })) : null;
  }

  #decide(what: "accept" | "block" | "unblock" | "acknowledge"): Promise<void> {
    return this.#decided(this.page.decide(what));
  }

  /** The button that was pressed goes away with its banner: the focus goes on to where one writes. */
  async #decided(done: Promise<boolean>): Promise<void> {
    if (!(await done)) return;
    await this.updateComplete;
    this.focusStart();
  }

  #ask(what: Asked): void {
    this.dispatchEvent(new CustomEvent<Asked>("ask", { detail: what, bubbles: true }));
  }
}

customElements.define("chat-conversation", ChatConversationElement);
