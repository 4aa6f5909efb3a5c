// A client without a server: scripted people and lines, for tests and for looking at the page while building it.

import type { Messenger, StartOptions } from "../../client/messenger";
import type {
  ChatSummary,
  DeviceInfo,
  Found,
  GroupChanges,
  GroupInfo,
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
} from "../../client/model";
import { FakeStore, id, OPTIONS } from "./fake_store";

export { id, OPTIONS } from "./fake_store";
export const READY: Start = {
  state: "ready",
  account: { id: OPTIONS.account, username: OPTIONS.username, device: id("d", 1) },
  storage: { persistent: true, usage: 1_000_000 },
};
const FOUND = 20; // matches in one answer

export class FakeMessenger extends FakeStore implements Messenger {
  readonly calls: string[] = [];
  start_: Start = READY;
  people: Person[] = [];
  ownDevices: DeviceInfo[] = [];
  managing = true;
  code = "0".repeat(200);
  newDevice: NewDevice = { device: id("d", 2), name: "Firefox", platform: "web" };
  failing = "";
  slow = 0; // ms that the store takes

  start(options: StartOptions): Promise<Start> {
    return this.#call(`start ${options.account}`, () => this.start_);
  }

  takeOver(): Promise<Start> {
    return this.#call("takeOver", () => READY);
  }

  startAfresh(): Promise<Start> {
    return this.#call("startAfresh", () => READY);
  }

  link(): Promise<string> {
    return this.#call("link", () => this.code);
  }

  stopLinking(): Promise<void> {
    return this.#call("stopLinking", () => undefined);
  }

  resetIdentity(): Promise<Start> {
    return this.#call("resetIdentity", () => READY);
  }

  chats(): Promise<ChatSummary[]> {
    return this.#call("chats", () => [...this.summaries.values()]);
  }

