// What is said of one's own devices, and on the way to becoming one: a part of `words.ts`.

import type { DeviceInfo } from "../client/model";
import { listed, times } from "./language";
import type { CameraTrouble } from "./qr_reading";

/** In the browser that is none of the account's devices yet. */
export const linkingWords = {
  title: "Link this browser to your account",
  text: "You use your account on another device already. Let that device read this code, and both show the same chats.",
  reset:
    "Your account has a new identity, made on another device, so this browser has to be linked again. " +
    "Let that device read this code.",
  steps: [
    "Open Messenger on a device that you use already.",
    "Go to Devices, then “Link a device”.",
    "Scan this code there, or copy it and paste it there.",
  ],
  making: "The code is being made…",
  qr: "Link code as a QR code",
  asText: "Show the code as text",
  codeLabel: "Link code",
  copy: "Copy the link code",
  waiting: "Waiting for your other device…",
  approved: "Your other device has agreed",
  approvedText: "This browser is being set up. That takes a moment.",
  failed: "Linking did not work",
  again: "Make a new code",
  noOther: "I have no other device any more",
  signOut: "Sign out here",
} as const;

/** The last way out. */
export const anewWords = {
  title: "Begin anew, with a new identity?",
  text: "Only do this if none of your other devices can be used any more. It cannot be undone.",
  means: [
    "Your other devices stop receiving messages until you link them again.",
    "Everybody you write with is warned that your identity has changed, and must decide to trust it.",
    "Earlier messages are not here. They stay on the devices that have them.",
  ],
  sure: "I understand, and have no other device that works.",
  action: "Make a new identity",
  back: "Back to linking",
} as const;

export const historyWords = {
  says: (progress: { direction: "in" | "out"; done: number; total: number }, complete: boolean) => {
    const share = times.percent(Math.min(1, progress.done / progress.total));
    if (progress.direction === "in") {
      return complete ? "Your earlier messages are here." : `Your earlier messages are coming in: ${share}`;
    }
    if (complete) return "The new device has your earlier messages.";
    return `Sending your earlier messages to the new device: ${share}. Keep this page open.`;
  },
  aloud: (direction: "in" | "out", complete: boolean) => {
    if (direction === "in") return complete ? "Your earlier messages are here." : "Your earlier messages are coming in.";
    return complete ? "The new device has your earlier messages." : "Your earlier messages are being sent.";
  },
} as const;

export const deviceWords = {
  title: "Your devices",
  text: "Each of them reads and writes your messages.",
  back: "Back to your devices",
  loading: "Your devices are being fetched…",
  link: "Link a device",
  thisOne: "This device",
  managing: "Can link others",
  unlisted: "Not linked yet",
  ending: "Signed out, still on your list",
  ended: (count: number) => `Ended devices (${times.number(count)})`,
  end: "End",
  endOf: (name: string) => `End ${name}`,
  seen: (platform: string, when: string) => [platform, when && `last seen ${when}`].filter(Boolean).join(" · "),
  never: "never used",
  /** `names`: the devices that can. */
  cannot: (names: readonly string[]) =>
    names.length === 0
      ? "This device cannot link others. Use the device that you signed up with."
      : `This device cannot link others. ${listed(names)} can.`,
  nameless: "A device without a name",

  // reading the new device's code
  codeTitle: "Link a device",
  codeText: "On the new device, open Messenger and sign in. It shows a code. How do you want to read it?",
  scan: "Use the camera",
  stopScanning: "Stop the camera",
  picture: "Choose a picture",
  paste: "Or paste the code",
  pasteHelp: "200 letters and digits. Spaces do not matter.",
  goOn: "Go on",
  reading: "The code is being read…",
  viewfinder: "What the camera sees",
  aim: "Hold the code of the new device into the picture.",
  otherCode: "That is a QR code, but not one for linking a device.",
  noCode: "There is no QR code to be read in that picture. Try a sharper or closer one.",
  noPicture: "That file is not a picture that this browser can open.",
  empty: "Paste the code first.",
  readerMissing: "The reader of QR codes could not be loaded. Paste the code instead.",
  camera: (trouble: CameraTrouble) =>
    ({
      refused: "This page may not use the camera. Allow it in the browser's settings for this site, or paste the code.",
      missing: "No camera was found. Choose a picture of the code, or paste it.",
      busy: "The camera is in use by another program. Close that, or paste the code.",
    })[trouble],

  // approving
  approveTitle: "Link this device?",
  approveText: "Go on only if you are looking at this device's code yourself. Whoever holds it will read and write as you.",
  history: "Send it my earlier messages",
  historyHelp: "Otherwise it shows what is written from now on.",
  manage: "Let it link and end devices, too",
  manageHelp: "It then holds your account's key. If such a device is lost, you need a new identity.",
  approve: "Link it",
  approving: "Waiting for the new device to answer. Keep both open.",
  cancel: "Cancel",
  linkedTitle: (name: string) => `“${name}” is linked`,
  linkedText: "Both devices show the same chats from now on.",
  linkedHistory: "Your earlier messages follow by themselves.",
  done: "Done",

  // ending
  endTitle: (name: string) => `End “${name}”?`,
  endMeans: {
    signedOut: "It is signed out within seconds and receives nothing more.",
    keeps: "Messages that it has already stay on it.",
    unlisted: "It was never linked, so it has none of your messages.",
    listLater: "A device of yours that can link others takes it off your list when it is next online.",
    keyLater: "It holds your account's key. End it on a device that can link others, to get a new identity.",
    key: "It holds your account's key. Whoever has it could speak in your name, so you get a new identity:",
    others: "All your other devices have to be linked again.",
    contacts: "Everybody you write with is warned, and must decide to trust your new identity.",
  },
  endSure: "I understand that I get a new identity.",
  endAction: "End this device",
  endKeyAction: "End it, with a new identity",
  endBusy: "It is being ended…",
} as const;

export function deviceName(device: Pick<DeviceInfo, "name">): string {
  return device.name || deviceWords.nameless;
}

/** What the protocol calls a platform, in a word for people. */
export function platform(name: string): string {
  return { browser: "Browser", web: "Browser", linux: "Linux", darwin: "macOS", windows: "Windows" }[name] ?? name;
}
