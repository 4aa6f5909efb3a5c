// The dialog in which a chat or a group is made, people are added to a group, or one is joined by a link.

import { html, nothing, type PropertyValues, type TemplateResult } from "lit";
import type { Person } from "../client/model";
import { problem } from "./device_list";
import { PageElement } from "./element";
import { encryptionChoice } from "./encryption_choice";
import { moreFields, nameField, readFields } from "./group_fields";
import { icons } from "./icons";
import { avatar, iconButton } from "./parts";
import type { Changes } from "./state/changes";
import type { GroupDialog, GroupForm, GroupView } from "./state/group_dialog";
import { words } from "./words";

const said = words.group;

export class GroupDialogElement extends PageElement {
  static override properties = { groups: { attribute: false } };
  declare groups: GroupDialog;

  protected override follows(): readonly Changes[] {
    return [this.groups.changed, this.groups.people.changed];
  }

  protected override render(): TemplateResult {
    const { view } = this.groups;
    return html`<dialog class="dialog group-dialog" aria-labelledby="group-title" @close=${this.#closed}>
      <header class="dialog-head">
        <h2 id="group-title" tabindex="-1">${view ? titleOf(view) : nothing}</h2>
        ${iconButton({ label: words.close, icon: icons.clear, act: () => this.#dialog?.close() })}
      </header>
      ${view ? this.#form(view) : nothing}
    </dialog>`;
  }

  protected override updated(changed: PropertyValues): void {
    super.updated(changed);
    const dialog = this.#dialog;
    const { view } = this.groups;
    if (view && dialog?.open === false) {
      dialog.showModal();
      this.querySelector<HTMLElement>(".group-form input")?.focus();
    } else if (!view && dialog?.open) dialog.close();
  }

  get #dialog(): HTMLDialogElement | null {
    return this.querySelector("dialog");
  }

  #form(view: GroupView): TemplateResult {
    const { groups } = this;
    const action = { chat: said.write, new: said.create, add: said.add, join: said.join }[view.name];
    const isMade = view.name === "new" || view.name === "chat";
    const ready = view.name === "new" || view.name === "join" || groups.chosen.length > 0;
    return html`<form class="group-form" @submit=${this.#submit}>
      ${view.name === "new" ? html`<p class="quiet">${said.newHelp}</p>` : nothing}
      ${view.name === "new" ? nameField("new") : nothing}
      ${view.name === "join"
        ? html`<ul class="meanings">
            ${said.joinMeans.map((one) => html`<li>${one}</li>`)}
          </ul>`
        : this.#people(view)}
      ${isMade ? encryptionChoice(groups.isOpen, (open) => groups.setOpen(open)) : nothing}
      ${view.name === "new" && !groups.isOpen
        ? html`<details class="group-more">
            <summary>${said.more}</summary>
            ${moreFields("new")}
          </details>`
        : nothing}
      ${problem(groups.why)}
      ${groups.busy
        ? html`<p class="quiet" role="status">${said.busy}</p>`
        : html`<div class="actions">
            <button class="button button-quiet" type="button" @click=${() => this.#dialog?.close()}>${said.cancel}</button>
            <button class="button" type="submit" ?disabled=${!ready}>${action}</button>
          </div>`}
    </form>`;
  }

  #people(view: GroupView): TemplateResult {
    const { groups } = this;
    return html`<div class="field">
        <label for="group-people">${view.name === "chat" ? said.newChatPeople : said.peopleLabel}</label>
        <input
          id="group-people"
          autocomplete="off"
          autocapitalize="none"
          spellcheck="false"
          aria-describedby="group-people-help"
          .value=${groups.query}
          @input=${(event: Event) => groups.search((event.currentTarget as HTMLInputElement).value)}
          @keydown=${this.#key}
        />
        <p class="field-help" id="group-people-help" role="status">${this.#says()}</p>
      </div>
      ${groups.found.length > 0
        ? html`<ul class="roster" aria-label=${said.found}>
            ${groups.found.map((person) => this.#person(person, said.choose(person.username), () => this.#moved(() => groups.choose(person))))}
          </ul>`
        : nothing}
      ${groups.chosen.length > 0
        ? html`<ul class="chosen" aria-label=${said.chosen}>
            ${groups.chosen.map(
              (person) => html`<li>
                <bdi>${person.username}</bdi>
                ${iconButton({ label: said.drop(person.username), icon: icons.clear, act: () => this.#moved(() => groups.drop(person)) })}
              </li>`,
            )}
          </ul>`
        : nothing}`;
  }

  #person(person: Person, label: string, act: () => void): TemplateResult {
    return html`<li>
      <button class="member member-choice" type="button" aria-label=${label} @click=${act}>
        ${avatar(person.account, person.username, "small")}<bdi class="member-name">${person.username}</bdi>
      </button>
    </li>`;
  }

  /** What was pressed is gone: one goes on looking for people. */
  #moved(move: () => void): void {
    move();
    this.querySelector<HTMLElement>("#group-people")?.focus();
  }

  #says(): string {
    const { people, query, found } = this.groups;
    if (people.state === "failed") return people.why;
    if (query.trim() === "" || people.state === "idle") return said.peopleHelp;
    if (people.state === "searching") return words.list.searching;
    return found.length === 0 ? words.list.nobody(query.trim()) : "";
  }

  /** Enter chooses the first who was found; it does not make the group yet. */
  #key(event: KeyboardEvent): void {
    if (event.key !== "Enter" || event.isComposing || this.groups.query.trim() === "") return;
    event.preventDefault();
    const first = this.groups.found[0];
    if (first && this.groups.people.state === "found") this.groups.choose(first);
  }

  #submit(event: SubmitEvent): void {
    event.preventDefault();
    void this.#send(readFields(event.currentTarget as HTMLFormElement));
  }

  async #send(filled: GroupForm): Promise<void> {
    const { groups } = this;
    const { view } = groups;
    if (view?.name === "add") {
      await groups.add();
      return;
    }
    const makes = { chat: () => groups.write(), new: () => groups.create(filled), join: () => groups.join() };
    const chat = view ? await makes[view.name]() : null;
    if (chat !== null) this.dispatchEvent(new CustomEvent("open-chat", { detail: chat, bubbles: true }));
  }

  #closed(): void {
    if (!this.groups.busy) this.groups.close();
  }
}

function titleOf(view: GroupView): string {
  if (view.name === "add") return said.addTitle(view.title);
  return { chat: said.newChatTitle, new: said.newTitle, join: said.joinTitle }[view.name];
}

customElements.define("group-dialog", GroupDialogElement);
