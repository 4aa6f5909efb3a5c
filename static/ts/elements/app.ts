// The chat page: three panes, the way between them, and the keys that work everywhere.

import { html, nothing, type PropertyValues, type TemplateResult } from "lit";
import { Badge } from "./badge";
import "./chat_list";
import type { ChatListElement, Place } from "./chat_list";
import "./connection_line";
import "./conversation";
import type { Asked, ChatConversationElement } from "./conversation";
import "./details";
import type { ChatDetailsElement } from "./details";
import "./devices_dialog";
import { narrow, PageElement, touch } from "./element";
import { FocusKeeper } from "./focus_keeper";
import "./history_line";
import "./group_dialog";
import "./jump_dialog";
import type { JumpDialogElement } from "./jump_dialog";
import { noticeList } from "./notice_list";
import "./shortcuts_dialog";
import type { ShortcutsDialogElement } from "./shortcuts_dialog";
import "./splitter";
import { startScreen, takesOver } from "./start_screen";
import type { Changes } from "./state/changes";
import type { ChatPage } from "./state/page";
import { devicesAskedFor, formatRoute, joinAskedFor, parseRoute, type Route } from "./state/route";
import { shortcutOf } from "./state/shortcuts";
import { words } from "./words";

/** What an entry of the history was reached from, to go back there instead of adding one more. */
interface Entry {
  readonly from: string;
}

export class MessengerAppElement extends PageElement {
  static override properties = { page: { attribute: false } };
  declare page: ChatPage;
  readonly #badge = new Badge();
  #phase = "";
  readonly #focus = new FocusKeeper(this, (from) => void this.#goOn(from));
  readonly #stop = new AbortController();

  protected override follows(): readonly Changes[] {
    return [this.page.changed, this.page.list.changed, this.page.notices.changed];
  }

