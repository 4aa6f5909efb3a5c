// The account's devices, as the dialog shows them: which there are, linking one more, ending one.

import type { Messenger } from "../../client/messenger";
import type { DeviceInfo, LinkOptions, NewDevice, Told } from "../../client/model";
import { Changes } from "./changes";
import { reasonOf } from "./notices";

export type View =
  | { readonly name: "list" }
  | { readonly name: "code" } // waits for the new device's code
  | { readonly name: "approve"; readonly code: string; readonly device: NewDevice }
  | { readonly name: "linked"; readonly device: NewDevice; readonly history: boolean }
  | { readonly name: "end"; readonly device: DeviceInfo };

const LIST: View = { name: "list" };
const CODE = /^[0-9A-TV-Z]{200}$/i; // Crockford's base 32, and the letters that people take for its digits

export class Devices {
  readonly changed = new Changes();
  view: View = LIST;
  /** null: not loaded yet. */
  all: readonly DeviceInfo[] | null = null;
  canManage = false;
  isOpen = false;
  busy = false;
  /** Why what was asked for last did not work. */
  why = "";
  /** Why they could not be fetched. */
  failed = "";
  readonly #messenger: Messenger;
  readonly #ready: Promise<void>;
  #asked = 0;

  /** `ready`: the client can be asked. An address may open the dialog before that. */
  constructor(messenger: Messenger, ready: Promise<void>) {
    this.#messenger = messenger;
    this.#ready = ready;
    messenger.listen((told) => this.#hear(told));
  }

  /** What was under way when it was closed is still shown. */
  open(what: "list" | "code"): void {
    this.isOpen = true;
    if (!this.busy) this.show(what);
    void this.refresh();
  }

  close(): void {
    this.isOpen = false;
    if (!this.busy) this.show("list");
  }

  show(what: "list" | "code"): void {
    this.#become({ name: what });
  }

  /** Say first what ending it means. */
  askToEnd(device: DeviceInfo): void {
    this.#become({ name: "end", device });
  }

  async refresh(): Promise<void> {
    this.#asked += 1;
    const asked = this.#asked;
    await this.#ready;
    try {
      const [all, canManage] = await Promise.all([this.#messenger.devices(), this.#messenger.canManage()]);
      if (asked !== this.#asked) return;
      this.all = numbered(all);
      this.canManage = canManage;
      this.failed = "";
      if (!canManage && this.view.name === "code") this.view = LIST;
    } catch (error) {
      if (asked !== this.#asked) return;
      this.failed = reasonOf(error);
    }
    this.changed.emit();
  }

  /** Read a code that was pasted or scanned: whose is it? */
  async read(code: string): Promise<void> {
    await this.#work(async () => {
      const device = await this.#messenger.readLink(code);
      return { name: "approve", code, device };
    });
  }

  async approve(options: LinkOptions): Promise<void> {
    const { view } = this;
    if (view.name !== "approve") return;
    await this.#work(async () => {
      await this.#messenger.approveLink(view.code, options);
      return { name: "linked", device: view.device, history: options.history };
    });
    await this.refresh();
  }

  /** End the device in view: signed out at once, and off the list where this device can do that as well. */
  async end(): Promise<void> {
    const { view } = this;
    if (view.name !== "end") return;
    const { id, listed } = view.device;
    const newIdentity = meansNewIdentity(view.device, this.canManage);
    await this.#work(async () => {
      if (listed && this.canManage) await this.#messenger.removeDevice(id, { newIdentity });
      else await this.#messenger.suspendDevice(id);
      return LIST;
    });
    await this.refresh();
  }

  #hear(told: Told): void {
    if (told.type === "devices" && this.isOpen) void this.refresh();
  }

  async #work(work: () => Promise<View>): Promise<void> {
    if (this.busy) return;
    this.busy = true;
    this.why = "";
    this.changed.emit();
    await this.#ready; // an address opens the dialog, and a person is quick
    try {
      this.view = await work();
    } catch (error) {
      this.why = reasonOf(error);
    } finally {
      this.busy = false;
      this.changed.emit();
    }
  }

  #become(view: View): void {
    this.view = view;
    this.why = "";
    this.changed.emit();
  }
}

/** Those of one name are told apart by a number, in the order in which they came: their ids begin with a time. */
export function numbered(all: readonly DeviceInfo[]): DeviceInfo[] {
  return all.map((device) => {
    const before = all.filter((other) => other.name === device.name && other.id < device.id).length;
    return before > 0 ? { ...device, name: `${device.name} (${before + 1})` } : device;
  });
}

/** Taking a device off the list that holds the account's key takes that key's worth away as well. */
export function meansNewIdentity({ managing, listed }: DeviceInfo, canManage: boolean): boolean {
  return managing && listed && canManage;
}

/** Whether a text can be a link code; whether it is one, the client says. */
export function looksLikeCode(text: string): boolean {
  return CODE.test(text.replace(/[\s-]/g, ""));
}

/** In fives, as it is shown: a code is compared and typed more easily so. */
export function inGroups(code: string): string[] {
  return code.match(/.{1,5}/g) ?? [];
}
