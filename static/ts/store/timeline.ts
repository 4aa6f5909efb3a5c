// Conversations as they are shown: every sender device's messages in the order of their counters.
//
// PROTOCOL.md, Content: not the wire, not a clock, the counter decides. A message whose predecessor is missing
// waits for GAP_WAIT; then the gap is a line of its own. Positions only grow: what is shown later stands later.
// Whatever makes lines visible returns them as they now stand.
import { random } from "../lib/bytes";

import { damaged, Entry } from "./records";
import * as repairs from "./repairs";
import type { Row, Transaction } from "./transaction";

export const GAP_WAIT = 10_000; // ms
const PAGE = 20; // lines that are looked at together

// Where lines from before this device's time stand, by the server's time: all below 0, and so many to a millisecond.
const BEFORE = 2 ** 52;
const ROOM = 512;
const LATEST = 2 ** 42; // ms

/** The columns that `entryOf` reads, in its order. */
export const ENTRY =
  "entry.account, entry.id, entry.chat, entry.position, entry.counter, entry.outgoing, entry.mentioned, entry.value";

const HELD = "held_at IS NOT NULL";

const NO_DEVICE = new Uint8Array(16); // of a line that no device wrote

/** Add a line at the end. Null: it is there already, or hidden: such a one (control) is kept and never shown. */
export function add(tx: Transaction, entry: Entry, how: { hidden?: boolean } = {}): Entry | null {
  const shown = { ...entry, position: how.hidden === true ? 0 : nextPosition(tx) };
  return insert(tx, shown, null) && shown.position > 0 ? shown : null;
}

/**
 * Add a received message where its counter says, and release what waited for it. Returns what is shown by that.
 *
 * `isFirst`: nothing that this device was sent before it is missing, as far as its session tells. What was written
 * before this device was linked is none of its business.
 */
export function place(tx: Transaction, entry: Entry, when: { now: number; isFirst?: boolean }): Entry[] {
  const flow = flowOf(entry);
  const expected = nextOf(tx, flow) ?? (when.isFirst === true ? entry.counter : 1);
  if (entry.counter > expected) {
    insert(tx, { ...entry, position: 0 }, when.now);
    return [];
  }
  const added = add(tx, entry);
  const shown = added === null ? [] : [added]; // a second copy adds nothing
  if (entry.counter < expected) return shown; // it came after its gap was shown
  saveFlow(tx, flow, entry.counter + 1); // of a second copy, too: the first may have come as history
  return [...shown, ...release(tx, flow, entry.counter + 1, null)];
}

/**
 * Add a message that another own device has told; what its device wrote later follows it. Returns what is shown by that.
 *
 * `begins`: even if none of that device's messages was counted yet. Not in a group chat: nothing before the first that
 * this device can read is missing. `at`: the server's time to place it by; "end": behind all that came here.
 */
export function addHistory(
  tx: Transaction,
  entry: Entry,
  how: { unsettled: boolean; begins: boolean; at?: number | "end" },
): Entry[] {
  const { at = entry.accepted } = how;
  const added = at === "end" ? add(tx, entry) : addBefore(tx, entry, at);
  if (added === null) return [];
  update(tx, added, how);
  const flow = flowOf(entry);
  const next = nextOf(tx, flow) ?? (how.begins ? 1 : null);
  if (next === null || entry.counter < next) return [added];
  saveFlow(tx, flow, entry.counter + 1);
  return [added, ...release(tx, flow, entry.counter + 1, null)];
}

/** Add a line from before this device's time: by the server's time, before all that came here. Null: it is there already. */
export function addBefore(tx: Transaction, entry: Entry, at = entry.accepted): Entry | null {
  const added = { ...entry, position: freePosition(tx, Math.min(at, LATEST) * ROOM - BEFORE) };
  return insert(tx, added, null) ? added : null;
}

/** The server's time of the last line that has one, of what a conversation shows behind its history; null: none has. */
export function newest(tx: Transaction, chat: Uint8Array): number | null {
  for (let before: number | null = null; ; ) {
    const page: Entry[] = lines(tx, chat, before, PAGE);
    const found = page.findLast((one) => one.position > 0 && one.accepted > 0);
    if (found !== undefined) return found.accepted;
    before = page[0]?.position ?? 0;
    if (before <= 0) return null;
  }
}

