// One's own operations on group chats: made, signed, judged, given to the server; again where another was faster.
//
// PROTOCOL.md, Groups. The server orders. What lost its race is looked at anew, and signed anew if it still makes sense.

import * as forms from "../api/forms";
import type { GroupHead, Json } from "../api/index";
import { equal, hex, random } from "../lib/bytes";
import { ClientError, Refused, Unreachable, WrongUse } from "../lib/errors";
import type { DeviceList } from "../protocol/device_list";
import { ProtocolError } from "../protocol/errors";
import { Add, Approve, Create, Leave, MEMBER, OpenLink, OWNER, Rekey, type Args, type OpenLinkOptions } from "../protocol/group_args";
import { create, propose } from "../protocol/group_chain";
import { GroupLink, newLinkKey } from "../protocol/group_link";
import { generateGroupKey, Meta, sealMeta } from "../protocol/group_meta";
import { openOperation, type Operation } from "../protocol/group_operation";
import type { GroupState } from "../protocol/group_state";
import type { GroupKey } from "../protocol/sender_key";
import { Group } from "../store/group_records";
import * as groups from "../store/groups";
import type { Me } from "../store/records";
import type { Transaction } from "../store/transaction";
import { ownDevice, requireMe, type Context } from "./context";
import type { Directory } from "./directory";
import { needsRekey } from "./group_applying";
import type { Following } from "./group_following";
import { metaOf, stateOf } from "./group_lookup";
import { changedMeta, sealedMeta } from "./group_naming";
import type { GroupSender } from "./group_sending";
import type { GroupChanges } from "./model";
import { newestList } from "./opening";
import { WORDS } from "./words";

const ROUNDS = 5; // operations that lost their race

/** An operation as it is wanted. `key`: the group key that it brings. */
interface Draft {
  readonly args: Args;
  readonly key?: GroupKey;
}

interface Standing {
  readonly me: Me;
  readonly group: Group;
  readonly state: GroupState;
}

export class Changer {
  readonly #context: Context;
  readonly #directory: Directory;
  readonly #following: Following;
  readonly #sender: GroupSender;
  readonly #making = new Set<string>(); // ids of group chats that are on their way to the server

  constructor(context: Context, directory: Directory, following: Following, sender: GroupSender) {
    this.#context = context;
    this.#directory = directory;
    this.#following = following;
    this.#sender = sender;
  }

  isMaking(id: Uint8Array): boolean {
    return this.#making.has(hex(id));
  }

  /** Make a group chat with these members; resolves with its id. Throws UnknownPerson, Refused, Unreachable. */
  async create(accounts: readonly Uint8Array[], named: GroupChanges & { readonly title: string }): Promise<Uint8Array> {
    const { api, environment } = this.#context;
    const meta = changedMeta(new Meta(""), named);
    for (const account of accounts) await this.#directory.pinned(account);
    const id = random(16);
    const key = generateGroupKey(null, environment.entropy);
    const signed = this.#context.write((tx) => {
      const me = requireMe(tx);
      const others = accounts.filter((one) => !equal(one, me.account)).map((account) => ({ account, role: MEMBER }));
      const roster = [{ account: me.account, role: OWNER }, ...others];
      const sealed = sealedMeta(meta, id, key, environment.entropy);
      const args = judged(() => Create.of(roster, sealed, { membersMayAdd: named.membersMayAdd ?? false }));
      groups.save(tx, Group.of({ id, keys: [key], announce: true }));
      return judged(() => create(ownDevice(me), listOf(tx, me), id, args, this.#visit())).operation.signed;
    });
    this.#making.add(hex(id));
    try {
      await api.groups.create(signed);
    } catch (error) {
      // Of a lost answer, the next connection finds out what became of it.
      if (error instanceof Refused) this.#context.write((tx) => groups.forget(tx, id));
      throw error;
    } finally {
      this.#making.delete(hex(id));
    }
    await this.#following.follow(id);
    await this.#sender.announce(id);
    return id;
  }

