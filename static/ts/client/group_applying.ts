// Operations of a group chat are taken: verified, kept with their state, and shown as lines. Inside one transaction.
//
// PROTOCOL.md, Groups. The server orders; what a group chat is, its operations alone say.

import type { Operations } from "../api/index";
import { equal, hex } from "../lib/bytes";
import { openList, type DeviceList } from "../protocol/device_list";
import { ListRefused, NotListed, ProtocolError } from "../protocol/errors";
import { ADMIN, Leave } from "../protocol/group_args";
import { apply, type Lookup } from "../protocol/group_chain";
import type { GroupLink } from "../protocol/group_link";
import { openOperation } from "../protocol/group_operation";
import type { GroupState } from "../protocol/group_state";
import { Group } from "../store/group_records";
import * as groups from "../store/groups";
import * as peers from "../store/peers";
import type { Entry, Me } from "../store/records";
import * as timeline from "../store/timeline";
import type { Transaction } from "../store/transaction";
import { noteOperation } from "./group_events";
import { metaOf, stateOf } from "./group_lookup";

export interface Applied {
  readonly state: GroupState;
  readonly shown: readonly Entry[];
}

/** Take operations that follow those that are here, and all of them or none. Throws what `apply` throws. */
export function applyOperations(
  tx: Transaction,
  me: Me,
  id: Uint8Array,
  fetched: Operations,
  link: GroupLink | null,
): Applied {
  const group = groups.get(tx, id) ?? Group.of({ id });
  const lists = new NamedLists(tx, fetched.lists);
  let state = stateOf(group);
  let { leftAt, title } = group;
  const shown: Entry[] = [];
  if (state === null) groups.save(tx, group);
  for (const signed of fetched.operations) {
    const before = state;
    const operation = openOperation(signed);
    state = lists.judged(() => apply(before, signed, lists));
    if (!equal(state.group, id)) throw new ListRefused("another group");
    if (operation.args instanceof Leave) leftAt = state.index;
    const called = title;
    title = metaOf(group, state)?.title ?? title;
    groups.saveOperation(tx, id, operation);
    shown.push(...noteOperation(tx, me.account, operation, { before, titles: [called, title] }));
  }
  if (state === null) throw new ListRefused("no operation");
  if (link !== null && groups.operationsTo(tx, id, link.gsh).length === 0) {
    throw new ListRefused("not the group of the link");
  }
  lists.finish();
  const isIn = state.role(me.account) !== null || state.isPending(me.account);
  // What was written while one was not in it was not for this device, and nothing of that is missing.
  if (isIn && group.ended !== "") timeline.startFlowsAnew(tx, id);
  const { keyVersion } = state;
  groups.save(tx, {
    ...group,
    state: state.toBytes(),
    keys: group.keys.filter((one) => one.version >= keyVersion),
    title,
    leftAt,
    ended: isIn || link !== null ? "" : group.ended === "" ? "removed" : group.ended,
  });
  return { state, shown };
}

/** Whether an admin's client has to bring a new group key: somebody who knows it has left. */
export function needsRekey(group: Group, own: Uint8Array): boolean {
  const state = stateOf(group);
  if (state === null || group.trouble !== "" || group.request) return false;
  return group.leftAt > state.keyVersion && (state.role(own) ?? 0) >= ADMIN;
}

/**
 * The lists that operations name: those that were accepted here, and those of account keys that were given up.
 *
 * Of the latter there is the server's word alone. They count only where a later operation vouches for the one that
 * names them (each signs the hash of the one before), by a device on a list that was accepted here.
 */
class NamedLists implements Lookup {
  readonly #tx: Transaction;
  readonly #given = new Map<string, Uint8Array>();
  #used = false;
  #vouched = true;

  constructor(tx: Transaction, lists: Operations["lists"]) {
    this.#tx = tx;
    for (const { account, signed } of lists) {
      const list = openedList(signed);
      if (list !== null && equal(list.account, account)) this.#given.set(hex(account) + hex(list.hash), signed);
    }
  }

  listNamed(account: Uint8Array, listHash: Uint8Array): DeviceList | null {
    const known = peers.listNamed(this.#tx, account, listHash);
    if (known !== null) return known;
    this.#used = true;
    const given = this.#given.get(hex(account) + hex(listHash));
    const list = given === undefined ? null : openList(given);
    const pinned = peers.pinOf(peers.byAccount(this.#tx, account));
    // Of the key that is known here the directory would have had it.
    return list === null || pinned === null || equal(list.accountKey, pinned.accountKey) ? null : list;
  }

  judged(work: () => GroupState): GroupState {
    this.#used = false;
    const after = work();
    this.#vouched = !this.#used;
    return after;
  }

  finish(): void {
    if (!this.#vouched) throw new NotListed("nobody known here vouches for it");
  }
}

function openedList(signed: Uint8Array): DeviceList | null {
  try {
    return openList(signed);
  } catch (error) {
    if (error instanceof ProtocolError) return null;
    throw error;
  }
}
