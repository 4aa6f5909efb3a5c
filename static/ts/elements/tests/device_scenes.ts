// What linking and the dialog of devices can look like, by name: for the dev page only.

import type { DeviceInfo, Told } from "../../client/model";
import { PAUSE } from "../state/people";
import { id, type FakeMessenger } from "./fake";

export interface Scene {
  readonly fake: FakeMessenger;
  readonly path: string;
  /** What happens after the page has started. */
  readonly then?: () => void;
}

const DAY = 86_400_000;
const CODE = Array.from({ length: 200 }, (_, at) => "0123456789ABCDEFGHJKMNPQRSTVWXYZ"[(at * 7 + 3) % 32]).join("");

export function deviceScenes(everybody: () => FakeMessenger): Record<string, () => Scene> {
  /** A browser that is not linked yet, and what it is told. */
  const linking = (told: Told | null, { reset = false, more = {} } = {}): (() => Scene) => {
    return () => {
      const fake = everybody();
      fake.code = CODE;
      fake.start_ = { state: "linking_needed", reset };
      Object.assign(fake, more);
      return { fake, path: "/chats/", then: () => told && fake.tell(told) };
    };
  };
  /** The dialog of devices, and what is pressed there, one after the other. */
  const dialog = (hash: string, presses: readonly string[], more: Partial<FakeMessenger> = {}): (() => Scene) => {
    return () => {
      const fake = everybody();
      fake.ownDevices = owned();
      Object.assign(fake, more);
      return { fake, path: `/chats/${hash}`, then: () => void press(presses) };
    };
  };
  const history = (direction: "in" | "out", done: number): (() => Scene) => {
    return () => {
      const fake = everybody();
      const then = (): void => fake.tell({ type: "history", direction, done, total: 1_250 });
      return { fake, path: `/chats/${id("c", 1)}`, then };
    };
  };
  const code = { code: CODE };
  const failing = "That code is not one of your account's. Nothing was linked.";
  return {
    linking: linking({ type: "link", link: { step: "waiting" } }),
    linkingreset: linking(null, { reset: true }),
    linkingslow: linking(null, { more: { link: () => new Promise(() => undefined) } }),
    linkingapproved: linking({ type: "link", link: { step: "approved" } }),
    linkingfailed: linking({
      type: "link",
      link: { step: "failed", why: "The code was not used for ten minutes, and has ended." },
    }),
    anew: () => ({ ...linking(null)(), then: () => void press([".linking-others button"]) }),
    historyin: history("in", 420),
    historyout: history("out", 420),
    historydone: history("in", 1_250),
    devices: dialog("#devices", []),
    devicesone: dialog("#devices", [], { ownDevices: owned().slice(0, 1) }),
    devicesnot: dialog("#devices", [], { managing: false, ownDevices: owned().map(asPhone) }),
    devicesended: dialog("#devices", [".devices-ended summary"]),
    devicesfailed: dialog("#devices", [], { devices: () => Promise.reject(new Error("The server cannot be reached.")) }),
    code: dialog("#link", []),
    codewrong: dialog("#link", [`paste ${CODE}`, ".devices-form [type=submit]"], {
      readLink: () => Promise.reject(new Error(failing)),
    }),
    codenot: dialog("#link", [], { managing: false, ownDevices: owned().map(asPhone) }),
    approve: dialog("#link", [`paste ${CODE}`, ".devices-form [type=submit]"], code),
    approving: dialog("#link", [`paste ${CODE}`, ".devices-form [type=submit]", ".devices-form [type=submit]"], {
      approveLink: () => new Promise(() => undefined),
    }),
    linked: dialog("#link", [`paste ${CODE}`, ".devices-form [type=submit]", ".devices-form [type=submit]"]),
    end: dialog("#devices", ["li:nth-child(3) .button"]),
    endkey: dialog("#devices", ["li:nth-child(2) .button"]),
    endnot: dialog("#devices", ["li:nth-child(1) .button"], { managing: false, ownDevices: owned().map(asPhone) }),
  };
}

function owned(): DeviceInfo[] {
  const now = Date.now();
  const device = (number: number, name: string, platform: string, more: Partial<DeviceInfo>): DeviceInfo => ({
    id: id("d", number),
    name,
    platform,
    lastSeen: now - number * 60_000,
    thisOne: false,
    managing: false,
    listed: true,
    suspended: false,
    ...more,
  });
  return [
    device(1, "Firefox on Linux", "browser", { thisOne: true, managing: true, lastSeen: now }),
    device(2, "Chrome on Android", "browser", { managing: true, lastSeen: now - 5 * 3_600_000 }),
    device(3, "Terminal", "linux", { lastSeen: now - 40 * DAY }),
    device(4, "A very long name of a laptop that somebody got from work and named themselves", "darwin", {}),
    device(5, "Edge on Windows", "browser", { listed: false, lastSeen: 0 }),
    device(6, "Old laptop", "windows", { suspended: true, lastSeen: now - 90 * DAY }),
    device(7, "Lost phone", "browser", { suspended: true, listed: false, lastSeen: now - 200 * DAY }),
  ];
}

/** The same devices, seen from the second one, which cannot link others. */
function asPhone(device: DeviceInfo, at: number): DeviceInfo {
  return { ...device, thisOne: at === 1, managing: at === 0 };
}

async function find(text: string): Promise<void> {
  const field = document.querySelector<HTMLInputElement>("#group-people");
  if (field) field.value = text;
  field?.dispatchEvent(new InputEvent("input", { bubbles: true }));
  await new Promise((resolve) => setTimeout(resolve, 2 * PAUSE));
}

/** Press what the selectors name, each after the page has had time; "paste …" fills the code in, "find …" looks for people. */
/** The last one of these fields: that of the open chat goes before that of the list. */
function type(selector: string, text: string): void {
  const field = [...document.querySelectorAll<HTMLInputElement | HTMLTextAreaElement>(selector)].at(-1);
  if (!field) return;
  field.focus();
  field.value = text;
  field.setSelectionRange(text.length, text.length);
  field.dispatchEvent(new Event("input", { bubbles: true }));
}

export async function press(selectors: readonly string[]): Promise<void> {
  for (const selector of selectors) {
    await new Promise((resolve) => setTimeout(resolve, 100));
    const field = document.querySelector<HTMLTextAreaElement>("#link-code");
    if (selector.startsWith("paste ") && field) field.value = selector.slice("paste ".length);
    else if (selector.startsWith("find ")) await find(selector.slice("find ".length));
    else if (selector.startsWith("search ")) type(".search input", selector.slice("search ".length));
    else if (selector.startsWith("write ")) type(".composer textarea", selector.slice("write ".length));
    else if (selector.startsWith("wait ")) await new Promise((resolve) => setTimeout(resolve, Number(selector.slice("wait ".length))));
    else document.querySelector<HTMLElement>(selector)?.click();
  }
}
