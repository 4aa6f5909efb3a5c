// What stands around the lines of a conversation: its beginning, and that somebody is typing.

import { html, nothing, type TemplateResult } from "lit";
import { icons } from "./icons";
import type { Conversation } from "./state/conversation";
import { times, words } from "./words";

interface Beginning {
  readonly name: string;
  readonly isGroup: boolean;
  readonly isOpen: boolean;
  readonly again: () => void; // load what could not be loaded
}

export function beginning(conversation: Conversation, { name, isGroup, isOpen, again }: Beginning): TemplateResult {
  if (conversation.failed && !conversation.failedBelow) return trouble(conversation.failed, again);
  if (!conversation.opened) return html`<p class="log-top late">${words.chat.loading}</p>`;
  if (!conversation.atStart) {
    return html`<p class="log-top">${conversation.loading === "older" ? words.chat.loadingOlder : nothing}</p>`;
  }
  const said = isGroup ? words.group : words.chat;
  return html`<div class="log-top">
    ${isOpen ? icons.openLock : icons.lock}
    <p><strong>${said.beginning(name)}</strong> ${isOpen ? words.chat.openHelp : said.beginningHelp}</p>
  </div>`;
}

/** That what comes after the lines could not be loaded. */
export function end({ failed, failedBelow }: Conversation, again: () => void): TemplateResult | typeof nothing {
  return failed && failedBelow ? trouble(failed, again) : nothing;
}

function trouble(failed: string, again: () => void): TemplateResult {
  return html`<div class="log-top" role="alert">
    <p>${words.chat.failed} ${failed}</p>
    <button class="button button-quiet" type="button" @click=${again}>${words.tryAgain}</button>
  </div>`;
}

/** `unseen`: how many lines came in below what is seen. */
export function newest(unseen: number, go: () => void): TemplateResult {
  return html`<button
    class="newest"
    type="button"
    aria-label=${unseen > 0 ? words.chat.newestCount(unseen) : words.chat.newest}
    @click=${go}
  >
    ${icons.down}${unseen > 0 ? html`<span class="count" aria-hidden="true">${times.number(unseen)}</span>` : nothing}
  </button>`;
}

/** `names`: of who is typing. */
export function typing(names: readonly string[]): TemplateResult | typeof nothing {
  if (names.length === 0) return nothing;
  return html`<div class="typing">
    <span class="typing-dots" aria-hidden="true"><i></i><i></i><i></i></span
    ><span class="typing-who">${words.chat.typing(names)}</span>
  </div>`;
}
