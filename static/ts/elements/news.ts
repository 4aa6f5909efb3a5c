// What is read aloud of the open chat. Its log is not live: history and ticks would be read out as well.

import { html, nothing, type TemplateResult } from "lit";
import { keyed } from "lit/directives/keyed.js";
import type { Line } from "../client/model";
import { PageElement } from "./element";
import type { Changes } from "./state/changes";
import type { Conversation } from "./state/conversation";
import { preview, words } from "./words";

const READ_OUT = 300; // characters of a line

export class ChatNewsElement extends PageElement {
  static override properties = { conversation: { attribute: false }, name: { attribute: false } };
  declare conversation: Conversation;
  declare name: string;

  protected override follows(): readonly Changes[] {
    return [this.conversation.news.changed];
  }

  protected override render(): TemplateResult {
    return html`<div class="unseen" aria-live="polite">${this.#latest()}</div>`;
  }

  #latest(): unknown {
    const { latest } = this.conversation.news;
    if (!latest) return nothing;
    const said = latest.lines.map((line) => this.#words(line));
    if (said.length === 0) said.push(words.chat.newCount(latest.count, this.name));
    return keyed(latest.id, said.map((text) => html`<p>${text}</p>`));
  }

  #words(line: Line): string {
    if (line.outgoing) return words.line.failed(line.cause);
    const who = line.sender || this.name;
    const text = preview(line, who).slice(0, READ_OUT);
    return line.kind === "text" ? words.chat.said(who, text) : text;
  }
}

customElements.define("chat-news", ChatNewsElement);
