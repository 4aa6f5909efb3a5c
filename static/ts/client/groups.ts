// Group chats, as the page asks for them: verbs, what the server tells, and what is tended at every connection.

import { groupHead, type GroupHead, type GroupListed, type Json } from "../api/index";
import { equal, hex } from "../lib/bytes";
import { Defect, KeysRefused, Refused, Unreachable, WrongUse } from "../lib/errors";
import { Add, Approve, CloseLink, Leave, Remove, SetMeta, SetRole, type Args, type OpenLinkOptions } from "../protocol/group_args";
import { Meta } from "../protocol/group_meta";
import { GroupState } from "../protocol/group_state";
import type { Group } from "../store/group_records";
import * as groups from "../store/groups";
import * as settings from "../store/settings";
import type { Transaction } from "../store/transaction";
import type { Context } from "./context";
import type { Directory } from "./directory";
import { Changer } from "./group_changing";
import type { Following } from "./group_following";
import { groupKeyOf, metaOf, stateOf } from "./group_lookup";
import { changedMeta, sameMeta, sealedMeta } from "./group_naming";
import type { GroupSender } from "./group_sending";
import type { GroupChanges } from "./model";
import { WORDS } from "./words";

export class Groups {
  readonly #context: Context;
  readonly #directory: Directory;
  readonly #following: Following;
  readonly #sender: GroupSender;
  readonly #changer: Changer;

  constructor(context: Context, directory: Directory, following: Following, sender: GroupSender) {
    this.#context = context;
    this.#directory = directory;
    this.#following = following;
    this.#sender = sender;
    this.#changer = new Changer(context, directory, following, sender);
  }

  /** Make a group chat with these members; resolves with its id. Throws UnknownPerson, Refused, Unreachable. */
  async create(title: string, accounts: readonly Uint8Array[], more: Omit<GroupChanges, "title"> = {}): Promise<Uint8Array> {
    await this.#directory.nameAccounts(accounts);
    return this.#changer.create(accounts, { ...more, title });
  }

  /** Open a link to join by; resolves with its code, for the fragment of an address. */
  makeLink(id: Uint8Array, options: OpenLinkOptions): Promise<string> {
    return this.#changer.makeLink(id, options);
  }

  /** Join by a link's code; resolves with the group's id. Perhaps an admin has to approve it first. */
  join(code: string): Promise<Uint8Array> {
    return this.#changer.join(code);
  }

  async add(id: Uint8Array, account: Uint8Array): Promise<void> {
    await this.#directory.nameAccounts([account]);
    await this.#directory.pinned(account);
    await this.#changer.change(id, ({ state }) => (state.role(account) === null ? { args: waits(state, account) } : null));
    await this.#sender.announce(id);
  }

