import { afterEach, beforeEach, expect, test, vi } from "vitest";

import type { Clock } from "../lib/clock";
import { StoreError } from "../lib/errors";

import { memoryFiles } from "./files";
import { eraseFiles, filesExist, openFiles } from "./opfs";

const error = (name: string): DOMException => new DOMException(name, name);

/** A file of which one handle at a time can be open, as the browser has it. */
class File {
  handle = memoryFiles().main;
  busyFor = 0; // tries
  isOpen = false;

  createSyncAccessHandle(): Promise<unknown> {
    this.busyFor -= 1;
    if (this.isOpen || this.busyFor >= 0) return Promise.reject(error("NoModificationAllowedError"));
    this.isOpen = true;
    const { handle } = this;
    const close = (): void => void (this.isOpen = false);
    return Promise.resolve({ write: handle.write.bind(handle), close });
  }

  getFile(): Promise<{ size: number }> {
    return Promise.resolve({ size: this.handle.getSize() });
  }
}

class Directory {
  readonly entries = new Map<string, Directory | File>();

  getDirectoryHandle(name: string, options?: { create: boolean }): Promise<Directory> {
    return this.#get(name, options, () => new Directory());
  }

  getFileHandle(name: string, options?: { create: boolean }): Promise<File> {
    return this.#get(name, options, () => new File());
  }

  removeEntry(name: string): Promise<void> {
    return this.entries.delete(name) ? Promise.resolve() : Promise.reject(error("NotFoundError"));
  }

  #get<T extends Directory | File>(name: string, options: { create: boolean } | undefined, make: () => T): Promise<T> {
    const found = (this.entries.get(name) as T | undefined) ?? (options?.create === true ? make() : null);
    if (found === null) return Promise.reject(error("NotFoundError"));
    this.entries.set(name, found);
    return Promise.resolve(found);
  }
}

let top: Directory;
let time: number;
const clock: Clock = { now: () => time, sleep: (seconds) => Promise.resolve(void (time += seconds * 1000)) };
const file = (name: string): File =>
  ((top.entries.get("messenger") as Directory).entries.get("a") as Directory).entries.get(name) as File;

beforeEach(() => {
  top = new Directory();
  time = 0;
  vi.stubGlobal("navigator", { storage: { getDirectory: () => Promise.resolve(top) } });
});
afterEach(() => {
  vi.unstubAllGlobals();
});

test("files are made, found once something is in them, and erased", async () => {
  expect(await filesExist("a")).toBe(false);
  const files = await openFiles("a", clock);
  expect(await filesExist("a")).toBe(false);
  files.main.write(Uint8Array.of(1), { at: 0 });
  expect([await filesExist("a"), await filesExist("b")]).toEqual([true, false]);
  await eraseFiles("a");
  await eraseFiles("a");
  expect(await filesExist("a")).toBe(false);
});

test("files that another tab has are waited for, and none stays open meanwhile", async () => {
  (await openFiles("a", clock)).main.close();
  file("messages.sqlite3-journal").isOpen = false;
  file("messages.sqlite3-journal").busyFor = 20;
  await openFiles("a", clock);
  expect(time).toBeCloseTo(1_000);
  await expect(openFiles("a", clock)).rejects.toMatchObject({ code: "busy" });
  expect(time).toBeLessThan(7_000);
  file("messages.sqlite3").isOpen = false;
  await expect(openFiles("a", clock)).rejects.toMatchObject({ code: "busy" });
  expect(file("messages.sqlite3").isOpen).toBe(false);
});

test("a browser that refuses is one that says so", async () => {
  vi.stubGlobal("navigator", { storage: { getDirectory: () => Promise.reject(error("SecurityError")) } });
  await expect(openFiles("a", clock)).rejects.toBeInstanceOf(StoreError);
  await expect(filesExist("a")).rejects.toMatchObject({ code: "refused" });
  await expect(eraseFiles("a")).rejects.toBeInstanceOf(StoreError);
});
