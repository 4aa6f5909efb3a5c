// What SQLite calls to read and write its files: two sync access handles that are open already.
//
// The package's own pool of such handles (opfs-sahpool) is not used: when one of its files cannot be opened, because
// another tab still has it or the disk fails for a moment, it deletes them all; and it takes a file whose header is
// torn for a free one. Here a file is opened by its name, and what goes wrong is an error and nothing else.
//
// Durability: SQLite calls xSync where its rollback journal needs it, and that is `flush()` of the handle. The
// standard has flush hand everything to "the file system's underlying storage device"; browsers make it the system's
// fsync. A commit returns after the journal, then the database, then the emptied journal were flushed.
import type { Files, Handle } from "./files";
import type { Sqlite } from "./sqlite";

export const MAIN = "/messages.sqlite3";
const JOURNAL = `${MAIN}-journal`;

const SECTOR = 4096; // bytes
const LONGEST_NAME = 64;
const EPOCH = 2_440_587.5; // the Julian day on which 1970 begins
const DAY = 86_400_000; // ms

export interface Vfs {
  readonly name: string;
  /** After the database is closed: SQLite forgets the files, which stay open. */
  remove(): void;
}

// What the package's own types leave out of SQLite's structs, or say wrongly: offsets are 64 bits wide.
interface Struct {
  $iVersion: number;
  readonly pointer: number;
  dispose(): void;
}
interface System extends Struct {
  $szOsFile: number;
  $mxPathname: number;
  $xRandomness: number;
  $xSleep: number;
}
interface OpenFile {
  $pMethods: number;
  dispose(): void;
}
interface Structs {
  readonly sqlite3_io_methods: new () => Struct;
  readonly sqlite3_vfs: new (pointer?: number) => System;
  readonly sqlite3_file: (new (pointer: number) => OpenFile) & { readonly structInfo: { readonly sizeof: number } };
}
type Method = (...args: never[]) => number;
type Install = (what: {
  io?: { struct: Struct; methods: Record<string, Method> };
  vfs?: { struct: System; methods: Record<string, Method>; name: string };
}) => void;

let count = 0;

export function installVfs(sqlite: Sqlite, files: Files): Vfs {
  const structs = sqlite.capi as unknown as Structs;
  const install = sqlite.vfs.installVfs as unknown as Install;
  const open = new Map<number, Handle>(); // by SQLite's pointer to the file
  count += 1;
  const name = `messenger-${count}`;

  const io = new structs.sqlite3_io_methods();
  io.$iVersion = 1;
  install({ io: { struct: io, methods: ioMethods(sqlite, open) } });

  const usual = new structs.sqlite3_vfs(sqlite.capi.sqlite3_vfs_find(null));
  const vfs = new structs.sqlite3_vfs();
  vfs.$iVersion = 2;
  vfs.$szOsFile = structs.sqlite3_file.structInfo.sizeof;
  vfs.$mxPathname = LONGEST_NAME;
  vfs.$xRandomness = usual.$xRandomness;
  vfs.$xSleep = usual.$xSleep;
  usual.dispose();
  const handles = new Map([
    [MAIN, files.main],
    [JOURNAL, files.journal],
  ]);
  const opened = (file: number, handle: Handle): void => {
    open.set(file, handle);
    const struct = new structs.sqlite3_file(file);
    struct.$pMethods = io.pointer;
    struct.dispose();
  };
  install({ vfs: { struct: vfs, name, methods: vfsMethods(sqlite, handles, opened) } });
  return {
    name,
    remove: () => {
      sqlite.capi.sqlite3_vfs_unregister(vfs.pointer);
      vfs.dispose();
      io.dispose();
    },
  };
}

