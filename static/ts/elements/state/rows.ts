// What the log shows for lines: dividers between them, and which of them stand together.

import type { Line } from "../../client/model";

export interface DayRow {
  readonly kind: "day";
  readonly key: string;
  readonly at: number;
}

export interface UnreadRow {
  readonly kind: "unread";
  readonly key: string;
}

/** `first` and `last` of a group: one person's texts of one minute. `meta`: time and state stand here. */
export interface LineRow {
  readonly kind: "line";
  readonly key: string;
  readonly line: Line;
  readonly first: boolean;
  readonly last: boolean;
  readonly meta: boolean;
}

export type Row = DayRow | UnreadRow | LineRow;

export function rowsOf(lines: readonly Line[], unreadFrom: number): Row[] {
  const rows: Row[] = [];
  let before: Line | undefined;
  // Where the lines begin after it, the divider stands above them and is not in view.
  let unreadShown = unreadFrom === 0 || (lines[0]?.position ?? 0) > unreadFrom;
  lines.forEach((line, index) => {
    const newDay = !before || day(before) !== day(line);
    if (newDay) rows.push({ kind: "day", key: `day-${day(line)}-${line.id}`, at: timeOf(line) });
    const unreadHere = !unreadShown && line.position >= unreadFrom && !line.outgoing;
    if (unreadHere) {
      rows.push({ kind: "unread", key: "unread" });
      unreadShown = true;
    }
    const after = lines[index + 1];
    const first = newDay || unreadHere || !together(before, line);
    const last = !together(line, after) || (!unreadShown && startsUnread(after, unreadFrom));
    rows.push({ kind: "line", key: line.id, line, first, last, meta: last || line.state !== after?.state });
    before = line;
  });
  return rows;
}

/** When a line was said: by the server's clock, which is one for both, or by the sender's until it has told. */
export function timeOf(line: Line): number {
  return line.acceptedAt || line.sentAt;
}

function startsUnread(line: Line | undefined, unreadFrom: number): boolean {
  return line !== undefined && line.position >= unreadFrom && !line.outgoing;
}

function together(one: Line | undefined, other: Line | undefined): boolean {
  if (!one || !other || one.kind !== "text" || other.kind !== "text") return false;
  if (one.outgoing !== other.outgoing || one.sender !== other.sender || one.state === "failed") return false;
  return minute(one) === minute(other) && day(one) === day(other);
}

function minute(line: Line): number {
  return Math.floor(timeOf(line) / 60_000);
}

function day(line: Line): string {
  const date = new Date(timeOf(line));
  return `${date.getFullYear()}-${date.getMonth()}-${date.getDate()}`;
}
