// The lines of the open chat: a window on its history that grows where one scrolls, and never jumps.

import { html, nothing, type PropertyValues, type TemplateResult } from "lit";
import { guard } from "lit/directives/guard.js";
import { repeat } from "lit/directives/repeat.js";
import type { Line } from "../client/model";
import { PageElement, touch } from "./element";
import { icons } from "./icons";
import { lineRow } from "./line";
import { MessageTimes } from "./message_times";
import "./news";
import type { Changes } from "./state/changes";
import type { Conversation } from "./state/conversation";
import { firstWhere } from "./state/first_where";
import type { ChatPage } from "./state/page";
import { rowsOf, type Row } from "./state/rows";
import { times, words } from "./words";

const NEAR = 900; // px from an end at which more lines are fetched
const BOTTOM = 40; // px from the end that still count as its end

interface Anchor {
  readonly element: HTMLElement;
  readonly top: number;
}

export class ChatLogElement extends PageElement {
  static override properties = {
    page: { attribute: false },
    conversation: { attribute: false },
    name: { attribute: false },
    isGroup: { attribute: false },
  };
  declare page: ChatPage;
  declare conversation: Conversation;
  declare name: string;
  declare isGroup: boolean;
  #shown: readonly Line[] | null = null; // the lines that are in the page now
  #placed: Conversation | null = null; // the conversation that was scrolled to where it opens
  #anchor: Anchor | null = null;
  #frame = 0;
  #top = 0; // px scrolled, to be restored after the pane was hidden
  #hidden = false;
  #placing = false; // where the view stands means nothing yet
  readonly #whole = new Set<string>(); // ids of long lines that are shown to their end
  readonly #times = new MessageTimes(this, (id) => this.#line(id));
  readonly #sizes = new ResizeObserver(() => this.#settle());

