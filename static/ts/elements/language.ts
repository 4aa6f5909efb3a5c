// How the page's language writes times and counts.

import { timesOf } from "./times";

const language = typeof document === "undefined" ? "en" : document.documentElement.lang || "en";
const rules = new Intl.PluralRules(language);
const list = new Intl.ListFormat(language, { type: "conjunction" });

export const times = timesOf(language);

/** `one` or `other`, with the number written as the language writes it. */
export function many(count: number, one: string, other: string): string {
  return (rules.select(count) === "one" ? one : other).replace("#", times.number(count));
}

/** a, b and c */
export function listed(names: readonly string[]): string {
  return list.format(names);
}

export function lowerFirst(text: string): string {
  return text.charAt(0).toLocaleLowerCase() + text.slice(1);
}