function ioMethods({ capi, wasm }: Sqlite, open: Map<number, Handle>): Record<string, Method> {
  const at = (file: number): Handle => {
    const handle = open.get(file);
    if (handle === undefined) throw new Error("The file is not open.");
    return handle;
  };
  return {
    xClose: (file: number) => {
      open.delete(file);
      return capi.SQLITE_OK;
    },
    xRead: (file: number, target: number, size: number, offset: bigint) => {
      let missing = 0;
      const code = guard(() => {
        const into = wasm.heap8u().subarray(target, target + size);
        const got = at(file).read(into, { at: Number(offset) });
        into.fill(0, got); // SQLite counts on that
        missing = size - got;
      }, capi.SQLITE_IOERR_READ);
      return code === capi.SQLITE_OK && missing > 0 ? capi.SQLITE_IOERR_SHORT_READ : code;
    },
    xWrite: (file: number, source: number, size: number, offset: bigint) => {
      try {
        const written = at(file).write(wasm.heap8u().subarray(source, source + size), { at: Number(offset) });
        return written === size ? capi.SQLITE_OK : capi.SQLITE_FULL;
      } catch (error) {
        const isFull = error instanceof DOMException && error.name === "QuotaExceededError";
        return isFull ? capi.SQLITE_FULL : capi.SQLITE_IOERR_WRITE;
      }
    },
    xTruncate: (file: number, size: bigint) =>
      guard(() => at(file).truncate(Number(size)), capi.SQLITE_IOERR_TRUNCATE),
    xSync: (file: number) => guard(() => at(file).flush(), capi.SQLITE_IOERR_FSYNC),
    xFileSize: (file: number, target: number) =>
      guard(() => wasm.poke64(target, BigInt(at(file).getSize())), capi.SQLITE_IOERR_FSTAT),
    // The Worker is alone with its files: it holds the account's lock, and each handle is exclusive.
    xLock: () => capi.SQLITE_OK,
    xUnlock: () => capi.SQLITE_OK,
    xCheckReservedLock: (_file: number, target: number) => {
      wasm.poke32(target, 0);
      return capi.SQLITE_OK;
    },
    xFileControl: () => capi.SQLITE_NOTFOUND,
    xSectorSize: () => SECTOR,
    xDeviceCharacteristics: () => capi.SQLITE_IOCAP_UNDELETABLE_WHEN_OPEN,
  };
}

function vfsMethods(
  { capi, wasm }: Sqlite,
  handles: ReadonlyMap<string, Handle>,
  opened: (file: number, handle: Handle) => void,
): Record<string, Method> {
  const named = (path: number): Handle | undefined => handles.get(wasm.cstrToJs(path) ?? "");
  return {
    xOpen: (_vfs: number, path: number, file: number, flags: number, outFlags: number) => {
      const handle = named(path);
      if (handle === undefined) return capi.SQLITE_CANTOPEN;
      opened(file, handle);
      wasm.poke32(outFlags, flags);
      return capi.SQLITE_OK;
    },
    // An empty file is one that is not there.
    xAccess: (_vfs: number, path: number, _flags: number, target: number) =>
      guard(() => wasm.poke32(target, (named(path)?.getSize() ?? 0) > 0 ? 1 : 0), capi.SQLITE_IOERR_ACCESS),
    xDelete: (_vfs: number, path: number) =>
      guard(() => {
        named(path)?.truncate(0);
        named(path)?.flush();
      }, capi.SQLITE_IOERR_DELETE),
    xFullPathname: (_vfs: number, path: number, size: number, target: number) =>
      wasm.cstrncpy(target, path, size) < size ? capi.SQLITE_OK : capi.SQLITE_CANTOPEN,
    xGetLastError: () => capi.SQLITE_OK,
    xCurrentTime: (_vfs: number, target: number) => {
      wasm.poke(target, EPOCH + Date.now() / DAY, "double");
      return capi.SQLITE_OK;
    },
    xCurrentTimeInt64: (_vfs: number, target: number) => {
      wasm.poke64(target, BigInt(Math.floor(EPOCH * DAY) + Date.now()));
      return capi.SQLITE_OK;
    },
  };
}

/** Run what touches a file: an exception must not pass through SQLite. */
function guard(work: () => void, code: number): number {
  try {
    work();
    return 0; // SQLITE_OK
  } catch {
    return code;
  }
}