  override connectedCallback(): void {
    super.connectedCallback();
    const { signal } = this.#stop;
    const attend = (): void => this.page.attend(document.visibilityState === "visible" && document.hasFocus());
    for (const type of ["focus", "blur", "pageshow"]) window.addEventListener(type, attend, { signal });
    document.addEventListener("visibilitychange", attend, { signal });
    window.addEventListener("pagehide", () => this.page.attend(false), { signal });
    window.addEventListener("beforeunload", (event) => this.#leave(event), { signal });
    window.addEventListener("popstate", () => this.#arrive(), { signal });
    document.addEventListener("keydown", (event) => this.#key(event), { signal });
    this.addEventListener("click", (event) => this.#clicked(event), { signal });
    this.addEventListener("open-chat", (event) => this.#openChat((event as CustomEvent<string>).detail), { signal });
    this.addEventListener("show-help", () => this.#help.open(), { signal });
    this.addEventListener("show-devices", () => this.page.devices.open("list"), { signal });
    this.addEventListener("show-line", (event) => this.#showLine((event as CustomEvent<Place>).detail), { signal });
    this.addEventListener("new-chat", () => this.page.groupDialog.open({ name: "chat" }), { signal });
    this.addEventListener("new-group", () => this.page.groupDialog.open({ name: "new" }), { signal });
    this.addEventListener("devices-closed", () => this.#afterDevices(), { signal });
    this.addEventListener("ask", (event) => this.#asked((event as CustomEvent<Asked>).detail), { signal });
    document.querySelector(".skip")?.addEventListener("click", (event) => this.#toContent(event), { signal });
    const said = document.querySelector(".server-says");
    said?.addEventListener("close", () => this.#toContent(), { signal });
    this.#focus.keep(signal);
    this.#arriveAt(location.pathname, location.hash);
    attend();
    void this.#begin();
    void this.page.start({ takeOver: takesOver() });
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.#stop.abort();
  }

  protected override render(): TemplateResult {
    const { page } = this;
    const { route, list } = page;
    const screen = startScreen(page);
    if (screen) return screen;
    const first = list.loaded && list.all.length === 0 && route.chat === null;
    const details = route.details && page.summary !== undefined;
    const looking = list.query.trim() === "";
    const pane = details ? "details" : route.chat !== null ? "chat" : first && looking ? "welcome" : "list";
    return html`
      <h1 class="unseen">${words.product}</h1>
      <connection-line .page=${page}></connection-line>
      <history-line .history=${page.history}></history-line>
      ${noticeList(page.notices)}
      <div class="panes" data-pane=${pane}>
        <chat-list class="pane pane-list" .page=${page}></chat-list>
        <pane-splitter></pane-splitter>
        <chat-conversation class="pane pane-chat" .page=${page}></chat-conversation>
        ${details
          ? html`<chat-details
              class="pane pane-details"
              role="complementary"
              aria-label=${words.details.title}
              .page=${page}
            ></chat-details>`
          : nothing}
      </div>
      <jump-dialog .page=${page}></jump-dialog>
      <shortcuts-dialog></shortcuts-dialog>
      <group-dialog .groups=${page.groupDialog}></group-dialog>
      <devices-dialog .devices=${page.devices} .history=${page.history}></devices-dialog>
    `;
  }

  protected override updated(changed: PropertyValues): void {
    super.updated(changed);
    const { page } = this;
    const name = page.summary?.name ?? null;
    document.title = words.pageTitle(name, page.list.unread);
    this.#badge.show(page.list.unread);
    if (page.phase.state !== this.#phase) {
      this.#phase = page.phase.state;
      this.querySelector<HTMLElement>("#start-title")?.focus();
    }
  }

  get #list(): ChatListElement | null {
    return this.querySelector<ChatListElement>("chat-list");
  }

  get #conversation(): ChatConversationElement | null {
    return this.querySelector<ChatConversationElement>("chat-conversation");
  }

  get #help(): Pick<ShortcutsDialogElement, "open"> {
    return this.querySelector<ShortcutsDialogElement>("shortcuts-dialog") ?? { open: () => undefined };
  }

  /** Go to another place, in a new entry of the history. */
  async #go(route: Route): Promise<void> {
    const entry: Entry = { from: formatRoute(this.page.route) };
    if (formatRoute(route) === entry.from) return;
    history.pushState(entry, "", formatRoute(route));
    this.page.go(route);
    await this.updateComplete;
  }

  /** Go back to a place: by the history when it was the last one, else onwards. */
  async #back(route: Route): Promise<void> {
    const entry = history.state as Entry | null;
    if (entry?.from === formatRoute(route)) history.back();
    else await this.#go(route);
  }

  #arrive(): void {
    const before = this.page.route;
    this.#arriveAt(location.pathname, location.hash);
    void this.updateComplete.then(() => this.#focusAfter(before));
  }

  /** An address of the devices, or of a link, shows a dialog over the chats, and is gone from the history then. */
  #arriveAt(path: string, hash: string): void {
    const route = parseRoute(path, hash);
    const devices = devicesAskedFor(hash);
    const code = joinAskedFor(hash);
    if (devices || code) history.replaceState(history.state, "", formatRoute(route));
    if (devices) this.page.devices.open(devices);
    if (code) this.page.groupDialog.open({ name: "join", code });
    this.page.go(route);
  }

  /** The browser's own Back and Forward take away what had the focus, or show another chat beside it. */
  async #focusAfter(before: Route): Promise<void> {
    const { route } = this.page;
    if (formatRoute(route) === formatRoute(before)) return;
    if (route.details) await this.#focusDetails();
    else if (before.details && before.chat === route.chat) this.#focusDetailsButton();
    else if (route.chat !== null) await this.#focusChat();
    else if (narrow()) this.#list?.focusRow();
  }

  #openChat(chat: string): void {
    void this.#go({ chat, details: false }).then(() => this.#focusChat());
  }

  #showLine({ chat, line, words: searched }: Place): void {
    void this.#go({ chat, details: false }).then(() => this.page.showLine(line, searched));
  }

  /** Where a person goes on in the chat: a finger does not want the keyboard on its screen yet. */
  async #focusChat(): Promise<void> {
    await this.#conversation?.updateComplete;
    if (touch()) this.#conversation?.focusHeading();
    else this.#conversation?.focusStart();
  }

  async #focusDetails(): Promise<void> {
    const details = this.querySelector<ChatDetailsElement>("chat-details");
    await details?.updateComplete;
    details?.focusHeading();
  }