  lines(chat: string, before: number | null, limit: number): Promise<Line[]> {
    return this.#call(`lines ${chat} ${before ?? "newest"} ${limit}`, () => {
      const all = this.stored.get(chat) ?? [];
      const older = before === null ? all : all.filter((line) => line.position < before);
      return older.slice(-limit);
    });
  }

  linesAfter(chat: string, after: number, limit: number): Promise<Line[]> {
    return this.#call(`linesAfter ${chat} ${after} ${limit}`, () =>
      (this.stored.get(chat) ?? []).filter((line) => line.position > after).slice(0, limit),
    );
  }

  look(chat: string | null): Promise<void> {
    return this.#call(`look ${chat ?? "nowhere"}`, () => undefined);
  }

  markRead(chat: string, position: number): Promise<void> {
    return this.#call(`markRead ${chat} ${position}`, () => {
      const unread = (this.stored.get(chat) ?? []).filter((line) => !line.outgoing && line.position > position);
      const summary = this.summaries.get(chat);
      const left = summary ? Math.min(summary.unread, unread.length) : 0;
      this.update(chat, { unread: left, firstUnread: left > 0 ? (unread[0]?.position ?? 0) : 0 });
    });
  }

  send(chat: string, text: string, { mentions = [] }: { readonly mentions?: readonly string[] } = {}): Promise<Line> {
    return this.#call(["send", chat, text, ...mentions].join(" "), () => {
      const people = this.summaries.get(chat)?.group?.members ?? [];
      const line = this.addLine(chat, text, {
        outgoing: true,
        state: "queued",
        acceptedAt: 0,
        mentions: people.filter((one) => mentions.includes(one.account)),
      });
      this.tell({ type: "lines", chat, lines: [line] });
      this.update(chat, {});
      return line;
    });
  }

  editLine(line: string, text: string): Promise<void> {
    return this.#call(`editLine ${line} ${text}`, () => void this.#replace(line, { text, editedAt: Date.now() }));
  }

  deleteLine(line: string): Promise<void> {
    const gone = { text: "", deleted: true, changeable: false, deletable: false };
    return this.#call(`deleteLine ${line}`, () => void this.#replace(line, gone));
  }

  search(words: string, chat: string | null, cursor: string | null): Promise<Found> {
    return this.#call(`search ${words} ${chat ?? "everywhere"} ${cursor ?? "first"}`, () => {
      const open = [...this.summaries.values()].filter((one) => one.open && (chat === null || one.id === chat));
      const all = open.flatMap((one) => this.stored.get(one.id) ?? []).filter(({ kind }) => kind === "text");
      const found = all.filter(({ text }) => text.toLowerCase().includes(words.toLowerCase())).reverse();
      const from = Number(cursor ?? 0);
      const matches = found
        .slice(from, from + FOUND)
        .map((line) => ({ chat: line.chat, line: line.id, sender: line.sender, at: line.sentAt, snippet: line.text }));
      return { matches, next: from + FOUND < found.length ? String(from + FOUND) : null };
    });
  }

  linesAround(chat: string, line: string, limit: number): Promise<Line[]> {
    return this.#call(`linesAround ${chat} ${line} ${limit}`, () => {
      const all = this.stored.get(chat) ?? [];
      const at = all.findIndex((one) => one.id === line);
      const from = Math.max(0, at - limit / 2);
      return at < 0 ? [] : all.slice(from, from + limit);
    });
  }

  resend(line: string): Promise<Line> {
    return this.#call(`resend ${line}`, () => this.#replace(line, { state: "queued", cause: "" }));
  }

  discard(line: string): Promise<void> {
    return this.#call(`discard ${line}`, () => {
      for (const [chat, lines] of this.stored) this.stored.set(chat, lines.filter((one) => one.id !== line));
    });
  }

  saveDraft(chat: string, text: string): Promise<void> {
    return this.#call(`saveDraft ${chat} ${text}`, () => this.update(chat, { draft: text }));
  }

  typing(chat: string, on: boolean): Promise<void> {
    return this.#call(`typing ${chat} ${on ? "on" : "off"}`, () => undefined);
  }

  find(prefix: string): Promise<Person[]> {
    return this.#call(`find ${prefix}`, () =>
      this.people.filter((person) => person.username.startsWith(prefix.toLowerCase())),
    );
  }

  chatWith(person: Person, { open }: { readonly open: boolean }): Promise<ChatSummary> {
    return this.#call(`chatWith ${person.account} ${open ? "open" : "encrypted"}`, () => {
      const number = Number.parseInt(person.chat.slice(-12), 16);
      const chat = open ? id("o", number) : person.chat;
      return this.summaries.get(chat) ?? this.addChat(number, person.username, { id: chat, account: person.account, open });
    });
  }

  accept(account: string): Promise<void> {
    return this.#call(`accept ${account}`, () => this.#person(account, { request: false }));
  }

  block(account: string): Promise<void> {
    return this.#call(`block ${account}`, () => this.#person(account, { blocked: true, request: false }));
  }

  unblock(account: string): Promise<void> {
    return this.#call(`unblock ${account}`, () => this.#person(account, { blocked: false }));
  }

  createGroup(title: string, accounts: readonly string[], { open, ...more }: GroupOptions): Promise<ChatSummary> {
    const options = JSON.stringify({ open, ...more });
    return this.#call(`createGroup ${title} ${accounts.join(" ")} ${options}`, () => this.addGroup(title, more, { open }));
  }

  addMember(chat: string, account: string): Promise<void> {
    return this.#call(`addMember ${chat} ${account}`, () => undefined);
  }

  removeMember(chat: string, account: string): Promise<void> {
    return this.#call(`removeMember ${chat} ${account}`, () => undefined);
  }

  setRole(chat: string, account: string, role: Role): Promise<void> {
    return this.#call(`setRole ${chat} ${account} ${role}`, () => undefined);
  }

  leaveGroup(chat: string): Promise<void> {
    return this.#call(`leaveGroup ${chat}`, () => this.#group(chat, { ended: "left", role: null }));
  }

  changeGroup(chat: string, changes: GroupChanges): Promise<void> {
    return this.#call(`changeGroup ${chat} ${JSON.stringify(changes)}`, () => this.#group(chat, changes));
  }

  makeLink(chat: string, options: InviteOptions): Promise<string> {
    return this.#call(`makeLink ${chat} ${JSON.stringify(options)}`, () => "0".repeat(146));
  }

  endLink(chat: string, key: string): Promise<void> {
    return this.#call(`endLink ${chat} ${key}`, () => undefined);
  }

  join(code: string): Promise<ChatSummary> {
    return this.#call(`join ${code}`, () => this.addGroup("Joined"));
  }

  approve(chat: string, account: string): Promise<void> {
    return this.#call(`approve ${chat} ${account}`, () => undefined);
  }

  acceptGroup(chat: string): Promise<void> {
    return this.#call(`acceptGroup ${chat}`, () => this.update(chat, { request: false }));
  }

  mute(chat: string, on: boolean): Promise<void> {
    return this.#call(`mute ${chat} ${on ? "on" : "off"}`, () => this.#group(chat, { muted: on }));
  }

  safetyNumber(account: string): Promise<SafetyNumber> {
    return this.#call(`safetyNumber ${account}`, () => ({
      digits: Array.from({ length: 60 }, (_, at) => (at * 7 + 3) % 10).join(""),
      scannable: Uint8Array.from({ length: 76 }, (_, at) => (at * 37) & 255),
      key: Uint8Array.of(1, 2, 3),
    }));
  }

  verify(account: string, key: Uint8Array): Promise<void> {
    return this.#call(`verify ${account} ${key.join(".")}`, () =>
      this.#person(account, { verified: true, identityChanged: false }),
    );
  }

  acknowledge(account: string): Promise<void> {
    return this.#call(`acknowledge ${account}`, () => this.#person(account, { identityChanged: false }));
  }

  askAgain(line: string): Promise<void> {
    return this.#call(`askAgain ${line}`, () => void this.#replace(line, { repair: "asked" }));
  }

  devices(): Promise<DeviceInfo[]> {
    return this.#call("devices", () => this.ownDevices);
  }

  canManage(): Promise<boolean> {
    return this.#call("canManage", () => this.managing);
  }

  readLink(code: string): Promise<NewDevice> {
    return this.#call(`readLink ${code}`, () => this.newDevice);
  }

  approveLink(code: string, options: LinkOptions): Promise<void> {
    return this.#call(`approveLink ${code} ${JSON.stringify(options)}`, () => undefined);
  }

  suspendDevice(device: string): Promise<void> {
    return this.#call(`suspendDevice ${device}`, () => this.#device(device, { suspended: true }));
  }

  removeDevice(device: string, options: { newIdentity: boolean }): Promise<void> {
    return this.#call(`removeDevice ${device} ${JSON.stringify(options)}`, () => this.#device(device, { suspended: true, listed: false }));
  }

  storage(): Promise<StorageState> {
    return this.#call("storage", () => ({ persistent: true, usage: 0 }));
  }

  reconnect(): Promise<void> {
    return this.#call("reconnect", () => undefined);
  }

  listen(hear: (told: Told) => void): () => void {
    this.hearers.add(hear);
    return () => this.hearers.delete(hear);
  }

  #group(chat: string, change: Partial<GroupInfo>): void {
    const group = this.summaries.get(chat)?.group;
    if (group) this.update(chat, { group: { ...group, ...change }, name: change.title ?? group.title });
  }

  #device(device: string, change: Partial<DeviceInfo>): void {
    this.ownDevices = this.ownDevices.map((one) => (one.id === device ? { ...one, ...change } : one));
    this.tell({ type: "devices" });
  }

  #person(account: string, change: Partial<ChatSummary>): void {
    for (const chat of this.summaries.values()) if (chat.account === account) this.update(chat.id, change);
  }

  #replace(id_: string, change: Partial<Line>): Line {
    for (const lines of this.stored.values()) {
      const at = lines.findIndex((line) => line.id === id_);
      const before = lines[at];
      if (!before) continue;
      const line = { ...before, ...change };
      lines[at] = line;
      this.tell({ type: "lines", chat: line.chat, lines: [line] });
      return line;
    }
    throw new Error("That message is not here any more.");
  }

  async #call<T>(call: string, does: () => T): Promise<T> {
    this.calls.push(call);
    if (this.slow > 0) await new Promise((resolve) => setTimeout(resolve, this.slow));
    if (this.failing !== "") throw new Error(this.failing);
    return does();
  }
}
