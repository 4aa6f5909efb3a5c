// The key of an account's database: 32 random bytes, sealed under a key that the browser gives to no script.
//
// What that is worth: a script that gets at the sealed key cannot take it along, for the key that opens it never
// leaves the browser; and erasing both makes what is left of the database unreadable. What it does not do: protect
// from a thief of the disk, who has the browser's own files and so both keys, or from a script that runs in the page,
// which can ask for everything that the page shows.
import { StoreError } from "../lib/errors";

import { KEY_SIZE } from "./database";

const NAME = "messenger";
const KEYS = "keys";
const IV_SIZE = 12;

/** What is kept for one account. */
export interface SealedKey {
  readonly wrapping: CryptoKey;
  readonly iv: Uint8Array<ArrayBuffer>;
  readonly sealed: ArrayBuffer;
}

/** Where sealed keys are kept: IndexedDB, or a test's own. */
export interface Shelf {
  get(account: string): Promise<SealedKey | null>;
  put(account: string, value: SealedKey): Promise<void>;
}

/** The key of an account's database, or null if there is none. Throws StoreError if it does not open. */
export async function storedKey(account: string, shelf: Shelf = browserShelf): Promise<Uint8Array | null> {
  const kept = await shelf.get(account);
  if (kept === null) return null;
  try {
    return new Uint8Array(await crypto.subtle.decrypt(sealing(kept.iv, account), kept.wrapping, kept.sealed));
  } catch {
    throw new StoreError("The key of what is stored here is damaged.", "wrong_key");
  }
}

/** Make an account's key and keep it, in the place of an older one. */
export async function makeKey(account: string, shelf: Shelf = browserShelf): Promise<Uint8Array> {
  const key = crypto.getRandomValues(new Uint8Array(KEY_SIZE));
  const iv = crypto.getRandomValues(new Uint8Array(IV_SIZE));
  const wrapping = await crypto.subtle.generateKey({ name: "AES-GCM", length: 256 }, false, ["encrypt", "decrypt"]);
  const sealed = await crypto.subtle.encrypt(sealing(iv, account), wrapping, key);
  await shelf.put(account, { wrapping, iv, sealed });
  return key;
}

function sealing(iv: Uint8Array<ArrayBuffer>, account: string): AesGcmParams {
  return { name: "AES-GCM", iv, additionalData: new TextEncoder().encode(account) };
}

const browserShelf: Shelf = {
  async get(account) {
    return ((await within("readonly", (keys) => keys.get(account))) as SealedKey | undefined) ?? null;
  },
  async put(account, value) {
    await within("readwrite", (keys) => keys.put(value, account));
  },
};

/** One request in a transaction of its own; resolves once that is on the disk. */
function within(mode: IDBTransactionMode, work: (keys: IDBObjectStore) => IDBRequest): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const fail = (): void => reject(new StoreError("This browser does not keep the page's keys.", "refused"));
    const opening = indexedDB.open(NAME, 1);
    opening.onupgradeneeded = () => opening.result.createObjectStore(KEYS);
    opening.onerror = fail;
    opening.onblocked = fail;
    opening.onsuccess = () => {
      const database = opening.result;
      try {
        const transaction = database.transaction(KEYS, mode, { durability: "strict" });
        const request = work(transaction.objectStore(KEYS));
        transaction.oncomplete = () => {
          database.close();
          resolve(request.result);
        };
        transaction.onabort = () => {
          database.close();
          fail();
        };
      } catch {
        // Closed by the browser already. Thrown in here it would be nobody's, and end the Worker.
        fail();
      }
    };
  });
}