  protected override follows(): readonly Changes[] {
    return [this.conversation.changed];
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.#sizes.disconnect();
    cancelAnimationFrame(this.#frame);
  }

  /** The button that does it goes away: one goes on where one writes, or, without a keyboard, where one reads. */
  scrollToNewest(): void {
    void this.conversation.newest().then(async () => {
      await this.updateComplete;
      this.#log.scrollTop = this.#log.scrollHeight;
      const field = touch() ? null : this.closest("chat-conversation")?.querySelector<HTMLElement>("textarea");
      (field ?? this.#log).focus({ preventScroll: true });
    });
  }

  /** Take the times away; false: they were not there. */
  hideTimes(): boolean {
    return this.#times.hide();
  }

  protected override willUpdate(): void {
    super.willUpdate();
    const changes = this.#shown !== null && this.#shown !== this.conversation.lines;
    this.#anchor = changes && !this.conversation.following ? this.#topmost() : null;
  }

  protected override render(): TemplateResult {
    const { conversation } = this;
    const rows = rowsOf(conversation.lines, conversation.unreadFrom);
    const pending = rowsOf(conversation.pending, 0).filter((row) => row.kind === "line");
    const away = !conversation.following && (conversation.unseen > 0 || this.#away());
    return html`
      <div
        class="log"
        role="log"
        aria-live="off"
        aria-busy=${conversation.loading ? "true" : "false"}
        aria-label=${words.chat.log(this.name)}
        tabindex="0"
        @scroll=${this.#scrolled}
        @pointerover=${this.#times.over}
        @pointerout=${this.#times.out}
        @focusin=${this.#times.focused}
        @focusout=${() => this.#times.hide()}
        @click=${this.#times.clicked}
        @keydown=${this.#key}
      >
        <div class="log-lines">
          ${this.#beginning()}
          ${repeat(
            rows,
            (row) => row.key,
            (row) => this.#row(row),
          )}
          ${repeat(
            pending,
            (row) => row.key,
            (row) => this.#row(row),
          )}
          ${conversation.typing ? typing(this.name) : nothing}
        </div>
      </div>
      ${away
        ? html`<button
            class="newest"
            type="button"
            aria-label=${conversation.unseen > 0 ? words.chat.newestCount(conversation.unseen) : words.chat.newest}
            @click=${() => this.scrollToNewest()}
          >
            ${icons.down}${conversation.unseen > 0
              ? html`<span class="count" aria-hidden="true">${times.number(conversation.unseen)}</span>`
              : nothing}
          </button>`
        : nothing}
      <chat-news .conversation=${conversation} .name=${this.name}></chat-news>
      <div
        class="times"
        id="message-times"
        role="tooltip"
        popover="manual"
        @pointerenter=${() => this.#times.keep()}
        @pointerleave=${() => this.#times.hide()}
      ></div>
    `;
  }

  protected override firstUpdated(changed: PropertyValues): void {
    super.firstUpdated(changed);
    this.#sizes.observe(this.#log);
    this.#sizes.observe(this.querySelector(".log-lines") ?? this.#log);
  }

  protected override updated(changed: PropertyValues): void {
    super.updated(changed);
    const { conversation } = this;
    this.#shown = conversation.lines;
    if (conversation.opened && this.#placed !== conversation) {
      this.#placed = conversation;
      this.#place();
    } else if (this.#anchor?.element.isConnected) {
      const moved = this.#anchor.element.getBoundingClientRect().top - this.#anchor.top;
      if (Math.abs(moved) > 1) this.#log.scrollTop += moved;
    } else if (conversation.following) {
      this.#toBottom();
    }
    this.#anchor = null;
    this.#times.check();
    this.#rove();
    this.#report();
  }

  get #log(): HTMLElement {
    return this.querySelector<HTMLElement>(".log") ?? this;
  }

  #row(row: Row): unknown {
    if (row.kind === "day") {
      return html`<div class="divider day" role="separator"><span>${times.day(row.at, Date.now())}</span></div>`;
    }
    if (row.kind === "unread") {
      return html`<div class="divider unread" role="separator"><span>${words.chat.unread}</span></div>`;
    }
    const { line, first, last, meta } = row;
    const whole = this.#whole.has(line.id);
    return guard([line, first, last, meta, this.name, this.isGroup, whole], () =>
      lineRow(row, {
        name: line.sender || this.name,
        isGroup: this.isGroup,
        whole,
        showWhole: (long) => this.#showWhole(long),
        resend: (failed) => this.page.resend(failed),
        discard: (failed) => this.page.discard(failed),
        askAgain: (unreadable) => this.page.askAgain(unreadable),
      }),
    );
  }

  #beginning(): TemplateResult | typeof nothing {
    const { conversation } = this;
    if (conversation.failed) {
      return html`<div class="log-top" role="alert">
        <p>${words.chat.failed} ${conversation.failed}</p>
        <button class="button button-quiet" type="button" @click=${() => this.#again()}>${words.tryAgain}</button>
      </div>`;
    }
    if (!conversation.opened) return html`<p class="log-top late">${words.chat.loading}</p>`;
    if (!conversation.atStart) {
      const loading = conversation.loading === "older";
      return html`<p class="log-top">${loading ? words.chat.loadingOlder : nothing}</p>`;
    }
    const said = this.isGroup ? words.group : words.chat;
    return html`<div class="log-top">
      ${icons.lock}
      <p><strong>${said.beginning(this.name)}</strong> ${said.beginningHelp}</p>
    </div>`;
  }

