// Which shortcut a key is.

export type Shortcut = "jump" | "next" | "previous" | "search" | "help" | "back";

export interface Key {
  readonly key: string;
  readonly altKey: boolean;
  readonly ctrlKey: boolean;
  readonly metaKey: boolean;
  readonly isComposing: boolean;
}

/** `typing`: the key goes into a field, where letters are letters. */
export function shortcutOf(key: Key, typing: boolean): Shortcut | null {
  if (key.isComposing) return null;
  const command = key.ctrlKey || key.metaKey;
  if (command && !key.altKey && key.key.toLowerCase() === "k") return "jump";
  if (command) return null;
  if (key.altKey) {
    if (key.key === "ArrowDown") return "next";
    return key.key === "ArrowUp" ? "previous" : null;
  }
  if (key.key === "Escape") return "back";
  if (typing) return null;
  if (key.key === "/") return "search";
  return key.key === "?" ? "help" : null;
}

/** Whether a key in the composer sends. Enter that ends a word of an input method does not. */
export function sends(key: Key & { readonly shiftKey: boolean; readonly keyCode: number }): boolean {
  const composing = key.isComposing || key.keyCode === 229; // Safari ends the composition before it tells the key
  return key.key === "Enter" && !key.shiftKey && !key.altKey && !key.ctrlKey && !key.metaKey && !composing;
}
