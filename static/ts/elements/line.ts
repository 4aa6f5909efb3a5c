// One line of a conversation: a bubble, or a sentence about a message that is none.

import { html, nothing, type TemplateResult } from "lit";
import type { Line } from "../client/model";
import { icons } from "./icons";
import { hasState, tick } from "./parts";
import { excerpt } from "./state/excerpt";
import { linkify } from "./state/linkify";
import { timeOf, type LineRow } from "./state/rows";
import { times, words } from "./words";

export interface LineContext {
  readonly name: string; // of who wrote it, or of who it is with
  readonly isGroup: boolean;
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
  const classes = `line${line.outgoing ? " line-own" : ""}${first ? " line-first" : ""}${last ? " line-last" : ""}`;
  const part = context.whole ? null : excerpt(line.text);
  return html`<div class=${classes} data-line=${line.id} data-position=${line.position} data-state=${line.state}>
    ${first ? author(line, context) : nothing}
    <div class="bubble">
      <div class="bubble-body" dir="auto">
        <span class="bubble-text">${part === null ? pieces(line.text) : [...pieces(part), "…"]}</span>${part === null
          ? nothing
          : more(line, context)}${meta ? metaOf(line, context) : nothing}
      </div>
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

function metaOf(line: Line, { isGroup }: LineContext): TemplateResult {
  return html`<span class="meta">
    <time dir="auto" datetime=${new Date(timeOf(line)).toISOString()} title=${times.full(timeOf(line))}
      >${times.time(timeOf(line))}</time
    >
    ${hasState(line)
      ? html`<button
          class="state"
          type="button"
          tabindex="-1"
          data-for=${line.id}
          aria-haspopup=${isGroup ? "dialog" : nothing}
          aria-label="${words.line.state(line.state)}. ${isGroup ? words.receipts.open : words.line.times}"
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

function pieces(text: string): (string | TemplateResult)[] {
  return linkify(text).map((piece) =>
    piece.href
      ? html`<a href=${piece.href} target="_blank" rel="noopener noreferrer nofollow">${piece.text}</a>`
      : piece.text,
  );
}
