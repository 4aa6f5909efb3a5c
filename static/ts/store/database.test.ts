import { afterEach, describe, expect, test } from "vitest";

import { StoreError } from "../lib/errors";

import { Store } from "./database";
import { memoryFiles, MemoryHandle } from "./files";
import { migrate, MIGRATIONS } from "./schema";

const KEY = new Uint8Array(32).fill(7);
const CANARY = "the canary sings at noon";

const opened: Store[] = [];
async function open(files = memoryFiles(), key = KEY): Promise<Store> {
  const store = await Store.open(files, key);
  opened.push(store);
  return store;
}
afterEach(() => {
  for (const store of opened.splice(0)) store.close();
});

const put = (store: Store, name: string, size = 8): void =>
  store.transaction((tx) => void tx.run("INSERT INTO setting VALUES (?, ?)", [name, new Uint8Array(size).fill(1)]));
const names = (store: Store): unknown[] =>
  store.transaction((tx) => tx.all("SELECT name FROM setting ORDER BY name")).map(([name]) => name);

describe("on the disk", () => {
  test("stands nothing in clear, in neither file", async () => {
    const files = memoryFiles();
    const seen: Uint8Array[] = [];
    const write = files.journal.write.bind(files.journal);
    files.journal.write = (buffer, options) => {
      seen.push(buffer.slice());
      return write(buffer, options);
    };
    const store = await open(files);
    put(store, CANARY, 5000);
    store.transaction((tx) => tx.run("UPDATE setting SET value = ? WHERE name = ?", [new Uint8Array(9), CANARY]));
    for (const data of [files.main.bytes(), ...seen]) {
      expect(Buffer.from(data).includes("canary")).toBe(false);
      expect(Buffer.from(data).includes("CREATE TABLE")).toBe(false);
    }
    expect(seen.length).toBeGreaterThan(3);
  });

  test("two databases of one key have nothing in common but the page's size", async () => {
    const [one, other] = [memoryFiles(), memoryFiles()];
    await open(one);
    await open(other);
    const [first, second] = [one.main.bytes(), other.main.bytes()];
    const same = first.filter((byte, at) => byte === second[at]).length;
    expect(same).toBeLessThan(first.length / 100);
  });

  test("stays when it is closed, and opens with its key alone", async () => {
    const files = memoryFiles();
    const store = await open(files);
    put(store, "one");
    store.close();
    store.close();
    expect([files.main.closed, files.journal.closed]).toEqual([true, true]);
    await expect(open(files, new Uint8Array(32).fill(8))).rejects.toMatchObject({ code: "wrong_key" });
    await expect(open(files, new Uint8Array(16))).rejects.toBeInstanceOf(StoreError);
    expect(names(await open(files))).toEqual(["one"]);
  });

  test("a changed byte is noticed", async () => {
    const files = memoryFiles();
    const store = await open(files);
    for (let at = 0; at < 50; at += 1) put(store, `name ${at}`, 3000);
    store.close();
    const at = files.main.getSize() - 50_000; // behind the tables' own pages, among the rows
    const byte = new Uint8Array(1);
    files.main.read(byte, { at });
    files.main.write(byte.map((value) => value ^ 1), { at });
    const reading = open(files).then((again) => again.transaction((tx) => tx.all("SELECT * FROM setting")));
    await expect(reading).rejects.toBeInstanceOf(StoreError);
  });

  test("is written as it has to be", async () => {
    const store = await open();
    const value = (name: string): unknown => store.transaction((tx) => tx.one(`PRAGMA ${name}`)?.[0]);
    expect(value("synchronous")).toBe(2);
    expect(value("secure_delete")).toBe(1);
    expect(value("journal_mode")).toBe("truncate");
    expect(value("locking_mode")).toBe("exclusive");
    expect(value("temp_store")).toBe(2);
    expect(value("cipher")).toBe("chacha20");
  });
});

describe("a transaction", () => {
  test("commits as a whole or not at all", async () => {
    const store = await open();
    const failing = (): void =>
      store.transaction((tx) => {
        tx.run("INSERT INTO setting VALUES ('one', x'00')");
        throw new RangeError("no");
      });
    expect(failing).toThrow(RangeError);
    expect(names(store)).toEqual([]);
    put(store, "two");
    expect(names(store)).toEqual(["two"]);
  });

  test("gives what it found", async () => {
    const store = await open();
    const big = 2 ** 52 + 1;
    const found = store.transaction((tx) => {
      expect(tx.run("INSERT INTO envelope VALUES (?, ?), (1, 2)", [big, 5])).toBe(2);
      expect(tx.run("DELETE FROM envelope WHERE id = 99")).toBe(0);
      expect(tx.one("SELECT * FROM envelope WHERE id = 99")).toBeNull();
      return tx.all("SELECT id, at, NULL, 'é\u{1F600}', x'00ff' FROM envelope ORDER BY id");
    });
    expect(found[1]).toEqual([big, 5, null, "é\u{1F600}", Uint8Array.of(0, 255)]);
  });

  test("is one at a time, and waits for nothing", async () => {
    const store = await open();
    expect(() => store.transaction(() => store.transaction(() => 1))).toThrow(StoreError);
    expect(() => store.transaction(() => Promise.resolve())).toThrow(TypeError);
    put(store, "after");
    expect(names(store)).toEqual(["after"]);
  });

  test("of SQLite's own errors makes ones that a person can read", async () => {
    const store = await open();
    put(store, "one");
    expect(() => put(store, "one")).toThrow(expect.objectContaining({ code: "constraint" }) as Error);
    expect(names(store)).toEqual(["one"]);
    store.close();
    expect(() => names(store)).toThrow(expect.objectContaining({ code: "closed" }) as Error);
  });

  test("on a full disk changes nothing, and the next one works", async () => {
    const files = memoryFiles();
    const store = await open(files);
    put(store, "before");
    const write = files.main.write.bind(files.main);
    files.main.write = () => {
      throw new DOMException("no room", "QuotaExceededError");
    };
    expect(() => put(store, "large", 50_000)).toThrow(expect.objectContaining({ code: "full" }) as Error);
    files.main.write = write;
    expect(names(store)).toEqual(["before"]);
    put(store, "after");
    expect(names(store)).toEqual(["after", "before"]);
  });
});

