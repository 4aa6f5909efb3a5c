// Members whom a text names as @name: finding them in it, and completing a name that is being written.

import type { GroupPerson } from "../../client/model";

const OF_A_NAME = /[\p{L}\p{M}\p{N}._-]/u;
const MARK = /[._-]$/;

/** A part of a text that calls somebody: `text.slice(from, to)` is the @ and the name. */
export interface Mention {
  readonly from: number;
  readonly to: number;
  readonly account: string;
}

/** An @ and the letters behind it, up to where one writes. */
export interface Started {
  readonly from: number;
  readonly to: number;
  readonly prefix: string;
}

/** In the order of the text. A name begins and ends where no username could go on. */
export function mentionsIn(text: string, people: readonly GroupPerson[]): Mention[] {
  if (people.length === 0) return [];
  const accounts = new Map(people.map(({ account, name }) => [folded(name), account]));
  const found: Mention[] = [];
  for (let from = text.indexOf("@"); from >= 0; from = text.indexOf("@", from + 1)) {
    if (!begins(text, from)) continue;
    for (let name = text.slice(from + 1, endOfName(text, from + 1)); name !== ""; name = name.slice(0, -1)) {
      const account = accounts.get(folded(name));
      if (account !== undefined) found.push({ from, to: from + 1 + name.length, account });
      // The full stop of a sentence may stand behind the name.
      if (account !== undefined || !MARK.test(name)) break;
    }
  }
  return found;
}

/** What is being written at the caret, if it begins a mention. */
export function startedAt(text: string, caret: number): Started | null {
  let from = caret;
  while (from > 0 && OF_A_NAME.test(before(text, from))) from -= before(text, from).length;
  if (before(text, from) !== "@") return null;
  from -= 1;
  return begins(text, from) ? { from, to: caret, prefix: text.slice(from + 1, caret) } : null;
}

/** Those whose names fit, the ones that begin so first. */
export function fitting(people: readonly GroupPerson[], prefix: string): GroupPerson[] {
  const wanted = folded(prefix);
  const fits = people.filter(({ name }) => folded(name).includes(wanted));
  const rank = ({ name }: GroupPerson): number => (folded(name).startsWith(wanted) ? 0 : 1);
  return fits.sort((one, other) => rank(one) - rank(other) || one.name.localeCompare(other.name));
}

/** The text with the name in the place of what was started, and where one writes on. */
export function completed(text: string, { from, to }: Started, name: string): { text: string; caret: number } {
  const rest = text.slice(to);
  const space = rest.startsWith(" ") ? "" : " ";
  return { text: `${text.slice(0, from)}@${name}${space}${rest}`, caret: from + 1 + name.length + 1 };
}

/** An @ within a word is an e-mail address. */
function begins(text: string, at: number): boolean {
  const character = before(text, at);
  return character === "" || (character !== "@" && !OF_A_NAME.test(character));
}

function endOfName(text: string, start: number): number {
  let end = start;
  for (const character of text.slice(start)) {
    if (!OF_A_NAME.test(character)) break;
    end += character.length;
  }
  return end;
}

/** The character that ends there. */
function before(text: string, at: number): string {
  return /.$/su.exec(text.slice(Math.max(0, at - 2), at))?.[0] ?? "";
}

/** How usernames compare. */
function folded(name: string): string {
  return name.normalize("NFKC").toLowerCase().normalize("NFKC");
}
