// What an admin does with a group's links: making one, copying and ending it.

import { html, nothing, type TemplateResult } from "lit";
import type { GroupInfo, LinkInfo } from "../client/model";
import "./copy_button";
import { PageElement } from "./element";
import { icons } from "./icons";
import type { Changes } from "./state/changes";
import type { Groups } from "./state/groups";
import { times, words } from "./words";

const said = words.group;
const WEEK = 7 * 86_400_000; // ms

export class GroupLinksElement extends PageElement {
  static override properties = {
    groups: { attribute: false },
    chat: { attribute: false },
    group: { attribute: false },
    made: { state: true },
  };
  declare groups: Groups;
  declare chat: string;
  declare group: GroupInfo;
  declare made: string; // the link that was made here: only now can it be copied

  constructor() {
    super();
    this.made = "";
  }

  protected override follows(): readonly Changes[] {
    return [this.groups.changed];
  }

  protected override render(): TemplateResult {
    const { group, groups } = this;
    return html`
      <section aria-labelledby="group-links">
        <h3 id="group-links" tabindex="-1">${icons.link}${said.links}</h3>
        <p>${said.linksHelp}</p>
        ${this.made
          ? html`<p class="group-link" dir="ltr">${this.made}</p>
              <p>${said.linkMade}</p>
              <copy-button .text=${this.made} .label=${said.copyLink} .says=${said.copyLink}></copy-button>`
          : nothing}
        ${group.links.length > 0
          ? html`<ul class="roster">
              ${group.links.map((link) => this.#link(link))}
            </ul>`
          : nothing}
        <form class="group-inline" @submit=${this.#make}>
          <div class="choice">
            <input id="link-approval" name="approval" type="checkbox" />
            <label for="link-approval">${said.linkApproval}</label>
          </div>
          <div class="choice">
            <input id="link-week" name="week" type="checkbox" checked />
            <label for="link-week">${said.linkWeek}</label>
          </div>
          <button class="button button-quiet" type="submit" ?disabled=${groups.busy}>${said.makeLink}</button>
        </form>
      </section>
    `;
  }

  #link(link: LinkInfo): TemplateResult {
    const what = [
      link.expires === null ? said.linkEndless : said.linkEnds(times.exact(link.expires, Date.now())),
      ...(link.approval ? [said.linkAsks] : []),
      ...(link.uses === null ? [] : [said.linkUses(link.uses)]),
    ].join(" ");
    return html`<li class="member">
      <span class="member-name">${what}</span>
      <button
        class="button button-quiet button-small"
        type="button"
        ?disabled=${this.groups.busy}
        @click=${() => void this.#end(link)}
      >
        ${said.endLink}
      </button>
    </li>`;
  }

  #make(event: SubmitEvent): void {
    event.preventDefault();
    const chosen = new FormData(event.currentTarget as HTMLFormElement);
    const ends = chosen.has("week") ? { expires: Date.now() + WEEK } : {};
    void this.#made({ approval: chosen.has("approval"), ...ends });
  }

  async #made(options: { approval: boolean; expires?: number }): Promise<void> {
    const code = await this.groups.makeLink(this.chat, options);
    if (code !== null) this.made = `${location.origin}/chats/#join/${code}`;
  }

  async #end(link: LinkInfo): Promise<void> {
    if (!(await this.groups.endLink(this.chat, link.key))) return;
    this.made = "";
    this.querySelector<HTMLElement>("#group-links")?.focus();
  }
}

customElements.define("group-links", GroupLinksElement);
