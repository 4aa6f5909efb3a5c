// The dialog in which a group is made, people are added to one, or one is joined by a link.

import { html, nothing, type PropertyValues, type TemplateResult } from "lit";
import type { Person } from "../client/model";
import { problem } from "./device_list";
import { PageElement } from "./element";
import { icons } from "./icons";
import { avatar, iconButton } from "./parts";
import type { Changes } from "./state/changes";
import type { GroupDialog, GroupView } from "./state/group_dialog";
import { words } from "./words";

const said = words.group;
const MOST_TITLE = 100; // characters

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
    const action = { new: said.create, add: said.add, join: said.join }[view.name];
    const ready = view.name !== "add" || groups.chosen.length > 0;
    return html`<form class="group-form" @submit=${this.#submit}>
      ${view.name === "new"
        ? html`<p class="quiet">${said.newHelp}</p>
            <div class="field">
              <label for="new-title">${said.titleLabel}</label>
              <input id="new-title" name="title" required maxlength=${MOST_TITLE} autocomplete="off" dir="auto" />
            </div>`
        : nothing}
      ${view.name === "join"
        ? html`<ul class="meanings">
            ${said.joinMeans.map((one) => html`<li>${one}</li>`)}
          </ul>`
        : this.#people()}
      ${problem(groups.why)}
      ${groups.busy
        ? html`<p class="quiet" role="status">${said.busy}</p>`
        : html`<div class="actions">
            <button class="button button-quiet" type="button" @click=${() => this.#dialog?.close()}>${said.cancel}</button>
            <button class="button" type="submit" ?disabled=${!ready}>${action}</button>
          </div>`}
    </form>`;
  }

  #people(): TemplateResult {
    const { groups } = this;
    return html`<div class="field">
        <label for="group-people">${said.peopleLabel}</label>
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
    const title = new FormData(event.currentTarget as HTMLFormElement).get("title");
    void this.#send(typeof title === "string" ? title : "");
  }

  async #send(title: string): Promise<void> {
    const { groups } = this;
    const { view } = groups;
    if (view?.name === "add") {
      await groups.add();
      return;
    }
    const chat = view?.name === "join" ? await groups.join() : await groups.create(title);
    if (chat !== null) this.dispatchEvent(new CustomEvent("open-chat", { detail: chat, bubbles: true }));
  }

  #closed(): void {
    if (!this.groups.busy) this.groups.close();
  }
}

function titleOf(view: GroupView): string {
  if (view.name === "add") return said.addTitle(view.title);
  return view.name === "new" ? said.newTitle : said.joinTitle;
}

customElements.define("group-dialog", GroupDialogElement);
