// The line at the top: not connected, and what happens next.

import { html, nothing, type TemplateResult } from "lit";
import { PageElement } from "./element";
import { icons } from "./icons";
import type { Changes } from "./state/changes";
import type { ChatPage } from "./state/page";
import { words } from "./words";

export class ConnectionLineElement extends PageElement {
  static override properties = { page: { attribute: false } };
  declare page: ChatPage;

  protected override follows(): readonly Changes[] {
    return [this.page.connection.changed, this.page.changed];
  }

  protected override render(): TemplateResult {
    const { connection, phase } = this.page;
    const shown = phase.state === "ready" ? connection.shown : "nothing";
    const trouble = shown === "offline" || shown === "waiting";
    return html`<div class="connection" data-shown=${shown}>
      <p role="status">${trouble ? icons.offline : nothing}${shown === "nothing" ? "" : words.connection[shown]}</p>
      ${shown === "waiting"
        ? html`<span class="connection-count" aria-hidden="true">${words.connection.again(connection.seconds)}</span>`
        : nothing}
      ${trouble
        ? html`<button class="link-button" type="button" @click=${() => this.page.reconnect()}>
            ${words.connection.now}
          </button>`
        : nothing}
    </div>`;
  }
}

customElements.define("connection-line", ConnectionLineElement);
