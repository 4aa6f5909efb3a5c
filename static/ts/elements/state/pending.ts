// A message as it is shown before it is stored.

import type { Line } from "../../client/model";

export function pendingLine(known: Pick<Line, "id" | "chat" | "sentAt" | "text" | "mentions">): Line {
  return {
    ...known,
    sender: "",
    position: Number.MAX_SAFE_INTEGER,
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
