// The details of a chat: who it is, how to make sure of it, and how to be left alone.

import { html, nothing, type TemplateResult } from "lit";
import type { ChatSummary, SafetyNumber } from "../client/model";
import "./copy_button";
import { PageElement } from "./element";
import "./group_details";
import { icons } from "./icons";
import { chatAvatar, iconButton, safety, verifiedMark } from "./parts";
import { qrCode } from "./qr";
import type { Changes } from "./state/changes";
import type { ChatPage } from "./state/page";
import { words } from "./words";

const GROUP = 5; // digits

export class ChatDetailsElement extends PageElement {
  static override properties = { page: { attribute: false }, number: { state: true }, why: { state: true } };
  declare page: ChatPage;
  declare number: SafetyNumber | null;
  declare why: string;
  #asked = ""; // what the number shown was asked for

  constructor() {
    super();
    this.number = null;
    this.why = "";
  }

  protected override follows(): readonly Changes[] {
    return [this.page.changed, this.page.list.changed];
  }

  focusHeading(): void {
    this.querySelector<HTMLElement>("h2")?.focus();
  }

  protected override willUpdate(): void {
    super.willUpdate();
    const chat = this.page.summary;
    const asked = chat?.kind === "private" && !chat.open ? `${chat.account} ${String(chat.identityChanged)} ${String(chat.last === null)}` : "";
    if (asked === this.#asked) return;
    this.#asked = asked;
    this.number = null;
    this.why = "";
    if (chat && asked) void this.#load(chat.account, asked);
  }

  protected override render(): TemplateResult {
    const chat = this.page.summary;
    if (!chat) return html``;
    return html`
      <header class="details-head">
        <h2 tabindex="-1">${words.details.title}</h2>
        ${iconButton({ label: words.close, icon: icons.clear, act: () => this.#close() })}
      </header>
      ${chat.group ? html`<group-details class="details-body" .page=${this.page}></group-details>` : this.#person(chat)}
    `;
  }

  #person(chat: ChatSummary): TemplateResult {
    return html`
      <div class="details-body" tabindex="0" role="group" aria-label=${words.details.title}>
        <div class="details-person">
          ${chatAvatar(chat, "large")}
          <p class="details-name"><bdi>${chat.name}</bdi>${chat.verified ? verifiedMark() : nothing}</p>
        </div>
        <section aria-labelledby="details-encryption">
          <h3 id="details-encryption">${safety(chat.open)}</h3>
          <p>${chat.open ? words.details.openHelp(chat.name) : words.details.encryptionHelp(chat.name)}</p>
          ${chat.open ? html`<p>${words.details.openOther(chat.name)}</p>` : nothing}
        </section>
        ${chat.open
          ? nothing
          : html`<section aria-labelledby="details-safety">
              <h3 id="details-safety">${icons.verified}${words.details.safety}</h3>
              ${this.#safety(chat)}
            </section>`}
        ${this.#blocking(chat)}
      </div>
    `;
  }

  #safety(chat: ChatSummary): TemplateResult {
    if (this.why) return html`<p>${words.details.safetyNone(chat.name)}</p>`;
    const { number } = this;
    if (!number) return html`<p class="late">${words.details.safetyLoading}</p>`;
    const groups = Array.from({ length: number.digits.length / GROUP }, (_, at) =>
      number.digits.slice(at * GROUP, (at + 1) * GROUP),
    );
    return html`
      ${chat.identityChanged ? html`<p class="details-changed">${words.details.changed}</p>` : nothing}
      <p>${words.details.safetyHelp(chat.name)}</p>
      <p class="digits" dir="ltr" role="group" aria-label=${words.details.digits}>
        ${groups.map((group) => html`<span>${group}</span>`)}
      </p>
      ${qrCode(number.scannable, words.details.qr)}
      ${chat.verified
        ? html`<p class="details-verified" tabindex="-1">${icons.verified}${words.details.verified(chat.name)}</p>`
        : html`<button class="button" type="button" @click=${() => void this.#verify(chat, number)}>
            ${words.details.verify}
          </button>`}
      <copy-button .text=${groups.join(" ")} .label=${words.details.copyDigits}></copy-button>
    `;
  }

  #blocking(chat: ChatSummary): TemplateResult {
    if (chat.blocked) {
      return html`<section>
        <button
          class="button button-quiet details-block"
          type="button"
          @click=${() => void this.#decide("unblock")}
        >
          ${words.details.unblock(chat.name)}
        </button>
      </section>`;
    }
    return html`<section>
      <button class="button button-danger details-block" type="button" @click=${this.#sure}>
        ${words.details.block(chat.name)}
      </button>
      <dialog class="dialog sure" aria-labelledby="sure-title" @close=${this.#decided}>
        <form method="dialog">
          <h2 id="sure-title">${words.details.sureBlock(chat.name)}</h2>
          <p>${words.details.blockHelp}</p>
          <div class="actions">
            <button class="button button-quiet" value="">${words.details.cancel}</button>
            <button class="button button-danger" value="block">${words.banner.block}</button>
          </div>
        </form>
      </dialog>
    </section>`;
  }

  #sure(): void {
    const dialog = this.querySelector<HTMLDialogElement>(".sure");
    if (!dialog) return;
    dialog.returnValue = "";
    dialog.showModal();
  }

  #decided(event: Event): void {
    if ((event.currentTarget as HTMLDialogElement).returnValue === "block") void this.#decide("block");
  }

  /** The button that was pressed gives way to the one that takes it back. */
  async #decide(what: "block" | "unblock"): Promise<void> {
    if (await this.page.decide(what)) await this.#focus(".details-block");
  }

  async #verify(chat: ChatSummary, number: SafetyNumber): Promise<void> {
    await this.page.verify(chat.account, number);
    await this.#focus(".details-verified");
  }

  async #focus(selector: string): Promise<void> {
    await this.updateComplete;
    this.querySelector<HTMLElement>(selector)?.focus();
  }

  async #load(account: string, asked: string): Promise<void> {
    try {
      const number = await this.page.safetyNumber(account);
      if (this.#asked === asked) this.number = number;
    } catch (error) {
      if (this.#asked === asked) this.why = error instanceof Error ? error.message : "?";
    }
  }

  #close(): void {
    this.dispatchEvent(new CustomEvent("ask", { detail: "close-details", bubbles: true }));
  }
}

customElements.define("chat-details", ChatDetailsElement);
