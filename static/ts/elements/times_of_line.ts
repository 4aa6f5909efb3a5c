// What became of a message of one's own, and when.

import type { GroupMember, Line } from "../client/model";
import { receiptsOf, type Receipts } from "./state/receipts";
import { times, words } from "./words";

export interface Told {
  readonly what: string;
  readonly when: string; // "": that is not known
}

interface Where {
  readonly isOpen: boolean;
  readonly isGroup: boolean;
  readonly members: readonly GroupMember[];
  readonly own: string; // account
}

export function timesIn(line: Line, { isOpen, isGroup, members, own }: Where, now: number): Told[] {
  if (isOpen) return timesInOpen(line, isGroup, now);
  return isGroup ? countsOfLine(line, receiptsOf(line, members, own), now) : timesOfLine(line, now);
}

/** By device, in order. A device has a number where there are several. */
export function timesOfLine(line: Line, now: number): Told[] {
  const devices = [...new Set(line.devices.map((status) => status.device))];
  const said = [...line.devices]
    .sort((one, other) => one.at - other.at)
    .map(({ status, device, at }) => {
      const number = devices.length > 1 ? devices.indexOf(device) + 1 : 0;
      return { what: words.line.deviceStatus(status, number), when: times.exact(at, now) };
    });
  return [sent(line, now), ...said, ...skipped(line)];
}

/** In a group: how many have it. Who they are stands in a dialog. */
export function countsOfLine(line: Line, { read, delivered, expired, waiting }: Receipts, now: number): Told[] {
  const counts = [
    { count: read.length, what: words.receipts.read(read.length) },
    { count: delivered.length, what: words.receipts.delivered(delivered.length) },
    { count: expired.length, what: words.receipts.expired(expired.length) },
    { count: line.acceptedAt > 0 ? waiting.length : 0, what: words.receipts.waiting(waiting.length) },
  ];
  const told = counts.filter(({ count }) => count > 0).map(({ what }) => what);
  const furthest = line.state === "read" ? read : line.state === "delivered" ? [...read, ...delivered] : null;
  // Of a message that came as history only the state is known, and not whose it is.
  if (furthest?.length === 0) told.unshift(line.state === "read" ? words.receipts.readBySome : words.receipts.deliveredToSome);
  return [sent(line, now), ...told.map((what) => ({ what, when: "" })), ...skipped(line)];
}

/** In an open chat: that it is on the server, and that somebody has read it. */
export function timesInOpen(line: Line, isGroup: boolean, now: number): Told[] {
  const read = isGroup ? words.receipts.readBySome : words.line.state("read");
  return [sent(line, now), ...(line.state === "read" ? [{ what: read, when: "" }] : [])];
}

function sent(line: Line, now: number): Told {
  const state = line.acceptedAt ? "accepted" : line.state;
  return { what: words.line.state(state), when: line.acceptedAt ? times.exact(line.acceptedAt, now) : "" };
}

function skipped(line: Line): Told[] {
  return line.skipped > 0 ? [{ what: words.line.skipped(line.skipped), when: "" }] : [];
}
