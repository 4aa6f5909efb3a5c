// One line of a conversation: a bubble, or a sentence about a message that is none.

import { html, nothing, type TemplateResult } from "lit";
import type { Line } from "../client/model";
import { icons } from "./icons";
import { hasState, tick } from "./parts";
import type { Target } from "./state/conversation";
import { excerpt } from "./state/excerpt";
import { isPending } from "./state/pending";
import { piecesOf } from "./state/pieces";
import { timeOf, type LineRow } from "./state/rows";
import { times, words } from "./words";

export interface LineContext {
  readonly name: string; // of who wrote it, or of who it is with
  readonly isGroup: boolean;
  readonly hasReceipts: boolean; // its state opens who has it
  readonly own: string; // account
  readonly found: Target | null; // what of it was searched for
  readonly whole: boolean; // a long text is shown to its end
  readonly showWhole: (line: Line) => void;
  readonly resend: (line: Line) => void;
  readonly discard: (line: Line) => void;
  readonly askAgain: (line: Line) => void;
}

export function lineRow(row: LineRow, context: LineContext): TemplateResult {
  return row.line.kind === "text" ? bubble(row, context) : sentence(row.line, context);
}

function bubble({ line, first, last, meta }: LineRow, context: LineContext): TemplateResult {
  const is = { own: line.outgoing, first, last, found: context.found, deleted: line.deleted, mentioned: line.mentioned };
  const classes = ["line", ...Object.entries(is).flatMap(([name, so]) => (so ? [`line-${name}`] : []))].join(" ");
  const part = context.whole || context.found ? null : excerpt(line.text);
  return html`<div class=${classes} data-line=${line.id} data-position=${line.position} data-state=${isPending(line) ? "storing" : line.state}
      tabindex=${context.found ? "-1" : nothing}>
    ${first ? author(line, context) : nothing}
    <div class="bubble">
      <div class="bubble-body" dir="auto">
        <span class="bubble-text">${textOfBubble(line, part, context)}</span>${part === null
          ? nothing
          : more(line, context)}${meta || line.editedAt > 0 ? metaOf(line, context) : nothing}
      </div>
      ${line.changeable || line.deletable ? menuButton(line) : nothing}
    </div>
    ${line.state === "failed" ? failed(line, context) : nothing}
    ${line.state === "expired" ? html`<p class="line-note">${context.isGroup ? words.group.expiredOwn : words.line.expiredOwn(context.name)}</p>` : nothing}
  </div>`;
}

/** In a group one sees who it is; else the side says it, to those who see it. */
function author(line: Line, { name, isGroup }: LineContext): TemplateResult {
  if (line.outgoing || !isGroup) return html`<span class="unseen">${line.outgoing ? words.chat.you : name}:</span>`;
  return html`<span class="line-author"><bdi>${name}</bdi><span class="unseen">:</span></span>`;
}

function textOfBubble(line: Line, part: string | null, context: LineContext): unknown {
  if (line.deleted) return words.line.deleted;
  return part === null ? pieces(line.text, line, context) : [...pieces(part, line, context), "…"];
}

function menuButton(line: Line): TemplateResult {
  return html`<button
    class="line-more"
    type="button"
    tabindex="-1"
    data-for=${line.id}
    aria-haspopup="menu"
    aria-label=${words.line.menu}
    title=${words.line.menu}
  >
    ${icons.more}
  </button>`;
}

function metaOf(line: Line, { hasReceipts }: LineContext): TemplateResult {
  return html`<span class="meta">
    ${line.editedAt > 0 && !line.deleted
      ? html`<span title=${times.full(line.editedAt)}>${words.line.edited}</span>`
      : nothing}
    <time dir="auto" datetime=${new Date(timeOf(line)).toISOString()} title=${times.full(timeOf(line))}
      >${times.time(timeOf(line))}</time
    >
    ${hasState(line)
      ? html`<button
          class="state"
          type="button"
          tabindex="-1"
          data-for=${line.id}
          aria-haspopup=${hasReceipts ? "dialog" : nothing}
          aria-label="${words.line.state(line.state)}. ${hasReceipts ? words.receipts.open : words.line.times}"
        >
          ${tick(line.state)}
        </button>`
      : nothing}
  </span>`;
}

function more(line: Line, { showWhole }: LineContext): TemplateResult {
  return html`<button class="link-button bubble-more" type="button" @click=${() => showWhole(line)}>
    ${words.line.more(line.text.length)}
  </button>`;
}

function failed(line: Line, { resend, discard }: LineContext): TemplateResult {
  return html`<div class="line-failed">
    <p>${words.line.failed(line.cause)}</p>
    <button class="link-button" type="button" @click=${() => resend(line)}>${words.line.resend}</button>
    <button class="link-button" type="button" @click=${() => discard(line)}>${words.line.discard}</button>
  </div>`;
}

function sentence(line: Line, context: LineContext): TemplateResult {
  return html`<div class="line line-sentence" data-line=${line.id} data-position=${line.position} data-kind=${line.kind}>
    ${pictureOf(line)}
    <p>
      <span class="line-what">${textOf(line, context.name)}</span> ${next(line, context)}
      <time class="quiet" datetime=${new Date(timeOf(line)).toISOString()}>${times.time(timeOf(line))}</time>
    </p>
  </div>`;
}

function pictureOf({ kind }: Line): TemplateResult | typeof nothing {
  if (kind === "system") return nothing;
  return kind === "notice" ? icons.info : icons.warning;
}

/** What happens next, or the one thing to do about it. */
function next(line: Line, { name, askAgain }: LineContext): TemplateResult | string | typeof nothing {
  switch (line.kind) {
    case "identity_changed":
      return words.line.identityChangedHelp(name);
    case "unreadable":
      return html`${words.line.next(name, line.repair)}
      ${line.repair === "possible" ? action(words.line.askAgain, () => askAgain(line)) : nothing}`;
    case "update_needed":
      return action(words.line.reload, () => location.reload());
    default:
      return nothing;
  }
}

function action(label: string, act: () => void): TemplateResult {
  return html`<button class="link-button" type="button" @click=${act}>${label}</button>`;
}

function textOf(line: Line, name: string): string {
  switch (line.kind) {
    case "gap":
      return words.line.gap(name, line.missing);
    case "unreadable":
      return words.line.unreadable(name, line.cause);
    case "identity_changed":
      return words.line.identityChanged(name);
    case "update_needed":
      return words.line.updateNeeded(name);
    case "expired":
      return words.line.expired(name);
    default:
      return line.text;
  }
}

function pieces(text: string, { mentions }: Line, { own, found }: LineContext): (string | TemplateResult)[] {
  return piecesOf(text, { mentions, words: found?.words ?? [] }).map((piece) => {
    switch (piece.kind) {
      case "link":
        return html`<a href=${piece.href} target="_blank" rel="noopener noreferrer nofollow">${piece.text}</a>`;
      case "mention":
        return html`<bdi class="mention" data-own=${piece.account === own ? "true" : nothing}>${piece.text}</bdi>`;
      case "found":
        return html`<mark>${piece.text}</mark>`;
      case "text":
        return piece.text;
    }
  });
}