/** Put a message that can be read after all where the line stands that stood for it. Returns what is shown by that. */
export function repair(tx: Transaction, entry: Entry, broken: Entry): Entry[] {
  const shown = { ...entry, position: broken.position };
  tx.run("UPDATE entry SET device = ?, outgoing = ? WHERE account = ? AND id = ?", [
    entry.device ?? NO_DEVICE,
    entry.outgoing ? 1 : 0,
    entry.account,
    entry.id,
  ]);
  update(tx, shown, { unsettled: entry.outgoing });
  const flow = flowOf(entry);
  const expected = nextOf(tx, flow) ?? 1;
  if (entry.counter > expected) tx.run("INSERT OR IGNORE INTO ahead VALUES (?, ?, ?, ?)", [...flow, entry.counter]);
  if (entry.counter !== expected) return [shown];
  saveFlow(tx, flow, entry.counter + 1);
  return [shown, ...release(tx, flow, entry.counter + 1, null)];
}

/** This device is linked anew, or let into a chat again: what was written meanwhile was not for it, and is not missing. */
export function startFlowsAnew(tx: Transaction, chat: Uint8Array | null = null): void {
  tx.run("DELETE FROM flow WHERE ?1 IS NULL OR chat = ?1", [chat]);
  tx.run("DELETE FROM ahead WHERE ?1 IS NULL OR chat = ?1", [chat]);
}

/** Show the gaps that have waited long enough, and what stands behind them. */
export function releaseDue(tx: Transaction, when: { now: number }): Entry[] {
  const due = tx.all(`SELECT DISTINCT chat, account, device FROM entry WHERE ${HELD} AND held_at <= ?`, [
    when.now - GAP_WAIT,
  ]);
  return due.flatMap((flow) => release(tx, flow, nextOf(tx, flow), when.now));
}

/** When (ms) the next gap will have waited long enough. */
export function nextDue(tx: Transaction): number | null {
  const earliest = tx.one(`SELECT MIN(held_at) FROM entry WHERE ${HELD}`)?.[0] ?? null;
  return earliest === null ? null : Number(earliest) + GAP_WAIT;
}

/** At most `limit` lines before a position (null: the newest), oldest first. */
export function lines(tx: Transaction, chat: Uint8Array, before: number | null, limit: number): Entry[] {
  const rows = tx.all(`SELECT ${ENTRY} FROM entry WHERE chat = ? AND position < ? ORDER BY position DESC LIMIT ?`, [
    chat,
    before ?? Number.MAX_SAFE_INTEGER,
    limit,
  ]);
  return rows.map(entryOf).reverse();
}

/** A line by who wrote it and its id; one that is held or hidden has position 0. */
export function get(tx: Transaction, account: Uint8Array, messageId: Uint8Array): Entry | null {
  const row = tx.one(`SELECT ${ENTRY} FROM entry WHERE account = ? AND id = ?`, [account, messageId]);
  return row === null ? null : entryOf(row);
}

/** Write a changed line back where it stands; `unsettled`: its fate at the recipient is still open. */
export function update(tx: Transaction, entry: Entry, how: { unsettled: boolean }): void {
  tx.run("UPDATE entry SET chat = ?, counter = ?, unsettled = ?, mentioned = ?, value = ? WHERE account = ? AND id = ?", [
    entry.chat,
    entry.counter,
    how.unsettled ? 1 : 0,
    entry.mentioned ? 1 : 0,
    Entry.pack(entry),
    entry.account,
    entry.id,
  ]);
}

/** Take a line away, as if it had never been. */
export function remove(tx: Transaction, account: Uint8Array, messageId: Uint8Array): void {
  tx.run("DELETE FROM entry WHERE account = ? AND id = ?", [account, messageId]);
}

/** At most `limit` lines after a position, oldest first. */
export function linesAfter(tx: Transaction, chat: Uint8Array, after: number, limit: number): Entry[] {
  const rows = tx.all(`SELECT ${ENTRY} FROM entry WHERE chat = ? AND position > ? ORDER BY position LIMIT ?`, [
    chat,
    after,
    limit,
  ]);
  return rows.map(entryOf);
}

/** Own messages whose fate is open, newest first. */
export function unsettled(tx: Transaction, limit: number): Entry[] {
  const rows = tx.all(`SELECT ${ENTRY} FROM entry WHERE unsettled = 1 ORDER BY position DESC LIMIT ?`, [limit]);
  return rows.map(entryOf);
}

/** Add a line that is no message: a gap, a warning. */
export function note(
  tx: Transaction,
  kind: Entry["kind"],
  about: Pick<Entry, "account" | "chat" | "sent"> & Partial<Pick<Entry, "missing" | "text">>,
): Entry {
  const entry = Entry.of({ ...about, id: random(16), kind, outgoing: false });
  return add(tx, entry) ?? entry;
}

export function entryOf(row: Row): Entry {
  const [account, id, chat, position, counter, outgoing, mentioned, value] = row;
  if (!(account instanceof Uint8Array) || !(id instanceof Uint8Array) || !(chat instanceof Uint8Array)) throw damaged();
  return Entry.unpack(value, {
    account,
    id,
    chat,
    position: Number(position ?? 0),
    counter: Number(counter),
    outgoing: outgoing === 1,
    mentioned: mentioned === 1,
  });
}

