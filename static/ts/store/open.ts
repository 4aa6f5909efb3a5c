// An account's store in this browser: opened, and looked for. Whoever calls holds the account's lock.
import type { Clock } from "../lib/clock";

import { makeKey, storedKey } from "./at_rest";
import { Store } from "./database";
import { eraseFiles, filesExist, openFiles } from "./opfs";

/** Open an account's store, made if there is none. Throws StoreError. */
export async function openStore(account: string, clock: Clock): Promise<Store> {
  let key = await storedKey(account);
  if (key === null) {
    // Files whose key is gone are noise.
    await eraseFiles(account);
    key = await makeKey(account);
  }
  return Store.open(await openFiles(account, clock), key);
}

/** Whether this browser has a store of that account: both halves of it, the files and their key. */
export async function storeExists(account: string): Promise<boolean> {
  return (await filesExist(account)) && (await storedKey(account)) !== null;
}
