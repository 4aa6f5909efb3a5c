// A group chat as the protocol reads it from the store, inside one transaction.

import { equal, hex } from "../lib/bytes";
import type { AnnouncedChain } from "../protocol/announced_chain";
import type { DeviceList } from "../protocol/device_list";
import { ProtocolError } from "../protocol/errors";
import { rebuild } from "../protocol/group_chain";
import type { Lookup } from "../protocol/group_message";
import { checkGroupKey, readMeta, type Meta } from "../protocol/group_meta";
import { GroupState } from "../protocol/group_state";
import { secret } from "../protocol/secret";
import type { GroupKey } from "../protocol/sender_key";
import * as groups from "../store/groups";
import type { Group } from "../store/group_records";
import * as peers from "../store/peers";
import type { Transaction } from "../store/transaction";
import { newestList } from "./opening";

/** States that were read are kept for as long as the transaction lasts: whoever writes one makes a new lookup. */
export class GroupLookup implements Lookup {
  readonly #tx: Transaction;
  readonly #newest = new Map<string, GroupState | null>();

  constructor(tx: Transaction) {
    this.#tx = tx;
  }

  newestGroup(group: Uint8Array): GroupState | null {
    const key = hex(group);
    let state = this.#newest.get(key);
    if (state === undefined) {
      state = stateOf(groups.get(this.#tx, group));
      this.#newest.set(key, state);
    }
    return state;
  }

  groupAt(group: Uint8Array, gsh: Uint8Array): GroupState | null {
    const newest = this.newestGroup(group);
    if (newest === null || equal(newest.hash, gsh)) return newest;
    const operations = groups.operationsTo(this.#tx, group, gsh);
    return operations.length === 0 ? null : rebuild(operations);
  }

  listNamed(account: Uint8Array, listHash: Uint8Array): DeviceList | null {
    return peers.listNamed(this.#tx, account, listHash);
  }

  newestList(account: Uint8Array): DeviceList | null {
    return newestList(this.#tx, account);
  }

  chains(group: Uint8Array, account: Uint8Array, device: Uint8Array): readonly AnnouncedChain[] {
    return groups.chains(this.#tx, group, account, device);
  }
}

export function stateOf(group: Group | null): GroupState | null {
  return group === null || group.state === null ? null : GroupState.fromBytes(group.state);
}

/** The group key of now, among those that are kept; null while it is not known here. */
export function groupKeyOf(group: Group, state: GroupState): GroupKey | null {
  for (const { version, key } of group.keys) {
    const found = { version, key: secret(key) };
    if (version === state.keyVersion && opens(state, found)) return found;
  }
  return null;
}

/** What people see of it; null while the group key is not known here, or where nothing of it reads. */
export function metaOf(group: Group, state: GroupState): Meta | null {
  const key = groupKeyOf(group, state);
  try {
    return key === null ? null : readMeta(state, key);
  } catch (error) {
    if (error instanceof ProtocolError) return null;
    throw error;
  }
}

/** Whether a key is the group's: one of an own operation that lost its race is not. */
function opens(state: GroupState, key: GroupKey): boolean {
  try {
    checkGroupKey(state, key);
    return true;
  } catch (error) {
    if (error instanceof ProtocolError) return false;
    throw error;
  }
}
