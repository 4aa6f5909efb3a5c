// base64url without padding, one text for one value.

const FORM = /^[A-Za-z0-9_-]*$/;
const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
const UNUSED = [0, 0, 0b1111, 0b11]; // bits of the last character, by the length modulo 4
const CHUNK = 0x8000; // arguments that one call takes without risk

export function encodeBase64url(data: Uint8Array): string {
  let binary = "";
  for (let at = 0; at < data.length; at += CHUNK) binary += String.fromCharCode(...data.subarray(at, at + CHUNK));
  return btoa(binary).replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
}

/** The bytes, or null for what `encodeBase64url` would not have written. */
export function decodeBase64url(text: string): Uint8Array | null {
  if (!FORM.test(text) || text.length % 4 === 1) return null;
  if ((ALPHABET.indexOf(text.at(-1) ?? "A") & (UNUSED[text.length % 4] ?? 0)) !== 0) return null;
  const binary = atob(text.replaceAll("-", "+").replaceAll("_", "/"));
  const data = new Uint8Array(binary.length);
  for (let at = 0; at < binary.length; at += 1) data[at] = binary.charCodeAt(at);
  return data;
}
