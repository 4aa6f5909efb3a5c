// Small pieces that several elements draw.

import { html, nothing, type TemplateResult } from "lit";
import type { ChatSummary, Line, MessageState } from "../client/model";
import { icons, ticks } from "./icons";
import { colourOf, initialsOf } from "./state/avatar";
import { shownColour } from "./state/palette";
import { words } from "./words";

export function avatar(account: string, name: string, size: "" | "tiny" | "small" | "large" = ""): TemplateResult {
  return picture(name, size, colourOf(account));
}

/** Of a person, or of a group in the colour that it has chosen. */
export function chatAvatar(chat: ChatSummary, size: "" | "small" | "large" = ""): TemplateResult {
  const colour = chat.group?.colour ?? null;
  return picture(chat.name, size, colour === null ? colourOf(chat.account) : shownColour(colour));
}

function picture(name: string, size: string, colour: number): TemplateResult {
  const classes = `avatar ${size && `avatar-${size}`}`;
  return html`<span class=${classes} data-colour=${colour} aria-hidden="true">${initialsOf(name)}</span>`;
}

/** A lock, closed or open, with the words for it. */
export function safety(open: boolean): TemplateResult {
  return open
    ? html`<span class="unsafe">${icons.openLock}${words.chat.open}</span>`
    : html`<span>${icons.lock}${words.chat.encrypted}</span>`;
}

/** Where there is no room for the words. */
export function openMark(): TemplateResult {
  return html`<span class="open-mark" title=${words.chat.open}
    >${icons.openLock}<span class="unseen">${words.chat.open}</span></span
  >`;
}

const TICKS: Readonly<Record<MessageState, TemplateResult | typeof nothing>> = {
  queued: ticks.clock,
  accepted: ticks.one,
  delivered: ticks.two,
  read: ticks.two,
  expired: ticks.failed,
  failed: ticks.failed,
  received: nothing,
};

/** The picture of a state, with its word for who does not see it. */
export function tick(state: MessageState, said = words.line.state(state)): TemplateResult {
  return html`<span class="tick" data-state=${state}
    >${TICKS[state]}<span class="unseen">${said}</span></span
  >`;
}

export function verifiedMark(): TemplateResult {
  return html`<span class="verified" title=${words.chat.verified}
    >${icons.verified}<span class="unseen">${words.chat.verified}</span></span
  >`;
}

export interface IconButton {
  readonly label: string;
  readonly icon: TemplateResult;
  readonly act: (event: Event) => void;
  readonly class?: string;
}

export function iconButton({ label, icon, act, class: more = "" }: IconButton): TemplateResult {
  return html`<button class="icon-button ${more}" type="button" aria-label=${label} title=${label} @click=${act}>
    ${icon}
  </button>`;
}

/** Nothing is here: why, and what to do about it. */
export function empty(
  title: string,
  text: string,
  action: { readonly label: string; readonly act: () => void } | null,
): TemplateResult {
  return html`<div class="empty">
    <h2>${title}</h2>
    <p>${text}</p>
    ${action
      ? html`<button class="button button-quiet" type="button" @click=${action.act}>${action.label}</button>`
      : nothing}
  </div>`;
}

/** Whether a line counts among the person's own messages with a state to show. */
export function hasState(line: Line): boolean {
  return line.outgoing && line.kind === "text" && !line.deleted;
}
