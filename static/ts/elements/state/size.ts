// How much a message holds.

/** In UTF-8: with its keys and its padding that stays under the 64 KiB that the server takes for one device. */
export const MOST_BYTES = 60_000;
const MOST_A_UNIT = 3; // bytes that one unit of UTF-16 becomes

const encoder = new TextEncoder();

/** How many more characters like those of the text fit; negative: how many are too many. */
export function room(text: string): number {
  if (text.length * MOST_A_UNIT < MOST_BYTES) return MOST_BYTES - text.length * MOST_A_UNIT;
  const bytes = encoder.encode(text).length;
  return Math.floor(((MOST_BYTES - bytes) * text.length) / bytes);
}
