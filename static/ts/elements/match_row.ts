// A message that a search has found, as a row: in which chat, who wrote it, when, and the words.

import { html, nothing, type TemplateResult } from "lit";
import type { ChatSummary, Match } from "../client/model";
import { chatAvatar, openMark } from "./parts";
import { withWords } from "./state/pieces";
import { times, words } from "./words";

interface Extra {
  readonly chat: ChatSummary | undefined;
  readonly words: readonly string[];
  readonly inChat: boolean; // the chat is open already: who wrote it stands in the place of its name
  readonly show: () => void;
}

export function matchRow(match: Match, { chat, words: searched, inChat, show }: Extra): TemplateResult {
  const who = match.sender || words.chat.you;
  return html`<li>
    <button class="row row-match" type="button" tabindex="-1" data-match=${match.line} @click=${show}>
      ${inChat || !chat ? nothing : chatAvatar(chat)}
      <span class="row-top">
        <bdi class="row-name">${inChat ? who : (chat?.name ?? "")}</bdi>
        ${inChat ? nothing : openMark()}
        <time class="row-time"><bdi>${times.brief(match.at, Date.now())}</bdi></time>
      </span>
      <span class="row-bottom">
        <span class="row-text"
          ><bdi
            >${inChat ? nothing : `${who}: `}${withWords(match.snippet, searched).map((piece) =>
              piece.kind === "found" ? html`<mark>${piece.text}</mark>` : piece.text,
            )}</bdi
          ></span
        >
      </span>
    </button>
  </li>`;
}
