// What the person has to decide about a chat, above its lines.

import { html, nothing, type TemplateResult } from "lit";
import type { ChatSummary } from "../client/model";
import { icons } from "./icons";
import { changedMember, closedWhy } from "./state/group";
import { words } from "./words";

export interface Decisions {
  readonly accept: () => void;
  readonly block: () => void;
  readonly unblock: () => void;
  readonly compare: () => void;
  readonly writeOn: () => void;
}

export function banner(chat: ChatSummary, decisions: Decisions): TemplateResult | typeof nothing {
  const { name } = chat;
  if (chat.blocked) {
    return box("blocked", icons.block, words.banner.blocked(name), words.banner.blockedHelp, [
      { label: words.banner.unblock, act: decisions.unblock, primary: false },
    ]);
  }
  if (chat.identityChanged) {
    return box("changed", icons.warning, words.banner.changed(name), words.banner.changedHelp(name), [
      { label: words.banner.compare, act: decisions.compare, primary: true },
      { label: words.banner.writeOn, act: decisions.writeOn, primary: false },
    ]);
  }
  if (chat.request) {
    return box("request", icons.person, words.banner.request(name), words.banner.requestHelp, [
      { label: words.banner.accept, act: decisions.accept, primary: true },
      { label: words.banner.block, act: decisions.block, primary: false },
    ]);
  }
  return nothing;
}

export interface GroupDecisions {
  readonly accept: () => void;
  readonly leave: () => void;
  readonly openChat: (() => void) | null; // with the member whose identity has changed
  readonly writeOn: () => void;
}

export function groupBanner(chat: ChatSummary, decisions: GroupDecisions): TemplateResult | typeof nothing {
  const { name, group } = chat;
  const said = words.group;
  const closed = closedWhy(chat);
  const changed = changedMember(chat);
  if (closed === "request") {
    return box("request", icons.people, said.request(name), said.requestHelp, [
      { label: said.accept, act: decisions.accept, primary: true },
      { label: said.leave, act: decisions.leave, primary: false },
    ]);
  }
  if (closed === "trouble") return box("changed", icons.warning, said.troubleTitle, group?.trouble ?? "", []);
  if (closed !== null || !changed) return nothing;
  const open = decisions.openChat;
  return box("changed", icons.warning, words.banner.changed(changed.name), said.changedHelp(changed.name), [
    ...(open ? [{ label: said.openChat(changed.name), act: open, primary: true }] : []),
    { label: words.banner.writeOn, act: decisions.writeOn, primary: false },
  ]);
}

interface Action {
  readonly label: string;
  readonly act: () => void;
  readonly primary: boolean;
}

function box(
  kind: "blocked" | "changed" | "request",
  icon: TemplateResult,
  title: string,
  text: string,
  actions: readonly Action[],
): TemplateResult {
  return html`<section class="banner banner-${kind}" aria-labelledby="banner-title">
    ${icon}
    <div class="banner-words">
      <h3 id="banner-title">${title}</h3>
      <p>${text}</p>
    </div>
    ${actions.length > 0
      ? html`<div class="banner-actions">
          ${actions.map(
            ({ label, act, primary }) =>
              html`<button class="button ${primary ? "" : "button-quiet"}" type="button" @click=${act}>
                ${label}
              </button>`,
          )}
        </div>`
      : nothing}
  </section>`;
}
