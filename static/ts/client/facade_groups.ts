// What the page asks of groups.

import { WrongUse } from "../lib/errors";
import { Conversing } from "./facade_chats";
import { ROLES } from "./model";
import type { ChatSummary, GroupChanges, GroupOptions, InviteOptions, Role } from "./model";
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
    if (open) throw new WrongUse(WORDS.openNotYet);
    return this.summary(await this.inside.groups.create(title, accounts.map(idOf), more));
  }

  async addMember(chat: string, account: string): Promise<void> {
    await this.inside.groups.add(idOf(chat), idOf(account));
  }

  async removeMember(chat: string, account: string): Promise<void> {
    await this.inside.groups.remove(idOf(chat), idOf(account));
  }

  async setRole(chat: string, account: string, role: Role): Promise<void> {
    await this.inside.groups.setRole(idOf(chat), idOf(account), ROLES.indexOf(role));
  }

  async leaveGroup(chat: string): Promise<void> {
    await this.inside.groups.leave(idOf(chat));
  }

  async changeGroup(chat: string, changes: GroupChanges): Promise<void> {
    await this.inside.groups.set(idOf(chat), changes);
  }

  async makeLink(chat: string, options: InviteOptions): Promise<string> {
    return this.inside.groups.makeLink(idOf(chat), options);
  }

  async endLink(chat: string, key: string): Promise<void> {
    await this.inside.groups.endLink(idOf(chat), key);
  }

  async join(code: string): Promise<ChatSummary> {
    return this.summary(await this.inside.groups.join(code));
  }

  async approve(chat: string, account: string): Promise<void> {
    await this.inside.groups.approve(idOf(chat), idOf(account));
  }

  async acceptGroup(chat: string): Promise<void> {
    await this.inside.groups.accept(idOf(chat));
  }

  async mute(chat: string, on: boolean): Promise<void> {
    this.inside.groups.mute(idOf(chat), on);
  }
}
