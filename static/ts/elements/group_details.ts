// The details of a group: who is in it, who waits, and what one can do about it.

import { html, nothing, type TemplateResult } from "lit";
import { keyed } from "lit/directives/keyed.js";
import { repeat } from "lit/directives/repeat.js";
import type { ChatSummary, GroupInfo, GroupMember, GroupPerson } from "../client/model";
import { PageElement } from "./element";
import "./group_links";
import "./group_settings";
import { icons } from "./icons";
import { avatar, chatAvatar, safety } from "./parts";
import type { Changes } from "./state/changes";
import { canRemove, closedWhy, inOrder, isAdmin, isOnlyOwner, mayAdd, rolesFor } from "./state/group";
import type { ChatPage } from "./state/page";
import { words } from "./words";

const said = words.group;

interface Question {
  readonly title: string;
  readonly help: string;
  readonly action: string;
  readonly act: () => Promise<boolean>;
}

export class GroupDetailsElement extends PageElement {
  static override properties = { page: { attribute: false }, question: { state: true } };
  declare page: ChatPage;
  declare question: Question | null;

  constructor() {
    super();
    this.question = null;
  }

  override connectedCallback(): void {
    super.connectedCallback();
    this.tabIndex = 0;
    this.role = "group";
    this.ariaLabel = words.details.title;
  }

  protected override follows(): readonly Changes[] {
    return [this.page.changed, this.page.list.changed, this.page.groups.changed];
  }

  protected override render(): TemplateResult {
    const chat = this.page.summary;
    if (!chat?.group) return html``;
    const { group } = chat;
    const closed = closedWhy(chat);
    return html`
      <div class="details-person">
        ${chatAvatar(chat, "large")}
        <p class="details-name"><bdi>${chat.name}</bdi></p>
        ${group.description ? html`<p class="details-about" dir="auto">${group.description}</p>` : nothing}
        ${closed && closed !== "request"
          ? html`<p class="details-changed">${closed === "trouble" ? group.trouble : said.closed(closed, chat.open)}</p>`
          : nothing}
      </div>
      <section aria-labelledby="details-encryption">
        <h3 id="details-encryption">${safety(chat.open)}</h3>
        <p>${chat.open ? said.openHelp : said.encryptionHelp}</p>
      </section>
      ${this.page.groups.busy ? html`<p class="late quiet" role="status">${said.busy}</p>` : nothing}
      ${isAdmin(group) && group.pending.length > 0 ? this.#pending(chat.id, group) : nothing}
      ${group.members.length > 0 ? this.#members(chat, group) : nothing}
      ${isAdmin(group)
        ? keyed(
            chat.id, // what was filled in, and a link that was made, for one group must not stand under another
            html`<group-settings
                .groups=${this.page.groups}
                .chat=${chat.id}
                .group=${group}
                .isOpen=${chat.open}
              ></group-settings>
              ${chat.open
                ? nothing
                : html`<group-links .groups=${this.page.groups} .chat=${chat.id} .group=${group}></group-links>`}`,
          )
        : nothing}
      ${group.role !== null || group.isPending ? this.#own(chat, group) : nothing}
      <dialog class="dialog sure" aria-labelledby="sure-title" @close=${this.#answered}>
        <form method="dialog">
          <h2 id="sure-title">${this.question?.title}</h2>
          <p>${this.question?.help}</p>
          <div class="actions">
            <button class="button button-quiet" value="">${said.cancel}</button>
            <button class="button button-danger" value="yes">${this.question?.action}</button>
          </div>
        </form>
      </dialog>
    `;
  }

  #pending(chat: string, group: GroupInfo): TemplateResult {
    const { groups } = this.page;
    return html`<section aria-labelledby="details-waiting">
      <h3 id="details-waiting" tabindex="-1">${icons.person}${said.waiting}</h3>
      <ul class="roster">
        ${group.pending.map(
          (person) => html`<li class="member">
            ${who(person)}
            <div class="member-actions">
              <button
                class="button button-small"
                type="button"
                aria-label=${said.approveWho(person.name)}
                ?disabled=${groups.busy}
                @click=${() => void this.#did(groups.approve(chat, person.account))}
              >
                ${said.approve}
              </button>
              <button
                class="button button-quiet button-small"
                type="button"
                aria-label=${said.refuseWho(person.name)}
                ?disabled=${groups.busy}
                @click=${() => void this.#did(groups.remove(chat, person.account))}
              >
                ${said.refuse}
              </button>
            </div>
          </li>`,
        )}
      </ul>
    </section>`;
  }

  #members(summary: ChatSummary, group: GroupInfo): TemplateResult {
    const own = this.page.options.account;
    const { id: chat, open } = summary;
    return html`<section aria-labelledby="details-members">
      <h3 id="details-members" tabindex="-1">${icons.people}${said.members(group.members.length)}</h3>
      <ul class="roster">
        ${repeat(
          inOrder(group.members, own),
          (member) => `${chat} ${member.account}`,
          (member) => this.#member(summary, group, member, member.account === own),
        )}
      </ul>
      ${open && group.role === "owner" && group.members.length > 1 ? html`<p>${said.openRolesHelp}</p>` : nothing}
      ${mayAdd(group)
        ? html`<button class="button button-quiet" type="button" @click=${() => this.#add(chat, group)}>
            ${said.addMore}
          </button>`
        : nothing}
    </section>`;
  }

  #add(chat: string, { title, members }: GroupInfo): void {
    this.page.groupDialog.open({ name: "add", chat, title, known: members.map((member) => member.account) });
  }

