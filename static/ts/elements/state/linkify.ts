// Finds web addresses in text. Only http and https become links; everything stays text.

export interface Piece {
  readonly text: string;
  readonly href: string; // "": plain text
}

const ADDRESS = /\bhttps?:\/\/[^\s<>"'`\u0000-\u001f\u202a-\u202e\u2066-\u2069]+/giu;
const TRAILING = /[.,:;!?…»”’]+$/u;

export function linkify(text: string): Piece[] {
  const pieces: Piece[] = [];
  let end = 0;
  for (const match of text.matchAll(ADDRESS)) {
    const shown = trimmed(match[0]);
    const href = safe(shown);
    if (!href) continue;
    if (match.index > end) pieces.push({ text: text.slice(end, match.index), href: "" });
    pieces.push({ text: shown, href });
    end = match.index + shown.length;
  }
  if (end < text.length) pieces.push({ text: text.slice(end), href: "" });
  return pieces;
}

/** Without the punctuation of the sentence around it, and without a bracket that was opened before it. */
function trimmed(address: string): string {
  let shown = address.replace(TRAILING, "");
  for (const [open, close] of ["()", "[]", "{}"].map((pair) => [pair.charAt(0), pair.charAt(1)] as const)) {
    while (shown.endsWith(close) && shown.split(close).length > shown.split(open).length) {
      shown = shown.slice(0, -1).replace(TRAILING, "");
    }
  }
  return shown;
}

function safe(address: string): string {
  if (!URL.canParse(address)) return "";
  const { protocol, href } = new URL(address);
  return protocol === "https:" || protocol === "http:" ? href : "";
}