/** Release what follows without a gap; with `now` also what has waited long enough behind one. */
function release(tx: Transaction, flow: Row, next: number | null, now: number | null): Entry[] {
  const shown: Entry[] = [];
  let expected = next;
  for (;;) {
    if (expected !== null) expected = passed(tx, flow, expected);
    const row = tx.one(
      `SELECT ${ENTRY} FROM entry WHERE chat = ? AND account = ? AND device = ? AND ${HELD} ORDER BY counter LIMIT 1`,
      flow,
    );
    if (row === null) return shown;
    const entry = entryOf(row);
    if (expected === null || entry.counter > expected) {
      if (now === null || !isOverdue(tx, flow, now)) return shown;
      // A device that never wrote here before may have started long ago: no gap to speak of.
      if (expected !== null) {
        // What came and could not be read has a line of its own.
        const unseen = entry.counter - expected - forgetAhead(tx, flow, entry.counter);
        const missing = unseen - repairs.countInGap(tx, flow, unseen);
        if (missing > 0) shown.push(note(tx, "gap", { account: entry.account, chat: entry.chat, sent: now, missing }));
      }
    }
    const position = nextPosition(tx);
    tx.run("UPDATE entry SET position = ?, held_at = NULL WHERE account = ? AND id = ?", [
      position,
      entry.account,
      entry.id,
    ]);
    shown.push({ ...entry, position });
    expected = Math.max(entry.counter + 1, expected ?? 0);
    saveFlow(tx, flow, expected);
  }
}

/** The counter that comes next, past those of messages that were repaired before their turn. */
function passed(tx: Transaction, flow: Row, next: number): number {
  let expected = next;
  const statement = "DELETE FROM ahead WHERE chat = ? AND account = ? AND device = ? AND counter = ?";
  while (tx.run(statement, [...flow, expected]) > 0) expected += 1;
  if (expected > next) saveFlow(tx, flow, expected);
  return expected;
}

function forgetAhead(tx: Transaction, flow: Row, below: number): number {
  return tx.run("DELETE FROM ahead WHERE chat = ? AND account = ? AND device = ? AND counter < ?", [...flow, below]);
}

/** A gap is known from the first message behind it, whichever that was. */
function isOverdue(tx: Transaction, flow: Row, now: number): boolean {
  const row = tx.one(`SELECT MIN(held_at) FROM entry WHERE chat = ? AND account = ? AND device = ? AND ${HELD}`, flow);
  return row !== null && Number(row[0]) <= now - GAP_WAIT;
}

function insert(tx: Transaction, entry: Entry, heldAt: number | null): boolean {
  const changed = tx.run("INSERT OR IGNORE INTO entry VALUES (?, ?, ?, ?, ?, ?, ?, ?, 0, ?, ?)", [
    entry.account,
    entry.id,
    entry.chat,
    entry.position === 0 ? null : entry.position,
    entry.device ?? NO_DEVICE,
    entry.counter,
    entry.outgoing ? 1 : 0,
    heldAt,
    Entry.pack(entry),
    entry.mentioned ? 1 : 0,
  ]);
  return changed === 1;
}

function nextPosition(tx: Transaction): number {
  // Not the largest one that is there: a line may have been removed, and nothing takes its place.
  return Number(tx.one("UPDATE last SET position = position + 1 RETURNING position")?.[0]);
}

/** The first free position from this one on. */
function freePosition(tx: Transaction, wanted: number): number {
  if (tx.one("SELECT 1 FROM entry WHERE position = ?", [wanted]) === null) return wanted;
  const last = tx.one(
    "SELECT position FROM entry AS here WHERE position >= ?" +
      " AND NOT EXISTS (SELECT 1 FROM entry WHERE position = here.position + 1) ORDER BY position LIMIT 1",
    [wanted],
  );
  return Number(last?.[0]) + 1;
}

function flowOf(entry: Entry): Row {
  return [entry.chat, entry.account, entry.device ?? NO_DEVICE];
}

function nextOf(tx: Transaction, flow: Row): number | null {
  const row = tx.one("SELECT next FROM flow WHERE chat = ? AND account = ? AND device = ?", flow);
  return row === null ? null : Number(row[0]);
}

function saveFlow(tx: Transaction, flow: Row, following: number): void {
  tx.run(
    "INSERT INTO flow VALUES (?, ?, ?, ?) ON CONFLICT (chat, account, device) DO UPDATE SET next = excluded.next",
    [...flow, following],
  );
}
