// Where a database's two files are: in the browser's private file system (opfs.ts), or in memory.

/** The part of FileSystemSyncAccessHandle that a database needs. */
export interface Handle {
  read(buffer: Uint8Array, options: { at: number }): number;
  write(buffer: Uint8Array, options: { at: number }): number;
  truncate(size: number): void;
  getSize(): number;
  /** Returns when what was written is with the device, not only with the system. */
  flush(): void;
  close(): void;
}

/** A database and its rollback journal, open for as long as the database is. */
export interface Files {
  readonly main: Handle;
  readonly journal: Handle;
}

/** Files that live as long as this object: for tests, which may close a database and open it again. */
export function memoryFiles(): Files & { readonly main: MemoryHandle; readonly journal: MemoryHandle } {
  return { main: new MemoryHandle(), journal: new MemoryHandle() };
}

/** One file in memory. `durable` is what a loss of power would leave: what was flushed. */
export class MemoryHandle implements Handle {
  durable = new Uint8Array(0);
  flushes = 0;
  closed = false;
  #data = new Uint8Array(0);
  #size = 0;

  read(buffer: Uint8Array, { at }: { at: number }): number {
    const part = this.#data.subarray(at, Math.min(at + buffer.length, this.#size));
    buffer.set(part);
    return part.length;
  }

  write(buffer: Uint8Array, { at }: { at: number }): number {
    this.#reserve(at + buffer.length);
    this.#data.set(buffer, at);
    this.#size = Math.max(this.#size, at + buffer.length);
    return buffer.length;
  }

  truncate(size: number): void {
    this.#reserve(size);
    this.#data.fill(0, size);
    this.#size = size;
  }

  getSize(): number {
    return this.#size;
  }

  flush(): void {
    this.flushes += 1;
    this.durable = this.bytes();
  }

  close(): void {
    this.closed = true;
  }

  bytes(): Uint8Array<ArrayBuffer> {
    return this.#data.slice(0, this.#size);
  }

  /** Lose the power: only what was flushed is left. */
  fail(): void {
    this.#data = this.durable.slice();
    this.#size = this.durable.length;
  }

  #reserve(size: number): void {
    if (size <= this.#data.length) return;
    const larger = new Uint8Array(Math.max(size, 2 * this.#data.length));
    larger.set(this.#data.subarray(0, this.#size));
    this.#data = larger;
  }
}
