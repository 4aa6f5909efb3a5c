// Everything the script says, in one place: English. A language is another object of the same form.

import type { Line } from "../client/model";
import { listed, many, times } from "./language";
import { anewWords, deviceName, deviceWords, historyWords, linkingWords, platform } from "./words_devices";
import { groupWords } from "./words_groups";
import { lineWords } from "./words_lines";
import { receiptWords } from "./words_receipts";

export { times };

/** Who is typing, as the conversation and the list say it. */
function typingWords(names: readonly string[]): string {
  if (names.length > 2) return "Several people are typing";
  return `${listed(names)} ${names.length > 1 ? "are" : "is"} typing`;
}

export const words = {
  product: "Messenger",
  pageTitle: (name: string | null, unread: number) =>
    `${unread > 0 ? `(${times.number(unread)}) ` : ""}${name === null ? "" : `${name} · `}Messenger`,
  close: "Close",
  back: "Back to the chats",
  copy: "Copy",
  copied: "Copied",
  tryAgain: "Try again",
  dismiss: "Dismiss",

  list: {
    title: "Chats",
    label: "Chats",
    signedInAs: "Signed in as",
    settings: "Settings",
    devices: "Your devices",
    shortcuts: "Keyboard shortcuts",
    search: "Search chats and people",
    clear: "Clear the search",
    filters: "Show",
    filter: { all: "All", unread: "Unread", requests: "Requests" },
    resize: "Width of the list",
    draft: "Draft:",
    you: "You:",
    typing: "is typing…",
    mentioned: "You are mentioned",
    request: "Request",
    blocked: "Blocked",
    verified: "Verified",
    changed: "Identity changed",
    empty: "No messages yet",
    none: {
      all: "No chats yet",
      allHelp: "They show up here, the latest on top.",
      allAction: "Find somebody",
      unread: "You have read everything",
      unreadHelp: "New messages show up here.",
      requests: "No requests",
      requestsHelp: "When somebody new writes to you, you decide here whether to answer.",
      showAll: "Show all chats",
    },
    chats: "Chats",
    people: "People",
    moreLetters: "Type at least two letters of a username to find people.",
    searching: "Looking for people…",
    nobody: (query: string) => `Nobody's username begins with “${query}”.`,
    nobodyElse: (query: string) => `Nobody else's username begins with “${query}”.`,
    nobodyHelp: "Usernames are spelled exactly as people chose them.",
    writeTo: (name: string) => `Write to ${name}`,
    results: (chats: number, people: number) =>
      `${many(chats, "# chat", "# chats")}, ${many(people, "# person", "# people")}`,
    unread: (count: number) => many(count, "# unread message", "# unread messages"),
  },

  chat: {
    none: "No chat is open",
    noneHelp: "Choose one from the list, or find somebody by their username.",
    missing: "This chat is not here",
    missingHelp: "It may belong to another account, or to another device of yours.",
    showAll: "Show all chats",
    encrypted: "End-to-end encrypted",
    verified: "Verified",
    details: "Details",
    log: (name: string) => `Messages with ${name}`,
    loading: "The messages are loading.",
    loadingOlder: "Older messages are loading.",
    beginning: (name: string) => `This is where your conversation with ${name} begins.`,
    beginningHelp: "Messages are encrypted on your device. Only the two of you can read them.",
    failed: "These messages could not be loaded. None is lost.",
    unread: "New messages",
    newest: "Jump to the newest message",
    newestCount: (count: number) => many(count, "# new message, jump to it", "# new messages, jump to the newest"),
    typing: typingWords,
    open: "Not end-to-end encrypted",
    openHelp: "It is not end-to-end encrypted: the messages are on the server, and whoever runs it can read them.",
    search: "Search in this chat",
    said: (name: string, text: string) => `${name}: ${text}`,
    newCount: (count: number, name: string) => many(count, `# new message from ${name}`, `# new messages from ${name}`),
    you: "You",
  },

  line: lineWords,
  group: groupWords,
  receipts: receiptWords,
  linking: linkingWords,
  anew: anewWords,
  history: historyWords,
  devices: deviceWords,
  deviceName,
  platform,

  composer: {
    label: (name: string) => `Message to ${name}`,
    placeholder: "Write a message",
    send: "Send",
    hint: "Enter sends, Shift+Enter starts a new line",
    open: {
      label: (name: string) => `Message to ${name}, not end-to-end encrypted`,
      placeholder: "Not end-to-end encrypted",
    },
    people: "Members whom you can mention",
    mentionHelp: (count: number) => `${many(count, "# member fits", "# members fit")}. Arrow keys choose, Enter mentions.`,
    editing: "Change your message",
    stopEditing: "Do not change it",
    save: "Save",
    blocked: (name: string) => `You have blocked ${name}. Unblock to write.`,
    changed: "Sending waits until you have decided about the new safety number.",
    request: (name: string) => `Accept the request to answer ${name}.`,
    left: (count: number) => many(count, "# character left", "# characters left"),
    tooLong: (count: number) => many(count, "# character too long", "# characters too long"),
  },

  banner: {
    request: (name: string) => `${name} wants to write to you`,
    requestHelp: "Until you accept, they cannot see whether you have received or read anything.",
    accept: "Accept",
    block: "Block",
    blocked: (name: string) => `You have blocked ${name}`,
    blockedHelp: "What they write does not reach you, and they are not told.",
    unblock: "Unblock",
    changed: (name: string) => `${name}'s identity has changed`,
    changedHelp: (name: string) =>
      `Either ${name} began anew, having lost every device, or somebody else speaks in ${name}'s name. ` +
      `Nothing is sent until you decide: compare the new safety number with ${name}, or go on without.`,
    compare: "Compare safety number",
    writeOn: "Go on without",
  },

  details: {
    title: "Details",
    encryption: "Encryption",
    encryptionHelp: (name: string) =>
      `Messages and their delivery are encrypted between your device and ${name}'s. The server cannot read them.`,
    openHelp: (name: string) =>
      `The server keeps every message between you and ${name} with its sender, its time, an index of its words, and how far each of you has read. Whoever runs it can read all of it.`,
    openOther: (name: string) => `What you write to ${name} in your encrypted chat is not part of it.`,
    safety: "Safety number",
    safetyHelp: (name: string) =>
      `Compare these digits with ${name}, face to face or in a call. If both of you see the same, nobody is listening in.`,
    safetyLoading: "The safety number is being computed.",
    safetyNone: (name: string) => `There is a safety number once you and ${name} have exchanged keys: write to them first.`,
    digits: "Safety number, sixty digits",
    copyDigits: "Copy the safety number",
    qr: "Safety number as a QR code",
    verify: "Mark as verified",
    verified: (name: string) => `You have compared this number with ${name}.`,
    changed: "This number is new: their identity has changed.",
    person: "Person",
    block: (name: string) => `Block ${name}`,
    blockHelp: "What they write does not reach you, and they are not told.",
    unblock: (name: string) => `Unblock ${name}`,
    sureBlock: (name: string) => `Block ${name}?`,
    cancel: "Cancel",
  },

  connection: {
    connecting: "Connecting…",
    updating: "Fetching what came in meanwhile…",
    offline: "You are offline. What you write waits here and goes by itself.",
    waiting: "The connection is lost. What you write waits here and goes by itself.",
    again: (seconds: number) => `Next attempt in ${times.number(seconds)} s.`,
    now: "Try now",
  },

  start: {
    starting: "Your messages are being unlocked…",
    evicted: {
      title: "This browser has lost its messages",
      text: "It removed them to free space, or its data was cleared. Messages that were here are gone from this browser; nobody else lost any.",
      action: "Start anew in this browser",
    },
    open_elsewhere: {
      title: "Your messages are open in another tab",
      text: "One tab at a time can use them. The other tab stops when you go on here.",
      action: "Use it here",
    },
    signed_out: {
      title: "You are signed out",
      text: "Your messages are still in this browser. Sign in to see them.",
      action: "Sign in",
    },
    unsupported: {
      title: "This browser cannot keep your messages safely",
      text: (missing: string) =>
        `It lacks ${missing}. A current Firefox, Chrome, Edge or Safari has it, outside of private windows.`,
      action: "Check again",
    },
    failed: {
      title: "Your messages could not be opened",
      text: (why: string) => `${why} Nothing is lost.`,
      action: "Try again",
    },
    taken_over: {
      title: "Your messages went to another tab",
      text: "They are in use there now. Nothing is lost.",
      action: "Use it here",
    },
    replaced: {
      title: "This connection was replaced by a newer one",
      text: "This browser connected once more somewhere else. Nothing is lost.",
      action: "Use it here",
    },
    unlinked: {
      title: "This browser is not one of your devices any more",
      text: "It was taken off your account on another device, or your account got a new identity there. Nothing more arrives here until you link it again.",
      action: "Link it again",
    },
  },

  welcome: {
    title: (name: string) => `Welcome, ${name}`,
    text: "Everything you write here is encrypted on your device and readable only by the person you write to.",
    writeTitle: "Write to somebody",
    writeText: "Find them by their username. They decide whether to answer.",
    writeAction: "Find somebody",
    shareTitle: "Let others find you",
    shareText: "This is your username. Whoever has it can write to you.",
    copy: "Copy your username",
    safeTitle: "Know who it is",
    safeText: "The details of a chat show a safety number. Compare it once, and nobody can slip in between unnoticed.",
  },

  search: {
    title: "Messages",
    ask: "Search open chats on the server",
    searching: "Looking through messages…",
    none: "No message has these words.",
    noneHelp: "Messages of chats without end-to-end encryption are searched, for whole words.",
    more: "Show more",
    close: "Close the search",
    count: (count: number, hasMore: boolean) => `${many(count, "# message", "# messages")}${hasMore ? " and more" : ""}`,
  },

  jump: {
    title: "Jump to a chat",
    label: "Name of a chat",
    results: "Chats",
    none: "No chat has that name.",
    help: "Arrow keys choose, Enter opens, Escape closes",
  },

  shortcuts: {
    title: "Keyboard shortcuts",
    keys: (apple: boolean): readonly (readonly [string, readonly string[]])[] => [
      ["Jump to a chat", [apple ? "⌘" : "Ctrl", "K"]],
      ["Next chat", [apple ? "⌥" : "Alt", "↓"]],
      ["Previous chat", [apple ? "⌥" : "Alt", "↑"]],
      ["Search", ["/"]],
      ["Send", ["Enter"]],
      ["Change your last message, in a chat without encryption", ["↑"]],
      ["New line", ["Shift", "Enter"]],
      ["Close or go back", ["Esc"]],
      ["This list", ["?"]],
    ],
  },
} as const;

/** What a line is in one line of the list. */
export function preview(line: Line, name: string): string {
  if (line.kind === "gap") return words.line.gap(name, line.missing);
  if (line.kind === "unreadable") return words.line.unreadable(name, line.cause);
  if (line.kind === "identity_changed") return words.line.identityChanged(name);
  if (line.kind === "update_needed") return words.line.updateNeeded(name);
  if (line.kind === "expired") return words.line.expired(name);
  if (line.deleted) return words.line.deleted;
  return line.text.replace(/\s+/g, " ");
}
