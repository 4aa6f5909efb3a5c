// A button that copies a text, and says for a moment that it did. `says`: what stands on it, a part of its label.

import { html, LitElement, type TemplateResult } from "lit";
import { icons } from "./icons";
import { words } from "./words";

const SAID = 2_000; // ms

export class CopyButtonElement extends LitElement {
  static override properties = {
    text: { attribute: false },
    label: { attribute: false },
    says: { attribute: false },
    said: { state: true },
  };
  declare text: string;
  declare label: string;
  declare says: string;
  declare said: boolean;

  constructor() {
    super();
    this.text = "";
    this.label = words.copy;
    this.says = words.copy;
    this.said = false;
  }

  protected override createRenderRoot(): HTMLElement {
    return this;
  }

  protected override render(): TemplateResult {
    return html`<button class="button button-quiet copy" type="button" aria-label=${this.label} @click=${this.#copy}>
        ${icons.copy}<span>${this.said ? words.copied : this.says}</span></button
      ><span class="unseen" role="status">${this.said ? words.copied : ""}</span>`;
  }

  async #copy(): Promise<void> {
    try {
      await navigator.clipboard.writeText(this.text);
    } catch {
      return; // the text stands beside the button, to be selected by hand
    }
    this.said = true;
    setTimeout(() => (this.said = false), SAID);
  }
}

customElements.define("copy-button", CopyButtonElement);
