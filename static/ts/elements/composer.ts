// Where one writes. Never waits for anything: what was sent is on the screen before the next key.

import { html, nothing, type PropertyValues, type TemplateResult } from "lit";
import { live } from "lit/directives/live.js";
import type { ChatSummary } from "../client/model";
import { PageElement } from "./element";
import { icons } from "./icons";
import { activeMention, mentionList, placeMentions } from "./mention_list";
import { iconButton } from "./parts";
import type { Changes } from "./state/changes";
import { Completion } from "./state/completion";
import { awaitsWord, closedWhy } from "./state/group";
import { completed } from "./state/mentions";
import type { ChatPage } from "./state/page";
import { sends } from "./state/shortcuts";
import { room } from "./state/size";
import { words } from "./words";

const WARN = 1_000; // characters left from which they are counted

export class ChatComposerElement extends PageElement {
  static override properties = { page: { attribute: false }, name: { attribute: false } };
  declare page: ChatPage;
  declare name: string;
  #shown = ""; // the chat, and the message that is edited, whose text stands here
  #text = "";
  #restored = false;
  readonly #completion = new Completion();
  readonly #changes: (() => void)[] = [];

  protected override follows(): readonly Changes[] {
    return [this.page.changed, this.page.list.changed, this.page.writing.changed];
  }

  override connectedCallback(): void {
    super.connectedCallback();
    const restore = (): void => {
      this.#restored = true;
      this.requestUpdate();
    };
    this.#changes.push(this.page.writing.drafts.changed.on(restore));
    this.#changes.push(this.page.writing.changed.on(() => void this.updateComplete.then(() => this.focusField())));
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
    const { route, summary, writing } = this.page;
    if (route.chat === null) return;
    const { drafts, editing } = writing;
    const shown = `${route.chat} ${editing?.line.id ?? ""}`;
    const isOther = shown !== this.#shown;
    if (!isOther && (editing || (!this.#restored && drafts.has(route.chat)))) return;
    this.#shown = shown;
    this.#restored = false;
    this.#text = editing ? editing.text : drafts.text(route.chat, summary?.draft ?? "");
    if (isOther) this.#completion.close();
  }

  protected override render(): TemplateResult {
    const chat = this.page.summary;
    if (chat?.blocked) return note(words.composer.blocked(this.name));
    const closed = chat ? closedWhy(chat) : null;
    if (chat && closed) return note(words.group.closed(closed, chat.open));
    if (chat?.request) return note(words.composer.request(this.name));
    const waits = chat !== undefined && awaitsWord(chat);
    const left = room(this.#text);
    const { editing } = this.page.writing;
    const said = chat?.open ? words.composer.open : words.composer;
    const action = editing ? words.composer.save : words.composer.send;
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
      ${editing ? this.#editing() : nothing}
      <form class="composer" @submit=${this.#submit}>
        <textarea
          rows="1"
          dir="auto"
          name="message"
          autocomplete="off"
          enterkeyhint="send"
          aria-label=${editing ? words.composer.editing : said.label(this.name)}
          aria-describedby=${waits ? "composer-why composer-hint" : "composer-hint"}
          aria-autocomplete=${chat?.group ? "list" : nothing}
          aria-controls=${chat?.group ? "mention-list" : nothing}
          aria-activedescendant=${activeMention(this.#completion)}
          placeholder=${said.placeholder}
          .value=${live(this.#text)}
          @input=${this.#typed}
          @keydown=${this.#key}
          @keyup=${this.#moved}
          @click=${this.#moved}
          @blur=${() => this.#close()}
        ></textarea>
        <button
          class="send"
          type="submit"
          aria-label=${action}
          title=${action}
          aria-disabled=${this.#sendable(chat) ? "false" : "true"}
        >
          ${icons.send}
        </button>
        <span class="unseen" id="composer-hint">${words.composer.hint}</span>
        ${chat?.group ? mentionList(this.#completion, (at) => this.#take(at)) : nothing}
      </form>
    `;
  }

  protected override updated(changed: PropertyValues): void {
    super.updated(changed);
    placeMentions(this, this.#completion);
    const field = this.#field;
    if (!field || CSS.supports("field-sizing", "content")) return;
    field.style.height = "auto";
    field.style.height = `${field.scrollHeight + field.offsetHeight - field.clientHeight}px`;
  }

  #editing(): TemplateResult {
    return html`<div class="composer-editing">
      ${icons.write}
      <p>${words.composer.editing}</p>
      ${iconButton({ label: words.composer.stopEditing, icon: icons.clear, act: () => this.page.writing.stopEditing(), class: "small" })}
    </div>`;
  }

  get #field(): HTMLTextAreaElement | null {
    return this.querySelector("textarea");
  }

  #sendable(chat: ChatSummary | undefined): boolean {
    return this.#text.trim() !== "" && room(this.#text) >= 0 && !(chat && awaitsWord(chat));
  }

  #typed(event: Event): void {
    this.#write((event.currentTarget as HTMLTextAreaElement).value);
    this.#moved();
  }

  #write(text: string): void {
    this.#text = text;
    this.page.writing.typed(text);
    this.requestUpdate();
  }

  /** Where one writes may stand behind an @ now. */
  #moved(): void {
    const field = this.#field;
    if (!field || field.selectionStart !== field.selectionEnd) return;
    this.#completion.take(field.value, field.selectionStart, this.page.writing.people);
    this.requestUpdate();
  }

  #close(): void {
    this.#completion.close();
    this.requestUpdate();
  }

  #key(event: KeyboardEvent): void {
    const isDone = this.#completionKey(event) || this.#editingKey(event);
    if (!isDone && !sends(event)) return;
    event.preventDefault();
    if (!isDone) this.#send();
  }

  /** The keys of the list of members, while it is open. */
  #completionKey(event: KeyboardEvent): boolean {
    const completion = this.#completion;
    if (!completion.started || event.isComposing) return false;
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step !== undefined) completion.move(step);
    else if ((event.key === "Enter" || event.key === "Tab") && !event.shiftKey) this.#take(completion.at);
    else if (event.key !== "Escape" || !completion.refuse()) return false;
    this.requestUpdate();
    return true;
  }

  #editingKey({ key, altKey, isComposing }: KeyboardEvent): boolean {
    const { writing } = this.page;
    if (isComposing) return false;
    if (key === "ArrowUp" && !altKey && this.#text === "" && !writing.editing) return writing.editLast();
    if (key !== "Escape" || !writing.editing) return false;
    writing.stopEditing();
    return true;
  }

  /** Put the name of a member where it was begun. */
  #take(at: number): void {
    const field = this.#field;
    const { started, people } = this.#completion;
    const person = people[at];
    if (!field || !started || !person) return;
    const { text, caret } = completed(field.value, started, person.name);
    this.#close();
    this.#write(text);
    void this.updateComplete.then(() => {
      field.focus();
      field.setSelectionRange(caret, caret);
    });
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
    this.#completion.close();
    this.requestUpdate();
    void this.page.writing.send(text);
  }
}

function note(text: string): TemplateResult {
  return html`<p class="composer-note composer-closed">${text}</p>`;
}

customElements.define("chat-composer", ChatComposerElement);
