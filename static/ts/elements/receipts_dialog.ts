// Whom a message of one's own in a group has reached, by member: opened at its state.

import { html, nothing, type TemplateResult } from "lit";
import type { Line } from "../client/model";
import { PageElement } from "./element";
import { icons } from "./icons";
import { avatar, iconButton, tick } from "./parts";
import type { Changes } from "./state/changes";
import type { ChatPage } from "./state/page";
import { receiptsOf, type Receipt } from "./state/receipts";
import { countsOfLine } from "./times_of_line";
import { times, words } from "./words";

const said = words.receipts;

export class ReceiptsDialogElement extends PageElement {
  static override properties = { page: { attribute: false }, line: { state: true } };
  declare page: ChatPage;
  declare line: string; // id; empty: none is shown

  constructor() {
    super();
    this.line = "";
  }

  protected override follows(): readonly Changes[] {
    const { conversation, list } = this.page;
    return conversation ? [conversation.changed, list.changed] : [list.changed];
  }

  async open(line: Line): Promise<void> {
    this.line = line.id;
    await this.updateComplete;
    const dialog = this.querySelector("dialog");
    if (dialog?.open === false) dialog.showModal();
    this.querySelector<HTMLElement>("#receipts-title")?.focus();
  }

  protected override render(): TemplateResult {
    const line = this.line === "" ? undefined : this.page.conversation?.line(this.line);
    return html`<dialog class="dialog receipts" aria-labelledby="receipts-title" @close=${() => (this.line = "")} @click=${this.#outside}>
      <header class="dialog-head">
        <h2 id="receipts-title" tabindex="-1">${said.title}</h2>
        ${iconButton({ label: words.close, icon: icons.clear, act: () => this.querySelector("dialog")?.close() })}
      </header>
      ${line ? this.#body(line) : nothing}
    </dialog>`;
  }

  #body(line: Line): TemplateResult {
    const receipts = receiptsOf(line, this.page.summary?.group?.members ?? [], this.page.options.account);
    const { read, delivered, expired, waiting } = receipts;
    return html`<div class="receipts-body">
      <p class="receipts-text" dir="auto">${line.text}</p>
      <dl class="receipts-counts">
        ${countsOfLine(line, receipts, Date.now()).map(({ what, when }) => html`<div><dt>${what}</dt><dd>${when}</dd></div>`)}
      </dl>
      ${part("read", said.read(read.length), read)} ${part("delivered", said.delivered(delivered.length), delivered)}
      ${part("expired", said.expired(expired.length), expired)}
      ${part("queued", said.waiting(waiting.length), waiting, said.waitingHelp)}
    </div>`;
  }

  #outside(event: MouseEvent): void {
    if (event.target instanceof HTMLDialogElement) event.target.close();
  }
}

function part(
  state: "read" | "delivered" | "expired" | "queued",
  title: string,
  receipts: readonly Receipt[],
  help = "",
): TemplateResult | typeof nothing {
  if (receipts.length === 0) return nothing;
  return html`<section aria-labelledby="receipts-${state}">
    <h3 id="receipts-${state}">${tick(state, "")}${title}</h3>
    ${help ? html`<p class="quiet">${help}</p>` : nothing}
    <ul class="roster">
      ${receipts.map(
        ({ account, name, at }) => html`<li class="member">
          ${avatar(account, name || "?", "tiny")}<bdi class="member-name">${name || said.gone}</bdi>
          ${at > 0
            ? html`<time class="member-role" datetime=${new Date(at).toISOString()}>${times.exact(at, Date.now())}</time>`
            : nothing}
        </li>`,
      )}
    </ul>
  </section>`;
}

customElements.define("receipts-dialog", ReceiptsDialogElement);