describe("a loss of power", () => {
  /** Both files of one disk, which after so many operations stops working, or does so for a while. */
  class Disk {
    left = Infinity;
    down = Infinity; // operations
    readonly main = this.#file();
    readonly journal = this.#file();

    #file(): MemoryHandle {
      const handle = new MemoryHandle();
      for (const name of ["write", "truncate", "flush"] as const) {
        const work = handle[name].bind(handle) as (...values: unknown[]) => unknown;
        const counted = (...values: unknown[]): unknown => {
          this.left -= 1;
          if (this.left < 0 && this.left >= -this.down) throw new DOMException("gone", "InvalidStateError");
          return work(...values);
        };
        Object.assign(handle, { [name]: counted });
      }
      return handle;
    }
  }

  test.each([true, false])("leaves a transaction done or not begun (unflushed writes are lost: %s)", async (isLost) => {
    let done = 0;
    for (let cut = 0; ; cut += 1) {
      const disk = new Disk();
      const store = await open(disk);
      for (let at = 0; at < 8; at += 1) put(store, `before ${at}`, 2000);
      disk.left = cut;
      let hasReturned = false;
      try {
        store.transaction((tx) => {
          tx.run("DELETE FROM setting WHERE name = 'before 3'");
          tx.run("UPDATE setting SET value = ? WHERE name = 'before 5'", [new Uint8Array(9000)]);
          tx.run("INSERT INTO setting VALUES ('after', ?)", [new Uint8Array(9000)]);
        });
        hasReturned = true;
      } catch (error) {
        expect(error).toBeInstanceOf(StoreError);
      }
      if (isLost) for (const file of [disk.main, disk.journal]) file.fail();
      const after = memoryFiles();
      for (const name of ["main", "journal"] as const) after[name].write(disk[name].bytes(), { at: 0 });
      const again = await open(after);
      const found = names(again);
      expect(again.transaction((tx) => tx.one("PRAGMA integrity_check"))).toEqual(["ok"]);
      const isAfter = found.includes("after");
      expect(found.includes("before 3")).toBe(!isAfter);
      expect(found).toHaveLength(8);
      if (hasReturned) expect(isAfter).toBe(true);
      if (isAfter) done += 1;
      if (hasReturned && done > 3) break;
    }
  });

  test.each([1, 3, 1000])("a disk that fails for %i operations leaves a store that is whole", async (down) => {
    for (let cut = 0; cut < 30; cut += 1) {
      const disk = new Disk();
      const files = disk as unknown as ReturnType<typeof memoryFiles>;
      const store = await open(files);
      for (let at = 0; at < 8; at += 1) put(store, `before ${at}`, 2000);
      Object.assign(disk, { left: cut, down });
      let hasReturned = false;
      try {
        store.transaction((tx) => {
          tx.run("DELETE FROM setting WHERE name = 'before 3'");
          for (let at = 0; at < 8; at += 1) tx.run("INSERT INTO setting VALUES (?, ?)", [`after ${at}`, new Uint8Array(9000)]);
        });
        hasReturned = true;
      } catch (error) {
        expect(error).toBeInstanceOf(StoreError);
      }
      disk.left = Infinity;
      let here: unknown[] | null = null;
      try {
        here = names(store);
        put(store, "later");
        here.push("later");
      } catch (error) {
        expect(error).toBeInstanceOf(StoreError); // it closed itself: the next start reads the journal
      }
      store.close();
      const again = await open(files);
      expect(again.transaction((tx) => tx.one("PRAGMA integrity_check"))).toEqual(["ok"]);
      const found = names(again);
      expect(found.filter((name) => String(name).startsWith("after"))).toHaveLength(found.includes("before 3") ? 0 : 8);
      if (hasReturned) expect(found).not.toContain("before 3");
      if (here !== null) expect(found.sort()).toEqual(here.sort());
    }
  });
});


describe("migrations", () => {
  test("run once, in order, each as a whole", async () => {
    const store = await open();
    const more = [...MIGRATIONS, ["CREATE TABLE extra (id INTEGER)"], ["INSERT INTO extra VALUES (1)"]];
    migrate(store, more);
    migrate(store, more);
    expect(store.transaction((tx) => tx.all("SELECT * FROM extra"))).toEqual([[1]]);
    const broken = [...more, ["INSERT INTO extra VALUES (2)", "INSERT INTO nowhere VALUES (1)"]];
    expect(() => migrate(store, broken)).toThrow(StoreError);
    expect(store.transaction((tx) => tx.all("SELECT * FROM extra"))).toEqual([[1]]);
  });

  test("of a newer program are left alone", async () => {
    const files = memoryFiles();
    const store = await open(files);
    store.transaction((tx) => tx.run("PRAGMA user_version = 99"));
    store.close();
    await expect(open(files)).rejects.toMatchObject({ code: "newer" });
  });
});