  /** Opened at a chat: one can write at once. */
  async #begin(): Promise<void> {
    await this.updateComplete;
    const { chat, details } = this.page.route;
    if (chat !== null && !details && !touch() && document.activeElement === document.body) await this.#focusChat();
  }

  /** What had the focus has gone, and nothing else took it. */
  async #goOn(from: string): Promise<void> {
    await this.updateComplete;
    await this.#conversation?.updateComplete;
    const { route } = this.page;
    if (startScreen(this.page) || document.activeElement !== document.body) return;
    if (from === "details" && route.details) void this.#focusDetails();
    else if (from === "details") this.#focusDetailsButton();
    else if (from === "list" && !(narrow() && route.chat !== null)) this.#list?.focusRow();
    else this.#toContent();
  }

  /** Opened by their address, nothing had the focus before that could have it back. */
  #afterDevices(): void {
    const { activeElement } = document;
    if (activeElement === document.body || activeElement?.closest("devices-dialog")) this.#toContent();
  }

  /** Ask before a message is lost that is on its way into the store. */
  #leave(event: BeforeUnloadEvent): void {
    if (this.page.writing.storing > 0) event.preventDefault();
  }

  /** To the open chat, or to the chats. */
  #toContent(event?: Event): void {
    if (startScreen(this.page)) return;
    event?.preventDefault();
    if (this.page.route.chat !== null) void this.#focusChat();
    else this.#list?.focusRow();
  }

  #asked(what: Asked): void {
    const { chat } = this.page.route;
    if (what === "search") void this.#search();
    else if (what === "list") void this.#back({ chat: null, details: false }).then(() => this.#list?.focusRow());
    else if (what === "close-details") void this.#back({ chat, details: false }).then(() => this.#focusDetailsButton());
    else {
      void this.#go({ chat, details: true }).then(() => this.#focusDetails());
    }
  }

  async #search(): Promise<void> {
    if (narrow() && this.page.route.chat !== null) await this.#go({ chat: null, details: false });
    this.#list?.focusSearch();
  }

  #focusDetailsButton(): void {
    this.querySelector<HTMLElement>(".chat-info")?.focus();
  }

  #clicked(event: MouseEvent): void {
    if (event.defaultPrevented || event.button !== 0 || event.ctrlKey || event.metaKey || event.shiftKey) return;
    const row = event.target instanceof Element ? event.target.closest<HTMLElement>("a[data-chat]") : null;
    if (!row) return;
    event.preventDefault();
    this.#list?.clearSearch();
    this.#openChat(row.dataset["chat"] ?? "");
  }

  #key(event: KeyboardEvent): void {
    if (event.defaultPrevented || this.querySelector("dialog[open]")) return;
    const target = event.target instanceof HTMLElement ? event.target : null;
    const typing = target?.matches("input, textarea, [contenteditable]") ?? false;
    const shortcut = shortcutOf(event, typing);
    if (!shortcut || startScreen(this.page)) return;
    if (shortcut === "back") {
      if (this.#escape()) event.preventDefault();
      return;
    }
    event.preventDefault();
    if (shortcut === "jump") this.querySelector<JumpDialogElement>("jump-dialog")?.open();
    else if (shortcut === "help") this.#help.open();
    else if (shortcut === "search") void this.#search();
    else {
      const chat = this.page.list.neighbour(shortcut === "next" ? 1 : -1);
      if (chat) this.#openChat(chat.id);
    }
  }

  /** Close what is uppermost; false: there was nothing. */
  #escape(): boolean {
    const { route } = this.page;
    if (this.#conversation?.hideTimes()) return true;
    if (this.#list?.clearSearch()) return true;
    if (route.details) this.#asked("close-details");
    else if (route.chat !== null && narrow()) this.#asked("list");
    else return false;
    return true;
  }
}

customElements.define("messenger-app", MessengerAppElement);
