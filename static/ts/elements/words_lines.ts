// What is said of single messages: a part of `words.ts`.

import type { Line, MessageState } from "../client/model";
import { lowerFirst, many, times } from "./language";

const CAUSES: Readonly<Record<string, string>> = {
  unknown_session: "it needs keys that this device has not seen",
  unknown_prekey: "it was encrypted for a key that this device no longer has",
  undecryptable: "it does not fit the keys that this device has",
  too_far: "too many messages before it are missing",
  kem_step: "a message with new keys before it is missing",
  bad_key: "a key in it is not valid",
  replayed: "it repeats the beginning of an earlier exchange",
  not_listed: "it comes from a device that is not on the sender's signed list",
  list_refused: "the sender's list of devices is not signed as it must be",
  identity_changed: "it was written under another identity of the sender",
  bad_signature: "a signature in it is not right",
  bad_franking: "its seal does not belong to its text",
  malformed: "it is damaged",
};

const STATES: Readonly<Record<MessageState, string>> = {
  queued: "Waiting to be sent",
  accepted: "Sent",
  delivered: "Delivered",
  read: "Read",
  expired: "Expired before it was fetched",
  failed: "Not sent",
  received: "Received",
};

export const lineWords = {
  state: (state: MessageState) => STATES[state],
  menu: "What you can do with this message",
  edit: "Edit",
  delete: "Delete",
  edited: "edited",
  deleted: "Message deleted",
  sureDelete: "Delete this message?",
  sureDeleteHelp: "Its words go for everybody in this chat. That there was a message stays.",
  resend: "Send again",
  discard: "Discard",
  failed: (why: string) => (why ? `Not sent: ${lowerFirst(why)}` : "Not sent."),
  gap: (name: string, count: number) =>
    count === 1
      ? `A message from ${name} has not arrived. What follows was written later.`
      : `${times.number(count)} messages from ${name} have not arrived. What follows was written later.`,
  unreadable: (name: string, cause: string) =>
    `A message from ${name} cannot be read: ${CAUSES[cause] ?? "it is damaged"}.`,
  next: (name: string, repair: Line["repair"]) =>
    ({
      asked: `${name}'s app has been asked to send it again; it will appear here.`,
      possible: `${name}'s app can be asked for it once more.`,
      none: `If it matters, ask ${name} to write it again.`,
    })[repair],
  askAgain: "Ask again",
  identityChanged: (name: string) => `${name} has a new identity from here on.`,
  identityChangedHelp: (name: string) =>
    `What you compared with ${name} before does not count for it. Compare the new safety number to be sure who writes.`,
  updateNeeded: (name: string) =>
    `${name} sent something that needs a newer version of this page. It is kept. Reload the page to update.`,
  reload: "Reload",
  expired: (name: string) => `A message from ${name} expired before this device fetched it.`,
  expiredOwn: (name: string) => `${name} did not fetch this message in time, and it expired.`,
  skipped: (count: number) =>
    many(count, "# device was left out: it has no usable keys", "# devices were left out: they have no usable keys"),
  deviceStatus: (status: "delivered" | "read" | "expired", device: number) => {
    if (device === 0) return { delivered: "Delivered", read: "Read", expired: "Expired" }[status];
    const what = { delivered: "Delivered to", read: "Read on", expired: "Expired for" }[status];
    return `${what} device ${times.number(device)}`;
  },
  more: (count: number) => `Show all ${times.number(count)} characters`,
  times: "Times of this message",
} as const;
