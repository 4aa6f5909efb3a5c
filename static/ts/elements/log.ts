// The lines of the open chat: a window on its history that grows where one scrolls, and never jumps.

import { html, nothing, type PropertyValues, type TemplateResult } from "lit";
import { guard } from "lit/directives/guard.js";
import { repeat } from "lit/directives/repeat.js";
import type { Line } from "../client/model";
import { PageElement, touch } from "./element";
import { lineRow } from "./line";
import "./line_menu";
import type { LineMenuElement } from "./line_menu";
import { beginning, end, newest, typing } from "./log_parts";
import { LogView, type Anchor } from "./log_view";
import { MessageTimes } from "./message_times";
import { timesIn, type Told } from "./times_of_line";
import "./news";
import "./receipts_dialog";
import type { ReceiptsDialogElement } from "./receipts_dialog";
import { rove, roveByKey } from "./roving";
import type { Changes } from "./state/changes";
import { NOWHERE, type Conversation, type Target } from "./state/conversation";
import type { ChatPage } from "./state/page";
import { rowsOf, type Row } from "./state/rows";
import { times, words } from "./words";

const NEAR = 900; // px from an end at which more lines are fetched
const STOPS = ".state, .line-more"; // where the tabulator stops among the lines
const BOTTOM = 40; // px from the end that still count as its end

