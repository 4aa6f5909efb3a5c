// Operations of a group chat are taken: verified, kept with their state, and shown as lines. Inside one transaction.
//
// PROTOCOL.md, Groups. The server orders; what a group chat is, its operations alone say.

import type { Operations } from "../api/index";
import { equal } from "../lib/bytes";
import { ListRefused, type ProtocolError } from "../protocol/errors";
import { ADMIN, Leave } from "../protocol/group_args";
import type { GroupLink } from "../protocol/group_link";
import type { GroupState } from "../protocol/group_state";
import { Group } from "../store/group_records";
import * as groups from "../store/groups";
import type { Entry, Me } from "../store/records";
import * as settings from "../store/settings";
import * as timeline from "../store/timeline";
import type { Transaction } from "../store/transaction";
import { noteOperation } from "./group_events";
import { metaOf, stateOf } from "./group_lookup";
import { judge } from "./group_vouching";
import { linkedAt } from "./standing";

export interface Applied {
  readonly state: GroupState;
  readonly shown: readonly Entry[];
  /** Why no more of them were taken; null: all were. */
  readonly failure: ProtocolError | null;
}

/**
 * Take operations that follow those that are here, up to the first that does not hold; by a link all or none.
 *
 * Throws what `apply` throws where none is taken.
 */
export function applyOperations(
  tx: Transaction,
  me: Me,
  id: Uint8Array,
  fetched: Operations,
  link: GroupLink | null,
): Applied {
  const group = groups.get(tx, id) ?? Group.of({ id });
  let state = stateOf(group);
  const { lists, operations } = fetched;
  const isWhole = !group.isPart;
  const { steps, failure } = judge(tx, me, { id, kept: state, isWhole, lists, link }, operations);
  const last = steps.at(-1)?.after ?? state;
  // Of a group chat that is new here, not the half in which this account is not yet.
  const isHalf = state === null && !isMember(last, me);
  const linked = (state === null || group.isPart) && wasThere(tx, id) ? linkedAt(tx, me) : null;
  if (failure !== null && (link !== null || steps.length === 0 || isHalf)) throw failure;
  let { leftAt, title } = group;
  const shown: Entry[] = [];
  if (state === null) groups.save(tx, group);
  for (const { operation, before, after } of steps) {
    state = after;
    if (operation.args instanceof Leave && (before?.role(operation.account) ?? null) !== null) leftAt = state.index;
    const called = title;
    title = metaOf(group, state)?.title ?? title;
    groups.saveOperation(tx, id, operation);
    shown.push(...noteOperation(tx, me.account, operation, { before, titles: [called, title], linked }));
  }
  if (state === null) throw new ListRefused("no operation");
  if (link !== null && groups.operationsTo(tx, id, link.gsh).length === 0) {
    throw new ListRefused("not the group of the link");
  }
  const isPart = failure !== null && (stateOf(group) === null || group.isPart);
  const isIn = isMember(state, me);
  // What was written while one was not in it was not for this device, and nothing of that is missing.
  if (isIn && group.ended !== "") timeline.startFlowsAnew(tx, id);
  const { keyVersion } = state;
  groups.save(tx, {
    ...group,
    state: state.toBytes(),
    keys: group.keys.filter((one) => one.version >= keyVersion),
    title,
    leftAt,
    isPart,
    ended: isIn || link !== null ? "" : group.ended === "" ? "removed" : group.ended,
  });
  return { state, shown, failure };
}

/** When this device was linked. Of one that comes later, the times in its operations hide nothing. */
function wasThere(tx: Transaction, id: Uint8Array): boolean {
  const first = settings.linking(tx).groups;
  return first === null || first.some((one) => equal(one, id));
}

/** Whether an admin's client has to bring a new group key: somebody who knows it has left. */
export function needsRekey(group: Group, own: Uint8Array): boolean {
  const state = stateOf(group);
  if (state === null || group.trouble !== "" || group.request) return false;
  return group.leftAt > state.keyVersion && (state.role(own) ?? 0) >= ADMIN;
}

/** Whether this account is in it, or waits to be. */
function isMember(state: GroupState | null, { account }: Me): boolean {
  return state !== null && (state.role(account) !== null || state.isPending(account));
}
