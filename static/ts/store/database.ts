// One account's database: opening it with its key, and transactions.
//
// SQLite3MultipleCiphers encrypts every page, the journal's too, with ChaCha20-Poly1305 under a nonce of its own: what
// was changed on the disk is noticed. The key is 32 random bytes and is taken as it is, without a derivation.
import { hex } from "../lib/bytes";
import { StoreError } from "../lib/errors";

import type { Files } from "./files";
import { migrate } from "./schema";
import { sqlite } from "./sqlite";
import type { Sqlite } from "./sqlite";
import type { Row, Transaction, Value } from "./transaction";
import { installVfs, MAIN } from "./vfs";
import type { Vfs } from "./vfs";

export type { Transaction } from "./transaction";

export const KEY_SIZE = 32;

const CIPHERS = "multipleciphers-"; // before a VFS's name: through the one that encrypts
const MOST_STATEMENTS = 256; // there are fewer in the code

type Connection = InstanceType<Sqlite["oo1"]["DB"]>;
type Statement = ReturnType<Connection["prepare"]>;

export class Store {
  readonly #library: Sqlite;
  readonly #connection: Connection;
  readonly #vfs: Vfs;
  readonly #files: Files;
  readonly #statements = new Map<string, Statement>();
  readonly #tx: Transaction;
  #busy = false;
  #closed = false;

  private constructor(library: Sqlite, connection: Connection, vfs: Vfs, files: Files) {
    this.#library = library;
    this.#connection = connection;
    this.#vfs = vfs;
    this.#files = files;
    this.#tx = {
      run: (statement, values) => this.#run(statement, values),
      one: (statement, values) => this.#rows(statement, values, 1)[0] ?? null,
      all: (statement, values) => this.#rows(statement, values, Infinity),
    };
  }

  /** Open a database, made if its files are empty. The files are closed with it. Throws StoreError. */
  static async open(files: Files, key: Uint8Array): Promise<Store> {
    if (key.length !== KEY_SIZE) throw new StoreError("The key of what is stored here is damaged.");
    const library = await sqlite();
    const vfs = installVfs(library, files);
    let connection: Connection | null = null;
    try {
      connection = new library.oo1.DB({ filename: MAIN, flags: "c", vfs: CIPHERS + vfs.name });
      connection.exec(`PRAGMA cipher = 'chacha20'; PRAGMA key = 'raw:${hex(key)}'`);
      for (const pragma of PRAGMAS) connection.exec(`PRAGMA ${pragma}`);
      const store = new Store(library, connection, vfs, files);
      migrate(store);
      return store;
    } catch (error) {
      connection?.close();
      forget(library, vfs, files);
      throw unreadable(library, error);
    }
  }

  /**
   * Read and write in one step: commits at the end, or changes nothing at all. Returns once it is on the disk.
   *
   * `work` must not await, and must not begin another one.
   */
  transaction<T>(work: (tx: Transaction) => T): T {
    if (this.#closed) throw new StoreError("What is stored here was closed.", "closed");
    if (this.#busy) throw new StoreError("A transaction was begun inside of another one.", "nested");
    this.#busy = true;
    try {
      this.#run("BEGIN IMMEDIATE");
      const result = work(this.#tx);
      if (result instanceof Promise) throw new TypeError("A transaction must not await.");
      this.#run("COMMIT");
      return result;
    } catch (error) {
      this.#rollBack();
      throw error instanceof this.#library.SQLite3Error ? unreadable(this.#library, error) : error;
    } finally {
      this.#busy = false;
    }
  }

  /** Close the database and its files: another tab can open them. Calls after the first do nothing. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    for (const statement of this.#statements.values()) statement.finalize();
    this.#statements.clear();
    this.#connection.close();
    forget(this.#library, this.#vfs, this.#files);
  }

  #run(statement: string, values?: readonly Value[]): number {
    const prepared = this.#prepared(statement);
    try {
      bind(prepared, values);
      // A statement that gives rows all the same (RETURNING, a PRAGMA) is run to its end.
      while (prepared.step());
    } finally {
      prepared.reset();
    }
    return this.#connection.changes();
  }

  #rows(statement: string, values: readonly Value[] | undefined, most: number): Row[] {
    const prepared = this.#prepared(statement);
    const rows: Row[] = [];
    try {
      bind(prepared, values);
      while (rows.length < most && prepared.step()) rows.push(prepared.get([]) as Value[]);
    } finally {
      prepared.reset();
    }
    return rows;
  }

  #prepared(statement: string): Statement {
    let prepared = this.#statements.get(statement);
    if (prepared === undefined) {
      prepared = this.#connection.prepare(statement);
      if (this.#statements.size >= MOST_STATEMENTS) this.#forgetOldest();
      this.#statements.set(statement, prepared);
    }
    return prepared;
  }

  #forgetOldest(): void {
    const oldest = this.#statements.entries().next();
    if (oldest.done === true) return;
    oldest.value[1].finalize();
    this.#statements.delete(oldest.value[0]);
  }

  #rollBack(): void {
    try {
      // After some errors (a full disk) SQLite has rolled back by itself.
      if (exported(this.#library, "sqlite3_get_autocommit")(this.#connection.pointer ?? 0) === 0) this.#run("ROLLBACK");
    } catch {
      // The disk is gone. The journal rolls it back at the next start; until then nothing is to be read or written.
      this.close();
    }
  }
}

const PRAGMAS = [
  // Of a new file. Never the VFS's sector size: the encryption takes a journal's header of a page's size for a page,
  // and a rollback then finds no header.
  "page_size = 8192",
  "locking_mode = EXCLUSIVE", // one connection, one process: its cache stays valid between transactions
  "journal_mode = TRUNCATE", // an old page does not stay in the journal, as PERSIST and WAL would have it
  "synchronous = FULL",
  "secure_delete = ON", // forward secrecy: an old ratchet state does not stay in a free page
  "temp_store = MEMORY",
  "cache_size = -8192", // KiB
  "foreign_keys = OFF",
];

function bind(statement: Statement, values: readonly Value[] | undefined): void {
  if (values !== undefined && values.length > 0) statement.bind([...values]);
}

/** A function of the library that its types leave out. */
function exported(library: Sqlite, name: string): (pointer: number) => number {
  return (library.wasm.exports as Record<string, unknown>)[name] as (pointer: number) => number;
}

function forget(library: Sqlite, vfs: Vfs, files: Files): void {
  const name = library.wasm.allocCString(CIPHERS + vfs.name, false);
  exported(library, "sqlite3mc_vfs_destroy")(name);
  library.wasm.dealloc(name);
  vfs.remove();
  files.main.close();
  files.journal.close();
}

/** What an error of SQLite means for the person. Other errors stay what they are. */
function unreadable(library: Sqlite, error: unknown): unknown {
  if (!(error instanceof library.SQLite3Error)) return error;
  const { capi } = library;
  switch (error.resultCode & 0xff) {
    case capi.SQLITE_FULL:
      return new StoreError("There is no more room on this device: free some, then go on.", "full");
    case capi.SQLITE_NOTADB:
      return new StoreError("What is stored here was made with another key, or is damaged.", "wrong_key");
    case capi.SQLITE_CORRUPT:
      return new StoreError("What this browser has stored is damaged.", "damaged");
    case capi.SQLITE_CONSTRAINT:
      return new StoreError("What was to be stored contradicts what is stored.", "constraint");
    default:
      return new StoreError("What is stored here cannot be read or written just now.", "io");
  }
}
