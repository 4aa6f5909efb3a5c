// What page and Worker post to each other.
import { ClientError } from "../lib/errors";

import type { Messenger } from "./messenger";
import type { Told } from "./model";

/** The calls that go over: all but `listen`, which stays on the page's side. */
export type CallName = Exclude<keyof Messenger, "listen">;

const NAMES: Readonly<Record<CallName, true>> = {
  start: true,
  takeOver: true,
  startAfresh: true,
  link: true,
  stopLinking: true,
  resetIdentity: true,
  chats: true,
  lines: true,
  linesAfter: true,
  look: true,
  markRead: true,
  send: true,
  editLine: true,
  deleteLine: true,
  search: true,
  linesAround: true,
  resend: true,
  discard: true,
  saveDraft: true,
  typing: true,
  find: true,
  chatWith: true,
  accept: true,
  block: true,
  unblock: true,
  createGroup: true,
  addMember: true,
  removeMember: true,
  setRole: true,
  leaveGroup: true,
  changeGroup: true,
  makeLink: true,
  endLink: true,
  join: true,
  approve: true,
  acceptGroup: true,
  mute: true,
  safetyNumber: true,
  verify: true,
  acknowledge: true,
  askAgain: true,
  devices: true,
  canManage: true,
  readLink: true,
  approveLink: true,
  suspendDevice: true,
  removeDevice: true,
  storage: true,
  reconnect: true,
};

export const CALLS = Object.keys(NAMES) as readonly CallName[];

export interface Call {
  readonly call: number;
  readonly name: CallName;
  readonly values: readonly unknown[];
}

/** An error on its way: the sentence for the person, and the code for the program. */
export interface Failure {
  readonly code: string;
  readonly message: string;
}

export type Reply =
  | { readonly reply: number; readonly value: unknown }
  | { readonly reply: number; readonly failure: Failure };

/** The Worker's first words: what is posted before its modules have run may be lost. */
export interface Ready {
  readonly ready: true;
}

export interface News {
  readonly told: readonly Told[];
}

/** One end of the line: a Worker, its scope, or a MessagePort. */
export interface Port {
  postMessage(message: unknown): void;
  onmessage: ((event: MessageEvent) => void) | null;
  onmessageerror: ((event: MessageEvent) => void) | null;
}

export const STOPPED = "The messenger has stopped because of an error of its own: reload the page.";

export function failureOf(error: unknown): Failure {
  if (error instanceof ClientError) return { code: error.code, message: error.message };
  const name = error instanceof Error ? error.name : "unknown";
  return { code: "defect", message: `That did not work because of an error of the messenger's own (${name}).` };
}

export function errorOf(failure: Failure): ClientError {
  return new ClientError(failure.message, failure.code);
}
