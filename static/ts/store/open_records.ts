// What the store keeps of open chats. Nothing of an encrypted chat is among it, and no table of theirs has any of this.

import { Kind } from "./records";

/** One open chat, by the server's word, and what this device adds. */
export interface OpenChat {
  readonly id: Uint8Array;
  readonly kind: "private" | "group";
  readonly account: Uint8Array | null; // the other person of a chat of two
  readonly title: string;
  readonly memberCount: number;
  readonly role: number; // 0 member, 1 admin, 2 owner
  readonly request: boolean; // somebody whom the person has not accepted added them
  readonly addedBy: Uint8Array | null;
  readonly createdAt: number; // ms
  readonly readTo: number; // the position up to which the person has seen it
  readonly toldTo: number; // the position up to which the server knows that
  readonly syncedTo: number; // no message up to here is missing between those that are kept
  readonly whole: boolean; // the first message there is, is kept
  readonly muted: boolean;
  readonly ended: "" | "removed" | "left";
  readonly draft: string;
}

export interface OpenMember {
  readonly account: Uint8Array;
  readonly role: number;
  readonly readTo: number;
}

/** One message, as the server has it. Every field is a column. */
export interface OpenMessage {
  readonly position: number; // one sequence for all chats
  readonly message: Uint8Array; // the id that its sender chose
  readonly sender: Uint8Array;
  readonly acceptedAt: number; // ms
  readonly editedAt: number; // 0: never
  readonly deleted: boolean; // the body is empty
  readonly body: string;
}

/** What was written and is not accepted yet. */
export interface OpenOutgoing {
  readonly id: Uint8Array; // the message's
  readonly chat: Uint8Array;
  readonly sent: number; // ms
  readonly text: string;
  readonly after: number; // the position of the newest message when it was written: it stands behind that
  readonly failed: boolean;
  readonly cause: string; // why it failed
}

export const OpenChat = new Kind<OpenChat, Exclude<keyof OpenChat, "id" | "kind">>(["id", "kind"], {
  account: null,
  title: "",
  memberCount: 0,
  role: 0,
  request: false,
  addedBy: null,
  createdAt: 0,
  readTo: 0,
  toldTo: 0,
  syncedTo: 0,
  whole: false,
  muted: false,
  ended: "",
  draft: "",
});

export const OpenOutgoing = new Kind<OpenOutgoing, "failed" | "cause">(["id", "chat", "sent", "text", "after"], {
  failed: false,
  cause: "",
});
