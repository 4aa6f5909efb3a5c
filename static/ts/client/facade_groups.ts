// What the page asks of groups.

import { WrongUse } from "../lib/errors";
import { Conversing } from "./facade_chats";
import type { Groups } from "./groups";
import { ROLES } from "./model";
import type { ChatSummary, GroupChanges, GroupOptions, InviteOptions, Role } from "./model";
import type { OpenChats } from "./open_chats";
import { idOf } from "./tab";
import { WORDS } from "./words";

/** Every call is `async`, also where nothing is waited for: what goes wrong has to reject. */
/* eslint-disable @typescript-eslint/require-await */
export class Grouping extends Conversing {
  async createGroup(
    title: string,
    accounts: readonly string[],
    { open, ...more }: GroupOptions,
  ): Promise<ChatSummary> {
    const { groups, openChats } = this.inside;
    return this.summary(await (open ? openChats : groups).create(title, accounts.map(idOf), more));
  }

  async addMember(chat: string, account: string): Promise<void> {
    await this.#of(chat).add(idOf(chat), idOf(account));
  }

  async removeMember(chat: string, account: string): Promise<void> {
    await this.#of(chat).remove(idOf(chat), idOf(account));
  }

  async setRole(chat: string, account: string, role: Role): Promise<void> {
    await this.#of(chat).setRole(idOf(chat), idOf(account), ROLES.indexOf(role));
  }

  async leaveGroup(chat: string): Promise<void> {
    await this.#of(chat).leave(idOf(chat));
  }

  async changeGroup(chat: string, changes: GroupChanges): Promise<void> {
    await this.#of(chat).set(idOf(chat), changes);
  }

  async makeLink(chat: string, options: InviteOptions): Promise<string> {
    return this.#withLinks(chat).makeLink(idOf(chat), options);
  }

  async endLink(chat: string, key: string): Promise<void> {
    await this.#withLinks(chat).endLink(idOf(chat), key);
  }

  async join(code: string): Promise<ChatSummary> {
    return this.summary(await this.inside.groups.join(code));
  }

  async approve(chat: string, account: string): Promise<void> {
    await this.#withLinks(chat).approve(idOf(chat), idOf(account));
  }

  async acceptGroup(chat: string): Promise<void> {
    await this.#of(chat).accept(idOf(chat));
  }

  async mute(chat: string, on: boolean): Promise<void> {
    this.#of(chat).mute(idOf(chat), on);
  }

  /** What does the work for a group of its kind. */
  #of(chat: string): Groups | OpenChats {
    return this.isOpen(idOf(chat)) ? this.inside.openChats : this.inside.groups;
  }

  #withLinks(chat: string): Groups {
    if (this.isOpen(idOf(chat))) throw new WrongUse(WORDS.openLinks);
    return this.inside.groups;
  }
}
