// The client as the page sees it: asynchronous calls into the Worker. `remote.ts` implements it, `worker.ts` serves it.

import type {
  ChatSummary,
  DeviceInfo,
  Found,
  GroupChanges,
  GroupOptions,
  InviteOptions,
  Line,
  LinkOptions,
  NewDevice,
  Person,
  Role,
  SafetyNumber,
  Start,
  StorageState,
  Told,
} from "./model";

/** What the page knows before the Worker starts: Django wrote it into the page. */
export interface StartOptions {
  readonly account: string; // id
  readonly username: string;
  readonly csrf: string;
  readonly knownDevice: string; // the device that this browser's session has spoken for, or ""
}

/** A call that cannot be carried out rejects with a `ClientError`, whose message is a sentence for the person. */
export interface Messenger {
  /** Open the store, enrol this browser if the account has no device yet, and stay connected. Call it once. */
  start(options: StartOptions): Promise<Start>;
  /** After `open_elsewhere`: make the other tab let go, then start. */
  takeOver(): Promise<Start>;
  /** After `evicted`: forget what this browser was, and start anew. */
  startAfresh(): Promise<Start>;
  /**
   * After `linking_needed`: the code that a managing device reads, 200 characters without separators. How it goes on
   * is told (`link`); after `done`, `start` again.
   */
  link(): Promise<string>;
  /** Do not wait any longer for a managing device: the code is worth nothing from now on. */
  stopLinking(): Promise<void>;
  /** After `linking_needed`, the last way out: a new identity, with this browser as its only device. */
  resetIdentity(): Promise<Start>;

  /** All conversations, the latest first. */
  chats(): Promise<ChatSummary[]>;
  /** At most `limit` lines before `before` (a position; null: the newest), oldest first. */
  lines(chat: string, before: number | null, limit: number): Promise<Line[]>;
  /** At most `limit` lines after the position `after`, oldest first: to open a chat where reading stopped. */
  linesAfter(chat: string, after: number, limit: number): Promise<Line[]>;
  /** Where the person looks now (null: nowhere): lines of this chat that come in are read at once. */
  look(chat: string | null): Promise<void>;
  /** The person has seen the chat up to here: fewer unread, and the sender may know. */
  markRead(chat: string, position: number): Promise<void>;

  /**
   * Store a message for sending; resolves with its line once it is stored, before the network. `mentions`: the accounts
   * of members whose @name stands in the text.
   */
  send(chat: string, text: string, options?: { readonly mentions?: readonly string[] }): Promise<Line>;
  /** Change a text of one's own that stands in an open chat. */
  editLine(line: string, text: string): Promise<void>;
  /** Take the words of a message in an open chat away, for everybody; that there was one stays. */
  deleteLine(line: string): Promise<void>;
  /** Messages of open chats that have all these words: in one chat, or in all of one's own (null). Asks the server. */
  search(words: string, chat: string | null, cursor: string | null): Promise<Found>;
  /** At most `limit` lines around one, oldest first, to show it in its place. */
  linesAround(chat: string, line: string, limit: number): Promise<Line[]>;
  /** Write a failed message once more. */
  resend(line: string): Promise<Line>;
  /** Take a failed message away. */
  discard(line: string): Promise<void>;
  saveDraft(chat: string, text: string): Promise<void>;
  typing(chat: string, on: boolean): Promise<void>;

  /** Accounts whose username begins like this, oneself excluded. Asks the server. */
  find(prefix: string): Promise<Person[]>;
  /** The conversation with somebody, made if there is none yet. `open`: the one that is not end-to-end encrypted. */
  chatWith(person: Person, options: { readonly open: boolean }): Promise<ChatSummary>;
  accept(account: string): Promise<void>;
  block(account: string): Promise<void>;
  unblock(account: string): Promise<void>;

  /** Make a group with these accounts. Each of what follows waits for the server; `chat` is the group's id. */
  createGroup(title: string, accounts: readonly string[], options: GroupOptions): Promise<ChatSummary>;
  addMember(chat: string, account: string): Promise<void>;
  /** Take somebody out, who reads nothing that follows; or refuse somebody who waits to be let in. */
  removeMember(chat: string, account: string): Promise<void>;
  setRole(chat: string, account: string, role: Role): Promise<void>;
  /** Leave; or decline, where a stranger has added one. */
  leaveGroup(chat: string): Promise<void>;
  changeGroup(chat: string, changes: GroupChanges): Promise<void>;
  /** Open a link to join by: the code that stands in its fragment. Whoever has it can join. */
  makeLink(chat: string, options: InviteOptions): Promise<string>;
  endLink(chat: string, key: string): Promise<void>;
  /** Join by a link's code; perhaps an admin has to approve it first (`group.isPending`). */
  join(code: string): Promise<ChatSummary>;
  /** Let somebody in who waits. */
  approve(chat: string, account: string): Promise<void>;
  /** Stay in a group that a stranger has added one to. */
  acceptGroup(chat: string): Promise<void>;
  mute(chat: string, on: boolean): Promise<void>;

  safetyNumber(account: string): Promise<SafetyNumber>;
  /** The person has compared the number that stands for `key`. */
  verify(account: string, key: Uint8Array): Promise<void>;
  /** Write on to somebody whose identity has changed, without having compared anything. */
  acknowledge(account: string): Promise<void>;
  /** An unreadable line's one action: have its sender's device asked for the message once more. */
  askAgain(line: string): Promise<void>;

  /** One's own devices, this one first. Asks the server. */
  devices(): Promise<DeviceInfo[]>;
  /** Whether this device holds the account key: it can link devices and sign them out of the list. */
  canManage(): Promise<boolean>;
  /** On a managing device: read another device's code, pasted or scanned; nothing is approved yet. */
  readLink(code: string): Promise<NewDevice>;
  /** Approve it. Resolves once it is on the account's list; contacts, and history on wish, follow by themselves. */
  approveLink(code: string, options: LinkOptions): Promise<void>;
  /** Sign a device out: the server serves it no more, and the next managing device takes it off the list. */
  suspendDevice(device: string): Promise<void>;
  /** On a managing device: sign another one out, and take it off the list. `newIdentity`: for one that held the account key. */
  removeDevice(device: string, options: { newIdentity: boolean }): Promise<void>;

  storage(): Promise<StorageState>;
  /** Ask for another attempt to connect now. */
  reconnect(): Promise<void>;

  /** Hear everything the client tells; returns how to stop. */
  listen(hear: (told: Told) => void): () => void;
}
