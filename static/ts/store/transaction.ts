// What runs between BEGIN and COMMIT; the modules beside this one say what.

export type Value = Uint8Array | string | number | null;
export type Row = readonly Value[];

/** Only valid inside the call it was given to, which must not await. Statements are prepared once and kept. */
export interface Transaction {
  /** Run a statement that gives no rows; returns how many it changed. */
  run(statement: string, values?: readonly Value[]): number;
  /** The first row, or null. */
  one(statement: string, values?: readonly Value[]): Row | null;
  all(statement: string, values?: readonly Value[]): Row[];
}
