// Whom a text of an open chat mentions: the server keeps no more than the text, so the names in it say.

const PUNCTUATION = "._-"; // may stand in a username, and behind one
const OF_A_NAME = /[._\-\p{L}\p{M}\p{N}]/u;

/** The accounts whose `@name` stands in a text, each once. `names`: folded usernames. */
export function calledIn<T>(text: string, names: ReadonlyMap<string, T>): T[] {
  const found = new Map<string, T>();
  for (const written of text.includes("@") ? writtenIn(text) : []) {
    for (let name = written; name !== ""; name = name.slice(0, -1)) {
      const account = names.get(name);
      if (account !== undefined) found.set(name, account);
      // With the full stop of a sentence behind the name, or without.
      if (account !== undefined || !PUNCTUATION.includes(name.slice(-1))) break;
    }
  }
  return [...found.values()];
}

export function folded(name: string): string {
  return name.normalize("NFKC").toLowerCase();
}

/** What stands behind each `@` that ends no word, as far as a username could go. */
function* writtenIn(text: string): Generator<string> {
  const characters = Array.from(text);
  for (const [at, one] of characters.entries()) {
    const before = characters[at - 1];
    if (one !== "@" || (before !== undefined && (before === "@" || OF_A_NAME.test(before)))) continue; // an e-mail address
    let end = at + 1;
    while (end < characters.length && OF_A_NAME.test(characters[end] ?? "")) end += 1;
    yield folded(characters.slice(at + 1, end).join(""));
  }
}
