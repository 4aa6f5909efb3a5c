// What an admin changes about a group: its name, what it is about, its colour, and whether members may add people.

import { html, nothing, type TemplateResult } from "lit";
import type { GroupInfo } from "../client/model";
import { PageElement } from "./element";
import { moreFields, nameField, readFields } from "./group_fields";
import { icons } from "./icons";
import type { Changes } from "./state/changes";
import { changesOf } from "./state/group";
import type { Groups } from "./state/groups";
import { words } from "./words";

const said = words.group;

export class GroupSettingsElement extends PageElement {
  static override properties = {
    groups: { attribute: false },
    chat: { attribute: false },
    group: { attribute: false },
    isOpen: { attribute: false },
    saved: { state: true },
  };
  declare groups: Groups;
  declare chat: string;
  declare group: GroupInfo;
  declare isOpen: boolean;
  declare saved: boolean;

  constructor() {
    super();
    this.saved = false;
  }

  protected override follows(): readonly Changes[] {
    return [this.groups.changed];
  }

  protected override render(): TemplateResult {
    const { group, groups, isOpen } = this;
    return html`<section aria-labelledby="group-settings">
      <h3 id="group-settings">${icons.settings}${said.settings}</h3>
      <form class="group-inline" @submit=${this.#save} @input=${() => (this.saved = false)}>
        ${nameField("group", group)}
        ${isOpen
          ? nothing
          : html`${moreFields("group", group)}
            <div class="choice">
              <input id="group-may-add" name="mayAdd" type="checkbox" role="switch" ?checked=${group.membersMayAdd} />
              <label for="group-may-add">${said.membersMayAdd}</label>
            </div>`}
        <button class="button button-quiet" type="submit" ?disabled=${groups.busy}>${said.save}</button>
        <p class="quiet" role="status">${this.saved ? said.saved : ""}</p>
      </form>
    </section>`;
  }

  #save(event: SubmitEvent): void {
    event.preventDefault();
    const form = event.currentTarget as HTMLFormElement;
    const membersMayAdd = new FormData(form).has("mayAdd");
    const changes = changesOf(this.group, { ...readFields(form), membersMayAdd }, this.isOpen);
    void this.#change(changes);
  }

  async #change(changes: ReturnType<typeof changesOf>): Promise<void> {
    if (Object.keys(changes).length > 0 && !(await this.groups.change(this.chat, changes))) return;
    this.saved = true;
  }
}

customElements.define("group-settings", GroupSettingsElement);
