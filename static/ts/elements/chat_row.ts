// One chat, or one person, as a row of the list.

import { html, nothing, type TemplateResult } from "lit";
import type { ChatSummary, GroupInfo, Line, Person } from "../client/model";
import { icons } from "./icons";
import { avatar, chatAvatar, hasState, openMark, tick, verifiedMark } from "./parts";
import { awaitsWord } from "./state/group";
import { formatRoute } from "./state/route";
import { timeOf } from "./state/rows";
import { preview, times, words } from "./words";

interface Extra {
  readonly current: boolean;
  readonly draft: string;
  readonly typing: readonly string[]; // names
}

const MOST = 999; // unread messages that are counted out

/** A link, so that it opens in another tab as well; the page itself goes there without loading anew. */
export function chatRow(chat: ChatSummary, extra: Extra): TemplateResult {
  const { last } = chat;
  const unread = chat.blocked ? 0 : chat.unread;
  return html`<li>
    <a
      class="row"
      tabindex="-1"
      href=${formatRoute({ chat: chat.id, details: false })}
      data-chat=${chat.id}
      data-unread=${unread > 0 ? "true" : nothing}
      aria-current=${extra.current ? "page" : nothing}
    >
      ${chatAvatar(chat)}
      <span class="row-top">
        <bdi class="row-name">${chat.name}</bdi>
        ${chat.open ? openMark() : nothing} ${chat.verified ? verifiedMark() : nothing} ${chat.group ? size(chat.group) : nothing}
        ${last ? html`<time class="row-time"><bdi>${times.brief(timeOf(last), Date.now())}</bdi></time>` : nothing}
      </span>
      <span class="row-bottom">
        <span class="row-text">${text(chat, extra)}</span>
        ${chat.blocked
          ? html`<span class="tag">${words.list.blocked}</span>`
          : awaitsWord(chat)
            ? html`<span class="tag tag-warn">${words.list.changed}</span>`
            : chat.request
              ? html`<span class="tag tag-accent">${words.list.request}</span>`
              : chat.group?.muted
                ? html`<span class="tag">${words.group.muted}</span>`
                : nothing}
        ${chat.mentioned && unread > 0
          ? html`<span class="count at-mark" title=${words.list.mentioned}
              ><span aria-hidden="true">@</span><span class="unseen">${words.list.mentioned}</span></span
            >`
          : nothing}
        ${unread > 0
          ? html`<span class="count"
              ><span aria-hidden="true">${unread > MOST ? `${times.number(MOST)}+` : times.number(unread)}</span
              ><span class="unseen">${words.list.unread(unread)}</span></span
            >`
          : nothing}
      </span>
    </a>
  </li>`;
}

export function personRow(person: Person, write: () => void): TemplateResult {
  return html`<li>
    <button class="row row-person" type="button" tabindex="-1" data-account=${person.account} @click=${write}>
      ${avatar(person.account, person.username)}
      <span class="row-top"><bdi class="row-name">${person.username}</bdi></span>
      <span class="row-bottom"><span class="row-text">${words.list.writeTo(person.username)}</span></span>
    </button>
  </li>`;
}

function size({ members }: GroupInfo): TemplateResult | typeof nothing {
  if (members.length === 0) return nothing;
  return html`<span class="row-size" title=${words.group.members(members.length)}
    >${icons.people}<span aria-hidden="true">${times.number(members.length)}</span
    ><span class="unseen">${words.group.members(members.length)}</span></span
  >`;
}

function text(chat: ChatSummary, extra: Extra): TemplateResult {
  const { last } = chat;
  if (extra.typing.length > 0) {
    return html`<span class="row-typing">${chat.group ? words.chat.typing(extra.typing) : words.list.typing}</span>`;
  }
  if (extra.draft.trim()) return html`<span class="row-draft">${words.list.draft}</span> <bdi>${extra.draft}</bdi>`;
  if (!last) return html`${words.list.empty}`;
  return html`${hasState(last) ? tick(last.state) : nothing}<bdi>${latest(chat, last)}</bdi>`;
}

function latest({ group, name }: ChatSummary, last: Line): string {
  const text = preview(last, last.sender || name);
  return group && last.kind === "text" && last.sender ? words.group.said(last.sender, text) : text;
}