  /** Take somebody out, or refuse somebody who waits: what follows is under a new group key. */
  async remove(id: Uint8Array, account: Uint8Array): Promise<void> {
    await this.#changer.change(id, ({ group, state }) => {
      if (state.role(account) === null && !state.isPending(account)) return null;
      const [meta, key] = this.#changer.sealedAnew(group, state);
      return { args: new Remove(account, meta), key };
    });
    await this.#sender.announce(id);
  }

  async setRole(id: Uint8Array, account: Uint8Array, role: number): Promise<void> {
    await this.#changer.change(id, ({ state }) => (state.role(account) === role ? null : { args: new SetRole(account, role) }));
  }

  /** Leave, or decline to be in it. */
  async leave(id: Uint8Array): Promise<void> {
    await this.#changer.change(id, ({ me, state }) => {
      const isIn = state.role(me.account) !== null || state.isPending(me.account);
      return isIn ? { args: new Leave() } : null;
    });
  }

  /** Change what people see of it, or who may add to it: all in one operation, and none where nothing changes. */
  async set(id: Uint8Array, changes: GroupChanges): Promise<void> {
    await this.#changer.change(id, ({ group, state }) => {
      const key = groupKeyOf(group, state);
      if (key === null) throw new WrongUse(WORDS.noGroupKey);
      const before = metaOf(group, state) ?? new Meta(group.title);
      const meta = changedMeta(before, changes);
      const membersMayAdd = changes.membersMayAdd ?? state.membersMayAdd;
      if (sameMeta(before, meta) && membersMayAdd === state.membersMayAdd) return null;
      return { args: new SetMeta(sealedMeta(meta, id, key, this.#context.environment.entropy), membersMayAdd) };
    });
  }

  /** `key`: the link's public key, in hexadecimal digits. */
  async endLink(id: Uint8Array, key: string): Promise<void> {
    await this.#changer.change(id, ({ state }) => {
      const link = state.links.find((one) => hex(one.key) === key);
      return link === undefined ? null : { args: new CloseLink(link.key) };
    });
  }

  /** Let somebody in who waits. */
  async approve(id: Uint8Array, account: Uint8Array): Promise<void> {
    await this.#changer.change(id, ({ state }) => (state.isPending(account) ? { args: new Approve(account) } : null));
    await this.#sender.announce(id);
  }

  /** Stay in a group chat that a stranger has added this account to. */
  async accept(id: Uint8Array): Promise<void> {
    await this.#context.api.groups.accept(id);
    this.#change(id, { request: false });
  }

  mute(id: Uint8Array, muted: boolean): void {
    this.#change(id, { muted });
  }

  /** A frame of the server: something has happened in a group chat. */
  async heard(frame: Json): Promise<void> {
    const head = groupHead(frame);
    const isNew = this.#context.write((tx) => groups.get(tx, head.group)) === null;
    if (frame.removed === true) this.#noteOut(head.group);
    else if (isNew) await this.tend(); // whether a stranger asks stands in the list
    else await this.#followed(head);
  }

  /** Learn what happened while this device was away, and do what is left to an admin's client. */
  async tend(): Promise<void> {
    const known = this.#context.write((tx) => groups.all(tx)).filter((one) => one.ended === "");
    const before = known.filter((one) => !this.#changer.isMaking(one.id)); // the list may be older than that one
    const listed = await this.#context.api.groups.list();
    this.#context.write((tx) => noteFirst(tx, listed));
    for (const one of listed) await this.#follow(one);
    for (const { id, state, announce } of before) {
      if (listed.some(({ group }) => equal(group, id))) {
        if (announce) await this.#sender.announce(id);
      } else if (state !== null) this.#noteOut(id);
      else this.#context.write((tx) => groups.forget(tx, id)); // it was never made
    }
  }

  /** Give this device's chains to devices of one's own account that have not got them. */
  async announceToOwn(): Promise<void> {
    for (const { id } of this.#context.write((tx) => groups.all(tx))) await this.#sender.announceToOwn(id);
  }

  /**
   * Learn what is new of the group chats that somebody is in, before another identity of theirs is taken: what they
   * have signed under the one of before counts until then. What cannot be learned now is not waited for.
   */
  async catchUp(account: Uint8Array): Promise<void> {
    const isWith = ({ ended, state }: Group): boolean => {
      return ended === "" && state !== null && GroupState.fromBytes(state).role(account) !== null;
    };
    for (const { id } of this.#context.write((tx) => groups.all(tx)).filter(isWith)) {
      await patiently(() => this.#following.follow(id));
    }
  }

  /** After that: what had to wait for it. */
  async resume(): Promise<void> {
    await patiently(() => this.tend());
    this.#sender.wanted.set();
  }

  async #follow(listed: GroupListed): Promise<void> {
    const known = this.#context.write((tx) => groups.get(tx, listed.group));
    const state = stateOf(known);
    if (known !== null && known.request !== listed.request) this.#change(listed.group, { request: listed.request });
    if (state === null || !equal(state.hash, listed.hash) || known?.trouble !== "") await this.#followed(listed);
    if (known === null && listed.request) this.#change(listed.group, { request: true });
    await this.#rekeyed(listed.group);
  }

  /** Follow; what does not hold has been said already. */
  async #followed(head: GroupHead): Promise<void> {
    try {
      await this.#following.follow(head.group, { head });
      await this.#named(head.group);
      this.#sender.wanted.set();
      await this.#rekeyed(head.group);
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      if (error.code === "not_found") this.#noteOut(head.group);
    }
  }

  /** What this device cannot do about it, another admin's can. */
  async #rekeyed(id: Uint8Array): Promise<void> {
    try {
      await this.#changer.rekey(id);
    } catch (error) {
      if (!(error instanceof Refused || error instanceof WrongUse || error instanceof KeysRefused)) throw error;
    }
  }

  async #named(id: Uint8Array): Promise<void> {
    const state = this.#context.write((tx) => stateOf(groups.get(tx, id)));
    await this.#directory.nameAccounts(state?.roster.map((one) => one.account) ?? []);
    this.#context.telling.chat(id);
    this.#context.telling.flush();
  }

  /** The server says that this account is not in it any more. */
  #noteOut(id: Uint8Array): void {
    this.#sender.noteOut(id, "removed");
  }

  #change(id: Uint8Array, changes: Partial<Omit<Group, "id">>): void {
    const { telling } = this.#context;
    this.#context.write((tx) => groups.get(tx, id) !== null && groups.change(tx, id, changes));
    telling.chat(id);
    telling.flush();
  }
}

/** Of the group chats that are there when this device begins, what is from before it was linked is no news. */
function noteFirst(tx: Transaction, listed: readonly GroupListed[]): void {
  const state = settings.linking(tx);
  if (state.groups === null) settings.saveLinking(tx, { ...state, groups: listed.map(({ group }) => group) });
}

/** What goes wrong is tried again by the next connection. */
async function patiently(work: () => Promise<unknown>): Promise<void> {
  try {
    await work();
  } catch (error) {
    const isLater = error instanceof Unreachable || error instanceof Refused || error instanceof Defect;
    if (!(isLater || error instanceof KeysRefused)) throw error;
  }
}

/** Somebody who waits is approved, not added. */
function waits(state: GroupState, account: Uint8Array): Args {
  return state.isPending(account) ? new Approve(account) : new Add(account);
}
