// A message as it is shown before it is stored. Whoever closes the page now loses it: see Writing.storing.

import type { Line } from "../../client/model";

const NO_POSITION = Number.MAX_SAFE_INTEGER; // below all that are stored

export function isPending(line: Line): boolean {
  return line.position === NO_POSITION;
}

export function pendingLine(known: Pick<Line, "id" | "chat" | "sentAt" | "text" | "mentions">): Line {
  return {
    ...known,
    sender: "",
    position: NO_POSITION,
    kind: "text",
    outgoing: true,
    acceptedAt: 0,
    state: "queued",
    devices: [],
    skipped: 0,
    cause: "",
    missing: 0,
    repair: "none",
    mentioned: false,
    editedAt: 0,
    deleted: false,
    changeable: false,
    deletable: false,
  };
}
