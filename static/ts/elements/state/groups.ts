// What a person does in a group chat. Each waits for the server; one at a time, so that nothing is done twice.

import type { Messenger } from "../../client/messenger";
import type { GroupChanges, InviteOptions, Role } from "../../client/model";
import { Changes } from "./changes";
import type { Notices } from "./notices";

export class Groups {
  readonly changed = new Changes();
  busy = false;
  readonly #messenger: Messenger;
  readonly #notices: Notices;

  constructor(messenger: Messenger, notices: Notices) {
    this.#messenger = messenger;
    this.#notices = notices;
  }

  accept(chat: string): Promise<boolean> {
    return this.#do(() => this.#messenger.acceptGroup(chat));
  }

  leave(chat: string): Promise<boolean> {
    return this.#do(() => this.#messenger.leaveGroup(chat));
  }

  approve(chat: string, account: string): Promise<boolean> {
    return this.#do(() => this.#messenger.approve(chat, account));
  }

  /** Take a member out, or refuse somebody who waits. */
  remove(chat: string, account: string): Promise<boolean> {
    return this.#do(() => this.#messenger.removeMember(chat, account));
  }

  setRole(chat: string, account: string, role: Role): Promise<boolean> {
    return this.#do(() => this.#messenger.setRole(chat, account, role));
  }

  change(chat: string, changes: GroupChanges): Promise<boolean> {
    return this.#do(() => this.#messenger.changeGroup(chat, changes));
  }

  /** The code that stands in the link; null: it did not work. */
  async makeLink(chat: string, options: InviteOptions): Promise<string | null> {
    let code: string | null = null;
    await this.#do(async () => (code = await this.#messenger.makeLink(chat, options)));
    return code;
  }

  endLink(chat: string, key: string): Promise<boolean> {
    return this.#do(() => this.#messenger.endLink(chat, key));
  }

  mute(chat: string, on: boolean): Promise<boolean> {
    return this.#do(() => this.#messenger.mute(chat, on));
  }

  /** Write on in groups with somebody whose identity has changed, without having compared anything. */
  acknowledge(account: string): Promise<boolean> {
    return this.#do(() => this.#messenger.acknowledge(account));
  }

  /** False: it did not work, and a notice says why; or something else is under way. */
  async #do(work: () => Promise<unknown>): Promise<boolean> {
    if (this.busy) return false;
    this.#become(true);
    try {
      await work();
      return true;
    } catch (error) {
      this.#notices.complain(error);
      return false;
    } finally {
      this.#become(false);
    }
  }

  #become(busy: boolean): void {
    this.busy = busy;
    this.changed.emit();
  }
}
