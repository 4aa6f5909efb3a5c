// This browser is none of the account's devices yet: the code for one that is, and the last way out.

import { html, type PropertyValues, type TemplateResult } from "lit";
import "./copy_button";
import { PageElement } from "./element";
import { icons, mark } from "./icons";
import { qrCode } from "./qr";
import type { Changes } from "./state/changes";
import { inGroups } from "./state/devices";
import type { ChatPage } from "./state/page";
import { words } from "./words";

const SIGN_OUT = "/accounts/logout/";

export class LinkScreenElement extends PageElement {
  static override properties = {
    page: { attribute: false },
    reset: { attribute: false },
    anew: { state: true },
  };
  declare page: ChatPage;
  declare reset: boolean; // this browser was one of the devices, of an identity that is no more
  declare anew: boolean; // the last way out is shown
  #shown = "";

  constructor() {
    super();
    this.anew = false;
  }

  protected override follows(): readonly Changes[] {
    return [this.page.linking.changed];
  }

  protected override render(): TemplateResult {
    return html`<section class="start linking" aria-labelledby="start-title">
      ${this.anew ? this.#anew() : this.#linking()}
    </section>`;
  }

  /** Another screen is read out from its title. */
  protected override updated(changed: PropertyValues): void {
    super.updated(changed);
    const { step } = this.page.linking;
    const shown = this.anew ? "anew" : step === "waiting" ? "making" : step;
    if (shown !== this.#shown) this.querySelector<HTMLElement>("#start-title")?.focus();
    this.#shown = shown;
  }

  #linking(): TemplateResult {
    const { step, why } = this.page.linking;
    const said = words.linking;
    if (step === "failed") {
      return html`${mark}
        <h1 id="start-title" tabindex="-1">${said.failed}</h1>
        <p role="alert">${why}</p>
        <button class="button" type="button" @click=${() => void this.page.linking.begin()}>${said.again}</button>
        ${this.#others()}`;
    }
    if (step === "approved") {
      return html`${mark}
        <h1 id="start-title" tabindex="-1">${said.approved}</h1>
        <p role="status" class="linking-wait">${said.approvedText}</p>`;
    }
    return html`${mark}
      <h1 id="start-title" tabindex="-1">${said.title}</h1>
      <p>${this.reset ? said.reset : said.text}</p>
      ${this.#code()} ${this.#others()}`;
  }

  #code(): TemplateResult {
    const { code } = this.page.linking;
    const said = words.linking;
    if (code === "") return html`<p class="late" role="status">${said.making}</p>`;
    return html`<div class="linking-code">
      ${qrCode(code, said.qr)}
      <div class="linking-how">
        <ol>
          ${said.steps.map((step) => html`<li>${step}</li>`)}
        </ol>
        <copy-button .text=${inGroups(code).join(" ")} .label=${said.copy} .says=${said.copy}></copy-button>
        <details>
          <summary>${said.asText}</summary>
          <p class="code-groups" dir="ltr" role="group" aria-label=${said.codeLabel}>
            ${inGroups(code).map((group) => html`<span>${group}</span> `)}
          </p>
        </details>
        <p class="linking-wait" role="status">${said.waiting}</p>
      </div>
    </div>`;
  }

  #others(): TemplateResult {
    return html`<div class="linking-others">
      <button class="link-button" type="button" @click=${() => (this.anew = true)}>${words.linking.noOther}</button>
      <a href=${SIGN_OUT}>${words.linking.signOut}</a>
    </div>`;
  }

  #anew(): TemplateResult {
    const said = words.anew;
    return html`${icons.warning}
      <h1 id="start-title" tabindex="-1">${said.title}</h1>
      <p>${said.text}</p>
      <ul class="meanings">
        ${said.means.map((one) => html`<li>${one}</li>`)}
      </ul>
      <form @submit=${this.#submit}>
        <div class="choice">
          <input id="anew-sure" type="checkbox" required />
          <label for="anew-sure">${said.sure}</label>
        </div>
        <div class="actions">
          <button class="button button-quiet" type="button" @click=${() => (this.anew = false)}>${said.back}</button>
          <button class="button button-danger" type="submit">${said.action}</button>
        </div>
      </form>`;
  }

  #submit(event: SubmitEvent): void {
    event.preventDefault();
    void this.page.resetIdentity();
  }
}

customElements.define("link-screen", LinkScreenElement);
