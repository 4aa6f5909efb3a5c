// Every sentence that the client says to a person, in one place so that it can be translated. Names are shown as
// text wherever these go.

import type { Start } from "./model";

const CAUSES: Readonly<Record<string, string>> = {
  unknown_session: "it belongs to a session that this browser does not have",
  unknown_prekey: "it was encrypted for a key that this browser no longer has",
  not_listed: "its device is not on the sender's signed list",
  replayed: "it repeats an earlier first message",
  too_far: "too many messages before it are missing",
  kem_step: "a step of the key exchange is missing",
  undecryptable: "it does not decrypt",
  bad_key: "it was made with a key that cannot be used",
  bad_franking: "its tag does not belong to its text",
  malformed: "its form is wrong",
};

type Repair = "none" | "asked" | "possible";

/** What happens next with a message that cannot be read. */
function next(name: string, repair: Repair): string {
  const device = name === "" ? "That device" : `${name}'s device`;
  if (repair === "asked") return `${device} has been asked to send it again.`;
  if (repair === "possible") return `${device} has not sent it again yet: you can ask once more.`;
  return name === "" ? "Look for it there." : `Ask ${name} to send it again.`;
}

export const WORDS = {
  // Starting
  cannotRun: "The encryption cannot be loaded in this browser, so nothing can be read or written here.",
  noServerYet: "The server cannot be reached, and it is needed to set up this browser. Nothing is lost: try again.",
  storeBroken: "What this browser has stored cannot be read.",
  notStarted: "The messenger has not been started yet.",
  setupFailed: "This browser could not be set up.",
  somebodyElse: "Somebody else has signed in in this browser meanwhile. Reload the page.",
  listMissing: "The device list is missing. Try again.",
  linkingNeeded: "Your account has another device already, and this browser has to be linked by it.",
  deviceGone: "This browser is not one of your account's devices any more. Your messages stay in it.",
  browser: "Browser",
  deviceName: (browser: string, system: string | undefined) => (system === undefined ? browser : `${browser} on ${system}`),
  identityMade:
    "Your account has a new identity, made on another device, and this browser is no part of it. If that was not you," +
    " somebody else has your password: change it. Your messages stay in this browser.",

  // One's own devices
  isLinked: "This browser is linked already.",
  noCode: "That is no link code, or not the whole of one: it has 200 letters and digits.",
  noCodeNow: (outcome: Start) => (outcome.state === "failed" ? outcome.why : "This browser cannot be linked just now."),
  othersCode: "That code is of another account's device.",
  unknownCode: "The server knows no such device of yours: sign in on it first, and show its code again.",
  cannotApprove: "This device cannot approve others: do it on one that manages your devices.",
  otherDevice: "Another device is on your list under the id in that code: it is not linked.",
  tooManyDevices: (most: number) => `An account has at most ${most} devices: end one first.`,
  noAnswer: "The new device does not answer: let it show its code, and try again.",
  falseOffer: "What came was not made for this code, or was altered on its way: it is ignored.",
  falseAnswer: "What came back was not made by the device that shows this code: it is not linked.",
  notManaging: "This device does not hold the account's key, so it cannot change the list of devices.",
  newIdentityNeeded: "That device holds the account's key: taking it off the list takes a new identity.",
  holderSuspended: (name: string) =>
    `${name} was signed out, but it holds your account's key: whoever has it can still change your list of devices.` +
    " Remove it, with a new identity, to make that key worthless.",
  listKeepsChanging: "The list of devices keeps changing; try again.",
  noSuchDevice: "There is no such device.",
  thisDevice: "That is this browser: sign out of it instead.",

  // The connection
  signedOut: "Your session has ended. Sign in again; your messages stay in this browser.",
  takenOver: "This account has been opened in another tab. Nothing is lost.",
  replaced: "Another connection of this browser took over. Reload the page to go on here.",
  stopped: (why: string) => `The connection has stopped, and trying again will not help: ${why}`,
  defect: "Something went wrong that should not have.",
  noConnection: "There is no connection.",
  draining: "The server is restarting.",
  tooMuch: "The server sends more than was asked for.",

  // Writing
  textSize: (most: number) => `A message has 1 to ${most.toLocaleString("en")} characters, fewer where they are not Latin letters.`,
  notUnicode: "That text is not valid Unicode.",
  thatIsYou: "That is you.",
  noKeys: (name: string) =>
    `None of ${name}'s devices has keys to start a conversation with just now; the message waits here.`,
  devicesKeepChanging: (name: string) => `${name}'s devices keep changing; the message waits here.`,
  noDevice: (name: string) => `${name} has not set up a device yet, so nobody can write to ${name}.`,
  cannotBeSent: "This message cannot be sent.",
  cannotBeWritten: (name: string) => `${name} cannot be written to.`,
  blockedByYou: (name: string) => `You have blocked ${name}. Unblock ${name} to write again.`,
  notListed: "This browser is no longer on your account's device list, so it cannot send.",
  noSuchThing: "There is no such conversation, person or message here.",
  cannotAsk: "There is nobody to ask for that message any more.",
  noSuchLine: "That message is not here any more.",
  notFailed: "Only a message that could not be sent can be sent again or removed.",

  // People
  unknownChat: "There is no such conversation here.",
  otherAccount: (name: string) =>
    `The server answers with another account than ${name}'s: nothing is sent to it.`,
  otherName: (account: string, name: string) =>
    `The server says that the account ${account} is called ${name}, too. It may be lying: that account is shown as` +
    ` ${account}, and what you write to ${name} goes to whom it went before.`,
  identityChanged: (name: string) =>
    `${name}'s identity has changed, so nothing is sent: compare the new safety number with ${name} first.`,
  identityChangedLine: (name: string) =>
    `${name}'s identity has changed. Nothing is sent to ${name} until you have compared the new safety number, or` +
    " have chosen to go on without.",
  identityChangedMeanwhile: (name: string) =>
    `${name}'s identity has changed since you compared, so nothing is verified: compare the new safety number` +
    ` with ${name}.`,
  identityReturned: (name: string) =>
    `${name}'s identity is again the one that you know. The server showed another one for a while and has taken it` +
    ` back; what you write goes to ${name} as before.`,
  nothingToAcknowledge: "There is no changed identity to acknowledge.",
  nobodyToCompare: "There is nobody to compare with.",
  listsRefused: (name: string) =>
    `The server shows a device list of ${name} that is not signed as it must be or contradicts an earlier one:` +
    " nothing is encrypted to it.",
  falseKeys: (name: string) =>
    `The server gives keys of one of ${name}'s devices that are not that device's: nothing is encrypted to them.`,
  listsEndless: "The server's device lists do not come to an end.",
  withheld: (name: string) =>
    `A message names a device list of ${name} that the server does not show: it may be withholding one.`,
  anAccount: "an account",

  // Group chats
  groupTrouble: {
    "": "",
    refused:
      "The server shows something in this group that nobody who may has signed, or that contradicts what was signed" +
      " before: nothing is sent to it.",
    identity:
      "Something in this group is signed under another identity of a member than the one that is known here: nothing is" +
      " sent to it. If somebody's identity has changed, look at that first; else the server may be lying.",
    newer: "Something happened in this group that needs a newer version of this page: nothing is sent to it. Reload the page.",
    back: "The server shows an earlier or another state of this group than its members have signed: nothing is sent to it.",
    ghost: "The server counts somebody among this group's members whom no member has added: nothing is sent to it.",
    withheld:
      "A member knows of something that happened in this group, and the server does not show it: it may be hiding that" +
      " somebody was removed. Nothing is sent to it.",
  },
  groupUnshown:
    "The server says that you are in a group, and what it shows of it is not signed as it must be, or under another identity" +
    " of a member than the one that is known here: the group is not shown. If you have made a new identity, it comes back once" +
    " a member whom you have compared safety numbers with writes there, or an admin removes you and adds you again.",
  groupNotAllowed: "You cannot do that in this group, or not any more.",
  groupTitle: "A group needs a name, of one line.",
  groupMetaSize: "The group's name and description are too long.",
  groupColour: "That is no colour.",
  groupOver: "You are not in this group any more.",
  groupKeepsChanging: "The group keeps changing; try again.",
  noGroupKey: "The group's name is not known here yet: wait for a message of another member.",
  noGroupLink: "That is no link to a group, or not the whole of one.",
  noMemberList: "A member has no device just now; the message waits here.",
  noTitle: "Group",

  // Open chats
  openTaken: "The server shows an open chat under the id of an encrypted one: it is ignored.",
  openTextSize: (most: number) => `A message has 1 to ${most.toLocaleString("en")} characters.`,
  openLinks: "People are added to an open group by its admins: it has no links, and nobody waits to be let in.",
  openTitleAlone: "Of an open group, only the name can be changed.",
  openOnly: "That can be done in open chats alone.",
  notYours: "Only your own messages can be edited.",
  notDeletable: "You cannot delete that message.",
  emptySearch: "Write at least one word to look for.",
  cannotBeAdded: "There is no such account, or it cannot be added.",
  you: "You",

  // Lines that are no messages
  /** `name`: empty for what was written on another device of one's own. */
  unreadable: (name: string, cause: string, repair: Repair) => {
    const what = name === "" ? "A message that you wrote on another device" : `A message from ${name}`;
    return `${what} cannot be read: ${CAUSES[cause] ?? cause}. ${next(name, repair)}`;
  },
  gap: (name: string, missing: number) =>
    missing === 1
      ? `A message from ${name} has not arrived; what follows was written later.`
      : `${missing} messages from ${name} have not arrived; what follows was written later.`,
  expired: (name: string) => `A message from ${name} expired before this browser fetched it.`,
  updateNeeded: (name: string) =>
    `${name} sent something that needs a newer version of this page; it is kept. Reload the page to update it.`,
} as const;