  /** What follows moves down, and the view stays where it is. */
  #showWhole(line: Line): void {
    this.conversation.follow(false);
    this.#whole.add(line.id);
    this.requestUpdate();
    this.#log.focus({ preventScroll: true });
  }

  #again(): void {
    const { conversation, page } = this;
    if (conversation.opened) void conversation.older();
    else if (page.summary) void conversation.open(page.summary);
  }

  /** Where a chat opens: at what is new, else at its end. */
  #place(): void {
    this.#top = 0;
    const divider = this.querySelector<HTMLElement>(".unread");
    if (!divider) {
      this.#toBottom();
      return;
    }
    const log = this.#log;
    const place = (): void => void (log.scrollTop = divider.offsetTop - log.clientHeight / 4);
    place();
    // Once more after the first paint: what was never in view has a guessed height until then.
    this.#placing = true;
    const painted = (): void => {
      this.#placing = false;
      if (divider.isConnected) place();
      this.#report();
    };
    requestAnimationFrame(() => requestAnimationFrame(painted));
  }

  /** px of the log that are below the view. */
  get #below(): number {
    const log = this.#log;
    return log.scrollHeight - log.scrollTop - log.clientHeight;
  }

  #toBottom(): void {
    const log = this.#log;
    const bottom = log.scrollHeight - log.clientHeight;
    if (log.scrollTop < bottom) log.scrollTop = bottom;
  }

  /** Something took another size: the lines that were painted, the window, the composer. */
  #settle(): void {
    const hidden = this.#log.clientHeight === 0;
    if (hidden && !this.#hidden) this.page.see(false, 0);
    if (!hidden && this.#hidden) this.#log.scrollTop = this.#top;
    this.#hidden = hidden;
    if (this.conversation.following) this.#toBottom();
    this.#report();
  }

  #scrolled(): void {
    this.#times.hide();
    this.#report();
  }

  /** Once a frame: where the view stands, and whether more lines are needed. */
  #report(): void {
    cancelAnimationFrame(this.#frame);
    this.#frame = requestAnimationFrame(() => {
      const { conversation, page } = this;
      if (!conversation.opened || !this.isConnected || page.conversation !== conversation) return;
      const log = this.#log;
      if (log.clientHeight === 0 || this.#placing) return;
      // Only who scrolls up leaves the end: where it has moved away by itself, as under a new banner, it is followed.
      if (conversation.following && this.#below > BOTTOM && log.scrollTop >= this.#top) this.#toBottom();
      this.#top = log.scrollTop;
      const below = this.#below;
      page.see(below <= BOTTOM, this.#lowest());
      if (this.#away() !== (this.querySelector(".newest") !== null)) this.requestUpdate();
      if (log.scrollTop < NEAR && !conversation.failed) void conversation.older();
      else if (below < NEAR) void conversation.newer();
    });
  }

  #away(): boolean {
    const log = this.#log;
    if (log === this || !this.conversation.opened) return false;
    return !this.conversation.atEnd || this.#below > log.clientHeight / 2;
  }

  get #lines(): HTMLElement[] {
    return [...this.querySelectorAll<HTMLElement>(".line")];
  }

  #topmost(): Anchor | null {
    const edge = this.#log.getBoundingClientRect().top;
    const lines = this.#lines;
    const element = lines[firstWhere(lines, (line) => line.getBoundingClientRect().bottom > edge)];
    return element ? { element, top: element.getBoundingClientRect().top } : null;
  }

  /** Position of the lowest stored line in view. */
  #lowest(): number {
    const edge = this.#log.getBoundingClientRect().bottom;
    const lines = this.#lines;
    const below = firstWhere(lines, (line) => line.getBoundingClientRect().bottom > edge + 8);
    const position = Number(lines[below - 1]?.dataset["position"] ?? 0);
    return Math.min(position, this.conversation.last);
  }

  /** One stop for the tabulator among the states: the newest; the arrows go to the others. */
  #rove(): void {
    const states = [...this.querySelectorAll<HTMLElement>(".state")];
    const newest = states[states.length - 1];
    for (const state of states) state.tabIndex = state === newest ? 0 : -1;
  }

  #key(event: KeyboardEvent): void {
    const states = [...this.querySelectorAll<HTMLElement>(".state")];
    const at = states.indexOf(event.target as HTMLElement);
    const step = { ArrowUp: -1, ArrowDown: 1 }[event.key];
    if (at < 0 || step === undefined || event.altKey) return;
    event.preventDefault();
    states[at + step]?.focus();
  }

  #line(id: string): Line | undefined {
    const { lines, pending } = this.conversation;
    return [...lines, ...pending].find((line) => line.id === id);
  }
}

function typing(name: string): TemplateResult {
  return html`<div class="typing">
    <span class="typing-dots" aria-hidden="true"><i></i><i></i><i></i></span
    ><span class="unseen">${words.chat.typing(name)}</span>
  </div>`;
}

customElements.define("chat-log", ChatLogElement);
