// The beginning of a long message: a screen of it is enough until somebody wants to read on.

export const LONG = 2_500; // characters, or
export const LONG_LINES = 40; // lines from which a message is cut
const SHOWN = 1_500;
const SHOWN_LINES = 25;
const BACK = 80; // characters that a cut moves back at most, to the end of a word

/** What is shown of it at first; null: all of it. */
export function excerpt(text: string): string | null {
  if (text.length <= LONG && lineEnd(text, LONG_LINES) < 0) return null;
  const line = lineEnd(text, SHOWN_LINES);
  if (line >= 0 && line <= SHOWN) return text.slice(0, line);
  const shown = text.slice(0, SHOWN);
  const space = shown.search(/\s\S*$/u);
  return space > SHOWN - BACK ? shown.slice(0, space) : shown.replace(/[\ud800-\udbff]$/, "");
}

/** Where the line of that number ends; -1: there are no more lines than that. */
function lineEnd(text: string, lines: number): number {
  let at = -1;
  for (let line = 0; line < lines; line += 1) {
    at = text.indexOf("\n", at + 1);
    if (at < 0) return -1;
  }
  return at;
}
