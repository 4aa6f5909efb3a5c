// A text as it is shown: what of it is a web address, what names somebody, what was searched for.

import type { GroupPerson } from "../../client/model";
import { linkify } from "./linkify";
import { mentionsIn } from "./mentions";

export type Piece =
  | { readonly kind: "text" | "found"; readonly text: string }
  | { readonly kind: "link"; readonly text: string; readonly href: string }
  | { readonly kind: "mention"; readonly text: string; readonly account: string };

export interface Shows {
  readonly mentions: readonly GroupPerson[];
  readonly words: readonly string[]; // that were searched for; [] mostly
}

export function piecesOf(text: string, { mentions, words }: Shows): Piece[] {
  return linkify(text).flatMap((piece): Piece[] =>
    piece.href
      ? [{ kind: "link", text: piece.text, href: piece.href }]
      : withMentions(piece.text, mentions).flatMap((one) => (one.kind === "text" ? withWords(one.text, words) : [one])),
  );
}

/** The words of what was searched for, as the server takes it apart: each has to be there whole. */
export function wordsOf(query: string): string[] {
  return query.match(/[\p{L}\p{M}\p{N}]+/gu) ?? [];
}

/** The text around the words, which are of kind `found`. */
export function withWords(text: string, words: readonly string[]): Piece[] {
  if (words.length === 0) return [{ kind: "text", text }];
  const whole = new RegExp(`(?<![\\p{L}\\p{M}\\p{N}])(?:${words.join("|")})(?![\\p{L}\\p{M}\\p{N}])`, "giu");
  const found = [...text.matchAll(whole)].map(({ 0: word, index }) => ({ from: index, to: index + word.length }));
  return cut(text, found, (part) => ({ kind: "found", text: part }));
}

function withMentions(text: string, people: readonly GroupPerson[]): Piece[] {
  const found = mentionsIn(text, people);
  return cut(text, found, (part, { account }) => ({ kind: "mention", text: part, account }));
}

function cut<T extends { from: number; to: number }>(text: string, at: readonly T[], make: (part: string, one: T) => Piece): Piece[] {
  const pieces: Piece[] = [];
  let end = 0;
  for (const one of at) {
    if (one.from > end) pieces.push({ kind: "text", text: text.slice(end, one.from) });
    pieces.push(make(text.slice(one.from, one.to), one));
    end = one.to;
  }
  if (end < text.length) pieces.push({ kind: "text", text: text.slice(end) });
  return pieces;
}
