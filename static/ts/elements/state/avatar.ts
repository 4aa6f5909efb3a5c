// A picture for who has none: initials, on a colour that belongs to the account and not to the name.

export const COLOURS = 8;

export function initialsOf(name: string): string {
  const parts = name.split(/[\s._-]+/u).filter((part) => part !== "");
  const letters = parts.length > 1 ? [parts[0], parts[parts.length - 1]] : [parts[0]];
  return letters.map((part) => Array.from(part ?? "")[0] ?? "").join("").toLocaleUpperCase() || "?";
}

/** 1 to COLOURS, the same for an account everywhere (FNV-1a). */
export function colourOf(account: string): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < account.length; at += 1) hash = Math.imul(hash ^ account.charCodeAt(at), 0x01000193) >>> 0;
  return (hash % COLOURS) + 1;
}
