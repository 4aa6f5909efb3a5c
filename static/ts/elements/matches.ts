// What a search through messages has found, and what to say while it has not.

import { html, nothing, type TemplateResult } from "lit";
import { repeat } from "lit/directives/repeat.js";
import type { ChatSummary, Match } from "../client/model";
import { matchRow } from "./match_row";
import type { MessageSearch } from "./state/message_search";
import { words } from "./words";

interface Context {
  readonly chatOf: (match: Match) => ChatSummary | undefined;
  readonly inChat: boolean;
  readonly show: (match: Match) => void;
}

export function matchList(search: MessageSearch, { chatOf, inChat, show }: Context): TemplateResult {
  const said = words.search;
  const { matches, state } = search;
  return html`${matches.length > 0
      ? html`<ul>
          ${repeat(
            matches,
            (match) => match.line,
            (match) => matchRow(match, { chat: chatOf(match), words: search.words, inChat, show: () => show(match) }),
          )}
        </ul>`
      : nothing}
    ${state === "searching" ? html`<p class="rows-note">${said.searching}</p>` : nothing}
    ${state === "found" && matches.length === 0 ? html`<p class="rows-note">${said.none} ${said.noneHelp}</p>` : nothing}
    ${state === "failed" ? html`<p class="rows-note">${search.why}</p>` : nothing}
    ${state === "failed" || (state === "found" && search.hasMore)
      ? html`<button class="button button-quiet rows-button" type="button" @click=${() => void search.more()}>
          ${state === "failed" ? words.tryAgain : said.more}
        </button>`
      : nothing}`;
}
