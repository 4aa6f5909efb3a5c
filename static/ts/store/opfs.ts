// A database's files in the browser's private file system: one directory an account.
import { StoreError } from "../lib/errors";
import type { Clock } from "../lib/clock";

import type { Files, Handle } from "./files";

const ROOT = "messenger";
const MAIN = "messages.sqlite3";
const JOURNAL = "messages.sqlite3-journal";
const PATIENCE = 5_000; // ms: a tab that has just let go may hold its files for a moment longer
const PAUSE = 0.05; // seconds between tries

/** Open an account's files, made if there are none. Throws StoreError. */
export async function openFiles(account: string, clock: Clock): Promise<Files> {
  const start = clock.now();
  try {
    const directory = await (await root(true)).getDirectoryHandle(account, { create: true });
    const main = await directory.getFileHandle(MAIN, { create: true });
    const journal = await directory.getFileHandle(JOURNAL, { create: true });
    for (;;) {
      const opened = await openBoth(main, journal);
      if (opened !== null) return opened;
      if (clock.now() - start > PATIENCE) break;
      await clock.sleep(PAUSE);
    }
  } catch {
    throw new StoreError("This browser does not let the page store anything: a private window may be why.", "refused");
  }
  throw new StoreError("Another tab still uses what is stored here: close it, then reload this page.", "busy");
}

/** Whether there is a database of that account that something was written to. Opens nothing. */
export async function filesExist(account: string): Promise<boolean> {
  try {
    const directory = await (await root(false)).getDirectoryHandle(account);
    return (await (await directory.getFileHandle(MAIN)).getFile()).size > 0;
  } catch (error) {
    if (isNamed(error, "NotFoundError")) return false;
    throw new StoreError("This browser does not show what it has stored.", "refused");
  }
}

/** Delete an account's files, which are closed. */
export async function eraseFiles(account: string): Promise<void> {
  try {
    await (await root(false)).removeEntry(account, { recursive: true });
  } catch (error) {
    if (!isNamed(error, "NotFoundError")) throw new StoreError("This browser does not delete what it has stored.");
  }
}

function root(create: boolean): Promise<FileSystemDirectoryHandle> {
  return navigator.storage.getDirectory().then((top) => top.getDirectoryHandle(ROOT, { create }));
}

/** Both files, or null while another context has one of them. */
async function openBoth(main: FileSystemFileHandle, journal: FileSystemFileHandle): Promise<Files | null> {
  const first = await openOne(main);
  if (first === null) return null;
  const second = await openOne(journal).catch((error: unknown) => {
    first.close();
    throw error;
  });
  if (second === null) first.close();
  return second === null ? null : { main: first, journal: second };
}

async function openOne(file: FileSystemFileHandle): Promise<Handle | null> {
  try {
    return await file.createSyncAccessHandle();
  } catch (error) {
    if (isNamed(error, "NoModificationAllowedError")) return null;
    throw error;
  }
}

function isNamed(error: unknown, name: string): boolean {
  return error instanceof DOMException && error.name === name;
}