  /** Open a link to join by; resolves with its code, for the fragment of an address. */
  async makeLink(id: Uint8Array, options: OpenLinkOptions): Promise<string> {
    const key = newLinkKey(this.#context.environment.entropy);
    await this.change(id, () => ({ args: new OpenLink(key.public, options) }));
    const hash = this.#context.write((tx) => linkHash(tx, id, key.public));
    return new GroupLink(id, key, hash).toText();
  }

  /** Join by a link's code; resolves with the group's id. Perhaps an admin has to approve it first. */
  async join(code: string): Promise<Uint8Array> {
    const link = linkOf(code);
    const isNew = this.#context.write((tx) => groups.get(tx, link.group)) === null;
    try {
      await this.#following.follow(link.group, { link });
      await this.change(link.group, ({ me, state }) => {
        const isIn = state.role(me.account) !== null || state.isPending(me.account);
        return isIn ? null : { args: link.join(me.account) };
      });
    } catch (error) {
      // What was read by the link is nobody's conversation.
      if (isNew && error instanceof ClientError) this.#context.write((tx) => groups.forget(tx, link.group));
      throw error;
    }
    return link.group;
  }

  /** Somebody has left who knows the group key: bring another one, if no other admin's client was faster. */
  async rekey(id: Uint8Array): Promise<void> {
    const { account } = this.#context;
    if (!this.#context.write((tx) => isRekeyDue(tx, id, account))) return;
    await this.change(id, ({ group, state }) => {
      if (!needsRekey(group, account)) return null;
      const [meta, key] = this.sealedAnew(group, state);
      return { args: new Rekey(meta), key };
    });
    await this.#sender.announce(id);
  }

  /** Sign, publish, follow; anew where the group has changed meanwhile. Throws WrongUse, Refused, Unreachable. */
  async change(id: Uint8Array, decide: (standing: Standing) => Draft | null): Promise<void> {
    for (let round = 0; round < ROUNDS; round++) {
      const operation = this.#context.write((tx) => this.#signed(tx, id, decide));
      if (operation === null) return;
      try {
        await this.#context.api.groups.publish(id, operation.signed);
        if (operation.args instanceof Leave) {
          this.#sender.noteOut(id, "left");
          return;
        }
        await this.#following.follow(id);
        this.#context.write((tx) => groups.change(tx, id, { request: false }));
        return;
      } catch (error) {
        if (!(error instanceof Refused)) throw error;
        if (error.code === "group_changed") await this.#following.follow(id, { head: headOf(id, error.problem) });
        else if (error.code === "devices_changed") await this.#directory.refresh(this.#context.account);
        else {
          if (error.code === "not_found") await this.#lookAgain(id);
          throw error;
        }
      }
    }
    throw new Unreachable(WORDS.groupKeepsChanging);
  }

  /** Is it the group that this account has no part in any more, or whom the operation names that is not there? */
  async #lookAgain(id: Uint8Array): Promise<void> {
    try {
      await this.#following.follow(id);
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      if (error.code === "not_found") this.#sender.noteOut(id);
    }
  }

  #signed(tx: Transaction, id: Uint8Array, decide: (standing: Standing) => Draft | null): Operation | null {
    const me = requireMe(tx);
    const group = groups.get(tx, id);
    const state = stateOf(group);
    if (group === null || state === null) throw new WrongUse(WORDS.unknownChat);
    if (group.trouble !== "") throw new Refused(WORDS.groupTrouble[group.trouble], "group_refused");
    const draft = decide({ me, group, state });
    if (draft === null) return null;
    const proposed = judged(() => propose(ownDevice(me), listOf(tx, me), state, draft.args, this.#visit()));
    // Before it leaves: of an operation whose answer is lost, nobody else has the key, and it is to be given then, too.
    const { args, key } = draft;
    const announce = group.announce || key !== undefined || args instanceof Add || args instanceof Approve;
    groups.save(tx, { ...group, keys: key === undefined ? group.keys : [...group.keys, key], announce });
    return proposed.operation;
  }

  /** What people see of it under a new group key, for the operation that brings it. */
  sealedAnew(group: Group, state: GroupState): [meta: Uint8Array, key: GroupKey] {
    const { entropy } = this.#context.environment;
    const key = generateGroupKey(state, entropy);
    return [sealMeta(metaOf(group, state) ?? new Meta(group.title), state.group, key, entropy), key];
  }

  #visit(): { readonly now: number } {
    return { now: this.#context.now() };
  }
}

function isRekeyDue(tx: Transaction, id: Uint8Array, own: Uint8Array): boolean {
  const group = groups.get(tx, id);
  return group !== null && needsRekey(group, own);
}

function listOf(tx: Transaction, me: Me): DeviceList {
  const list = newestList(tx, me.account);
  if (list === null) throw new WrongUse(WORDS.listMissing);
  return list;
}

function linkOf(code: string): GroupLink {
  try {
    return GroupLink.fromText(code);
  } catch (error) {
    if (error instanceof ProtocolError) throw new WrongUse(WORDS.noGroupLink);
    throw error;
  }
}

function headOf(group: Uint8Array, problem: Json): GroupHead {
  return { group, index: forms.unsigned(problem.index), hash: forms.bytes(problem.hash) };
}

/** The hash of the operation that opened a link. */
function linkHash(tx: Transaction, id: Uint8Array, key: Uint8Array): Uint8Array {
  const state = stateOf(groups.get(tx, id));
  const operations = state === null ? [] : groups.operationsTo(tx, id, state.hash).map(openOperation);
  const found = operations.findLast(({ args }) => args instanceof OpenLink && equal(args.key, key));
  if (found === undefined) throw new Unreachable(WORDS.groupKeepsChanging);
  return found.hash;
}

/** What the rules of the group do not allow is no failure of this program. */
function judged<T>(work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (error instanceof ProtocolError) throw new WrongUse(WORDS.groupNotAllowed);
    throw error;
  }
}