  #member({ id: chat, open }: ChatSummary, group: GroupInfo, member: GroupMember, isOwn: boolean): TemplateResult {
    const { groups } = this.page;
    const roles = isOwn ? [] : rolesFor(group, member);
    const removable = !isOwn && canRemove(group, member);
    const name = isOwn ? said.you : member.name;
    const role = html`<span class="member-role">${said.role(member.role)}</span>`;
    const changed = member.identityChanged
      ? html`<span class="tag tag-warn">${said.changedMark}</span>`
      : nothing;
    if (roles.length === 0 && !removable) {
      return html`<li class="member">${who({ ...member, name })} ${changed} ${role}</li>`;
    }
    return html`<li>
      <details class="member-more">
        <summary class="member" title=${said.manage(name)}>${who({ ...member, name })} ${changed} ${role}</summary>
        <div class="member-actions" role="group" aria-label=${said.manage(name)}>
          ${roles.map(
            (one) =>
              html`<button
                class="button button-quiet button-small"
                type="button"
                ?disabled=${groups.busy}
                @click=${() => void this.#did(groups.setRole(chat, member.account, one))}
              >
                ${said.make[one]}
              </button>`,
          )}
          ${removable
            ? html`<button
                class="button button-danger button-small"
                type="button"
                ?disabled=${groups.busy}
                @click=${() =>
                  this.#ask({
                    title: said.sureRemove(name),
                    help: said.sureRemoveHelp(name, open),
                    action: said.sureRemoveAction,
                    act: () => groups.remove(chat, member.account),
                  })}
              >
                ${said.remove}
              </button>`
            : nothing}
        </div>
      </details>
    </li>`;
  }

  #own(chat: ChatSummary, group: GroupInfo): TemplateResult {
    const { groups } = this.page;
    const leave = (): void =>
      this.#ask({
        title: said.sureLeave(chat.name),
        help: said.sureLeaveHelp(chat.open),
        action: said.leave,
        act: () => groups.leave(chat.id),
      });
    return html`<section>
      ${group.role === null
        ? nothing
        : html`<div class="choice">
              <input
                id="group-mute"
                type="checkbox"
                aria-describedby="group-mute-help"
                .checked=${group.muted}
                @change=${(event: Event) =>
                  void groups.mute(chat.id, (event.currentTarget as HTMLInputElement).checked)}
              />
              <label for="group-mute">${said.mute}</label>
            </div>
            <p id="group-mute-help">${said.muteHelp}</p>`}
      ${isOnlyOwner({ group, open: chat.open })
        ? html`<p>${said.onlyOwner}</p>`
        : html`<button class="button button-danger" type="button" ?disabled=${groups.busy} @click=${leave}>
            ${group.isPending ? said.stopWaiting : said.leaveGroup}
          </button>`}
    </section>`;
  }

  #ask(question: Question): void {
    this.question = question;
    const dialog = this.querySelector<HTMLDialogElement>(".sure");
    if (!dialog) return;
    dialog.returnValue = "";
    void this.updateComplete.then(() => dialog.showModal());
  }

  #answered(event: Event): void {
    const { question } = this;
    if ((event.currentTarget as HTMLDialogElement).returnValue === "yes" && question) void this.#did(question.act());
  }

  /** What was pressed may be gone: one goes on at the members. */
  async #did(done: Promise<boolean>): Promise<void> {
    if (!(await done)) return;
    await this.updateComplete;
    const heading = this.querySelector<HTMLElement>("#details-members") ?? this;
    heading.focus({ preventScroll: true });
  }
}

function who({ account, name }: GroupPerson): TemplateResult {
  return html`${avatar(account, name, "small")}<bdi class="member-name">${name}</bdi>`;
}

customElements.define("group-details", GroupDetailsElement);
