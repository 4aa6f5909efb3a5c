// What is said of whom a message in a group has reached: a part of `words.ts`.

import { times } from "./language";

export const receiptWords = {
  title: "Who has this message",
  open: "Who has this message",
  read: (count: number) => `Read by ${times.number(count)}`,
  readBySome: "Read by at least one member",
  deliveredToSome: "Delivered to at least one member",
  delivered: (count: number) => `Delivered to ${times.number(count)}`,
  expired: (count: number) => `Expired for ${times.number(count)}`,
  waiting: (count: number) => `Not yet: ${times.number(count)}`,
  waitingHelp: "Whoever joined after it was sent stands here, too, and does not get it.",
  gone: "Somebody who is not in the group any more",
} as const;
