// Where one writes. Never waits for anything: what was sent is on the screen before the next key.

import { html, nothing, type PropertyValues, type TemplateResult } from "lit";
import { live } from "lit/directives/live.js";
import type { ChatSummary } from "../client/model";
import { PageElement } from "./element";
import { icons } from "./icons";
import type { Changes } from "./state/changes";
import { awaitsWord, closedWhy } from "./state/group";
import type { ChatPage } from "./state/page";
import { sends } from "./state/shortcuts";
import { room } from "./state/size";
import { words } from "./words";

const WARN = 1_000; // characters left from which they are counted

export class ChatComposerElement extends PageElement {
  static override properties = { page: { attribute: false }, name: { attribute: false } };
  declare page: ChatPage;
  declare name: string;
  #chat: string | null = null; // whose text stands here
  #text = "";
  #restored = false;
  readonly #changes: (() => void)[] = [];

  protected override follows(): readonly Changes[] {
    return [this.page.changed, this.page.list.changed];
  }

  override connectedCallback(): void {
    super.connectedCallback();
    const restore = (): void => {
      this.#restored = true;
      this.requestUpdate();
    };
    this.#changes.push(this.page.drafts.changed.on(restore));
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    for (const stop of this.#changes.splice(0)) stop();
  }

  /** Put the cursor into the field; false: there is none. */
  focusField(): boolean {
    const field = this.#field;
    field?.focus();
    return field !== null;
  }

  /** Another chat has another draft; one that the store tells counts until somebody types here. */
  protected override willUpdate(): void {
    super.willUpdate();
    const { drafts, route, summary } = this.page;
    if (route.chat === null) return;
    if (this.#chat === route.chat && !this.#restored && drafts.has(route.chat)) return;
    this.#chat = route.chat;
    this.#restored = false;
    this.#text = drafts.text(route.chat, summary?.draft ?? "");
  }

  protected override render(): TemplateResult {
    const chat = this.page.summary;
    if (chat?.blocked) return note(words.composer.blocked(this.name));
    const closed = chat ? closedWhy(chat) : null;
    if (closed) return note(words.group.closed(closed));
    if (chat?.request) return note(words.composer.request(this.name));
    const waits = chat !== undefined && awaitsWord(chat);
    const left = room(this.#text);
    return html`
      ${waits
        ? html`<p class="composer-note" id="composer-why">
            ${chat.group ? words.group.changed : words.composer.changed}
          </p>`
        : nothing}
      ${left <= WARN
        ? html`<p class="composer-note" role="status">
            ${left >= 0 ? words.composer.left(left) : words.composer.tooLong(-left)}
          </p>`
        : nothing}
      <form class="composer" @submit=${this.#submit}>
        <textarea
          rows="1"
          dir="auto"
          name="message"
          autocomplete="off"
          enterkeyhint="send"
          aria-label=${words.composer.label(this.name)}
          aria-describedby=${waits ? "composer-why composer-hint" : "composer-hint"}
          placeholder=${words.composer.placeholder}
          .value=${live(this.#text)}
          @input=${this.#typed}
          @keydown=${this.#key}
        ></textarea>
        <button
          class="send"
          type="submit"
          aria-label=${words.composer.send}
          title=${words.composer.send}
          aria-disabled=${this.#sendable(chat) ? "false" : "true"}
        >
          ${icons.send}
        </button>
        <span class="unseen" id="composer-hint">${words.composer.hint}</span>
      </form>
    `;
  }

  protected override updated(changed: PropertyValues): void {
    super.updated(changed);
    const field = this.#field;
    if (!field || CSS.supports("field-sizing", "content")) return;
    field.style.height = "auto";
    field.style.height = `${field.scrollHeight + field.offsetHeight - field.clientHeight}px`;
  }

  get #field(): HTMLTextAreaElement | null {
    return this.querySelector("textarea");
  }

  #sendable(chat: ChatSummary | undefined): boolean {
    return this.#text.trim() !== "" && room(this.#text) >= 0 && !(chat && awaitsWord(chat));
  }

  #typed(event: Event): void {
    this.#text = (event.currentTarget as HTMLTextAreaElement).value;
    this.page.typed(this.#text);
    this.requestUpdate();
  }

  #key(event: KeyboardEvent): void {
    if (!sends(event)) return;
    event.preventDefault();
    this.#send();
  }

  #submit(event: SubmitEvent): void {
    event.preventDefault();
    this.#send();
    this.focusField();
  }

  #send(): void {
    if (!this.#sendable(this.page.summary)) return;
    const text = this.#text.trim();
    this.#text = "";
    this.requestUpdate();
    void this.page.send(text);
  }
}

function note(text: string): TemplateResult {
  return html`<p class="composer-note composer-closed">${text}</p>`;
}

customElements.define("chat-composer", ChatComposerElement);
