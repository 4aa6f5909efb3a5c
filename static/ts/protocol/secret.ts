// Values that must not reach a log.

const INSPECT = Symbol.for("nodejs.util.inspect.custom");

/** Bytes that print as `<secret>`. Slices of it are plain bytes again: wrap them anew. */
export class Secret extends Uint8Array<ArrayBuffer> {
  static get [Symbol.species](): Uint8ArrayConstructor {
    return Uint8Array;
  }

  override toString(): string {
    return "<secret>";
  }

  override toLocaleString(): string {
    return "<secret>";
  }

  toJSON(): string {
    return "<secret>";
  }

  [INSPECT](): string {
    return "<secret>";
  }
}

/** Mark bytes as secret. They are shared, not copied: nobody writes into them any more. */
export function secret(bytes: Uint8Array): Secret {
  return bytes instanceof Secret ? bytes : new Secret(bytes.buffer as ArrayBuffer, bytes.byteOffset, bytes.length);
}

/** A value that prints as `<secret>`, whatever it holds: what people write. */
export abstract class Unprinted {
  toString(): string {
    return "<secret>";
  }

  toJSON(): string {
    return "<secret>";
  }

  [INSPECT](): string {
    return "<secret>";
  }
}
