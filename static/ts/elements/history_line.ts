// How far earlier messages are on their way from one of the account's devices to another.

import { html, nothing, type TemplateResult } from "lit";
import { PageElement } from "./element";
import type { Changes } from "./state/changes";
import type { History } from "./state/history";
import { words } from "./words";

export class HistoryLineElement extends PageElement {
  static override properties = { history: { attribute: false } };
  declare history: History;

  protected override follows(): readonly Changes[] {
    return [this.history.changed];
  }

  protected override render(): TemplateResult {
    const { progress, complete } = this.history;
    return html`
      <div class="history" ?hidden=${!progress}>
        ${progress ? html`<p id="history-says">${words.history.says(progress, complete)}</p>` : nothing}
        ${progress && !complete
          ? html`<progress aria-labelledby="history-says" max=${progress.total} .value=${progress.done}></progress>`
          : nothing}
      </div>
      <p class="unseen" role="status">${this.#aloud()}</p>
    `;
  }

  /** Its beginning and its end: who hears the page does not want each step of it. */
  #aloud(): string {
    const { progress, complete } = this.history;
    return progress ? words.history.aloud(progress.direction, complete) : "";
  }
}

customElements.define("history-line", HistoryLineElement);