export class ChatLogElement extends PageElement {
  static override properties = {
    page: { attribute: false },
    conversation: { attribute: false },
    name: { attribute: false },
    isGroup: { attribute: false },
    isOpen: { attribute: false },
  };
  declare page: ChatPage;
  declare conversation: Conversation;
  declare name: string;
  declare isGroup: boolean;
  declare isOpen: boolean;
  #shown: readonly Line[] | null = null; // the lines that are in the page now
  #placed: Conversation | null = null; // the conversation that was scrolled to where it opens
  #found: Target | null = null; // the line that was scrolled to because it was searched for
  #anchor: Anchor | null = null;
  #frame = 0;
  #top = 0; // px scrolled, to be restored after the pane was hidden
  #hidden = false;
  #placing = false; // where the view stands means nothing yet
  readonly #whole = new Set<string>(); // ids of long lines that are shown to their end
  readonly #times = new MessageTimes(this, {
    find: (id) => this.conversation.line(id),
    tell: (line) => this.#told(line),
    open: (line) => this.#openReceipts(line),
  });
  readonly #view = new LogView(this);
  readonly #sizes = new ResizeObserver(() => this.#settle());

  protected override follows(): readonly Changes[] {
    return [this.conversation.changed, this.page.typists.changed];
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
      this.#view.log.scrollTop = this.#view.log.scrollHeight;
      const field = touch() ? null : this.closest("chat-conversation")?.querySelector<HTMLElement>("textarea");
      (field ?? this.#view.log).focus({ preventScroll: true });
    });
  }

  /** Take the times away; false: they were not there. */
  hideTimes(): boolean {
    return this.#times.hide();
  }

  protected override willUpdate(): void {
    super.willUpdate();
    const changes = this.#shown !== null && this.#shown !== this.conversation.lines;
    this.#anchor = changes && !this.conversation.following ? this.#view.topmost() : null;
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
        @click=${this.#clicked}
        @keydown=${(event: KeyboardEvent) => roveByKey(event, this, STOPS)}
      >
        <div class="log-lines">
          ${beginning(conversation, { name: this.name, isGroup: this.isGroup, isOpen: this.isOpen, again: () => this.#again() })}
          ${repeat(
            rows,
            (row) => row.key,
            (row) => this.#row(row),
          )}
          ${end(conversation, () => this.#again())}
          ${repeat(
            pending,
            (row) => row.key,
            (row) => this.#row(row),
          )}
          ${typing(this.page.typists.in(conversation.chat))}
        </div>
      </div>
      ${away ? newest(conversation.unseen, () => this.scrollToNewest()) : nothing}
      ${this.#hasReceipts ? html`<receipts-dialog .page=${this.page}></receipts-dialog>` : nothing}
      <line-menu .page=${this.page}></line-menu>
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
    this.#sizes.observe(this.#view.log);
    this.#sizes.observe(this.querySelector(".log-lines") ?? this.#view.log);
  }

  protected override updated(changed: PropertyValues): void {
    super.updated(changed);
    const { conversation } = this;
    this.#shown = conversation.lines;
    if (conversation.opened && this.#placed !== conversation) {
      this.#placed = conversation;
      this.#place(this.querySelector<HTMLElement>(".unread"));
    } else if (conversation.target !== null && conversation.target !== this.#found) {
      this.#showFound(conversation.target);
    } else if (this.#anchor?.element.isConnected) {
      this.#view.keep(this.#anchor);
    } else if (conversation.following) {
      this.#view.toBottom();
    }
    this.#found = conversation.target;
    this.#anchor = null;
    this.#times.check();
    rove(this, STOPS);
    this.#report();
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
    const found = this.conversation.target?.line === line.id ? this.conversation.target : null;
    return guard([line, first, last, meta, this.name, this.isGroup, whole, found], () =>
      lineRow(row, {
        name: line.sender || this.name,
        isGroup: this.isGroup,
        hasReceipts: this.#hasReceipts,
        own: this.page.options.account,
        found,
        whole,
        showWhole: (long) => this.#showWhole(long),
        resend: (failed) => this.page.writing.resend(failed),
        discard: (failed) => this.page.writing.discard(failed),
        askAgain: (unreadable) => this.page.writing.askAgain(unreadable),
      }),
    );
  }

  readonly #clicked = (event: MouseEvent): void => {
    const button = event.target instanceof Element ? event.target.closest<HTMLElement>(".line-more") : null;
    const line = button && this.conversation.line(button.dataset["for"] ?? "");
    if (button && line) void this.querySelector<LineMenuElement>("line-menu")?.open(button, line);
    else this.#times.clicked(event);
  };

  #told(line: Line): Told[] {
    const { isOpen, isGroup, page } = this;
    const members = page.summary?.group?.members ?? [];
    return timesIn(line, { isOpen, isGroup, members, own: page.options.account }, Date.now());
  }

  /** In a group, single devices are too many for a glance. In an open one they are not known. */
  get #hasReceipts(): boolean {
    return this.isGroup && !this.isOpen;
  }

  /** False: there is no more to be seen than the times. */
  #openReceipts(line: Line): boolean {
    const dialog = this.querySelector<ReceiptsDialogElement>("receipts-dialog");
    if (!this.#hasReceipts || !dialog) return false;
    void dialog.open(line);
    return true;
  }

  /** What follows moves down, and the view stays where it is. */
  #showWhole(line: Line): void {
    this.conversation.follow(false);
    this.#whole.add(line.id);
    this.requestUpdate();
    this.#view.log.focus({ preventScroll: true });
  }

  #again(): void {
    const { conversation, page } = this;
    if (conversation.opened) void conversation.again();
    else if (page.summary) void conversation.open(page.summary);
  }

  #showFound({ line }: Target): void {
    const element = this.querySelector<HTMLElement>(`[data-line="${CSS.escape(line)}"]`);
    if (!element) return;
    this.#place(element);
    element.focus({ preventScroll: true });
  }

  /** Where a chat opens: at what is new, else at its end. */
  #place(element: HTMLElement | null): void {
    this.#top = 0;
    if (!element) {
      this.#view.toBottom();
      return;
    }
    this.#view.show(element);
    // Once more after the first paint: what was never in view has a guessed height until then.
    this.#placing = true;
    const painted = (): void => {
      this.#placing = false;
      if (element.isConnected) this.#view.show(element);
      this.#report();
    };
    requestAnimationFrame(() => requestAnimationFrame(painted));
  }

  /** Something took another size: the lines that were painted, the window, the composer. */
  #settle(): void {
    const hidden = this.#view.log.clientHeight === 0;
    if (hidden && !this.#hidden) this.page.reading.see(false, NOWHERE);
    if (!hidden && this.#hidden) this.#view.log.scrollTop = this.#top;
    this.#hidden = hidden;
    if (this.conversation.following) this.#view.toBottom();
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
      const log = this.#view.log;
      if (log.clientHeight === 0 || this.#placing) return;
      // Only who scrolls up leaves the end: where it has moved away by itself, as under a new banner, it is followed.
      if (conversation.following && this.#view.below > BOTTOM && log.scrollTop >= this.#top) this.#view.toBottom();
      this.#top = log.scrollTop;
      const below = this.#view.below;
      page.reading.see(below <= BOTTOM, Math.min(this.#view.lowest(), conversation.last));
      if (this.#away() !== (this.querySelector(".newest") !== null)) this.requestUpdate();
      // What failed is not asked for again and again: somebody says so.
      const { failed, failedBelow } = conversation;
      if (log.scrollTop < NEAR && (!failed || failedBelow)) void conversation.older();
      else if (log.scrollTop >= NEAR && below < NEAR && !failedBelow) void conversation.newer();
    });
  }

  #away(): boolean {
    const { log, below } = this.#view;
    if (log === this || !this.conversation.opened) return false;
    return !this.conversation.atEnd || below > log.clientHeight / 2;
  }
}

customElements.define("chat-log", ChatLogElement);
