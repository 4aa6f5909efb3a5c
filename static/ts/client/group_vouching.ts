// Which operations of a group chat count: whose author's list is under the account key that is pinned here, or whose
// device is on the newest list, and those that somebody has vouched for.
//
// docs/protocol.md, answer 76. A list under any other key, given up or made up, is the server's word alone. Each
// operation commits to those before it, so that one of a device that is listed now can vouch for them.

import type { Operations } from "../api/index";
import { equal, hex } from "../lib/bytes";
import { readPadded } from "../protocol/content";
import { openList, type DeviceList } from "../protocol/device_list";
import { ListRefused, NotListed, ProtocolError } from "../protocol/errors";
import { Add, ADMIN, Approve, Create, Leave, MEMBER, Remove, SetRole } from "../protocol/group_args";
import { apply, rebuild } from "../protocol/group_chain";
import type { GroupLink } from "../protocol/group_link";
import { openOperation, type Operation } from "../protocol/group_operation";
import type { GroupState } from "../protocol/group_state";
import { SenderKey } from "../protocol/sender_key";
import * as waiting from "../store/group_waiting";
import * as groups from "../store/groups";
import * as peers from "../store/peers";
import type { Me } from "../store/records";
import type { Transaction } from "../store/transaction";
import { hasChanged, isVerified } from "./identity";
import { newestList } from "./opening";

const ROUNDS = 4; // of which each knows that one operation more does not hold

/** An operation under an account key that is not the pinned one, for which nobody has vouched. */
export class Unvouched extends NotListed {}

/** An operation that holds, and the group before and after it. */
export interface Step {
  readonly operation: Operation;
  readonly before: GroupState | null;
  readonly after: GroupState;
}

/** What there is to judge by. */
export interface Case {
  readonly id: Uint8Array;
  readonly kept: GroupState | null; // the group as it is known here, which is not judged again
  readonly isWhole: boolean; // and was followed to its end before
  readonly lists: Operations["lists"];
  readonly link: GroupLink | null;
}

interface Judged {
  readonly steps: readonly Step[];
  /** Why the next one does not hold; null: all do. */
  readonly failure: ProtocolError | null;
}

/** Hold operations that follow those that are kept against what is known here, in order, up to the first that fails. */
export function judge(tx: Transaction, me: Me, given: Case, objects: readonly Uint8Array[]): Judged {
  const judging = new Judging(tx, me, given);
  let failure: ProtocolError | null = null;
  let count = objects.length;
  for (let round = 0; round < ROUNDS; round++) {
    // What fails vouches for nothing before it.
    const judged = judging.steps(objects.slice(0, count));
    failure = judged.failure ?? failure;
    if (judged.failure === null) return { steps: judged.steps, failure };
    count = judged.steps.length;
  }
  return { steps: [], failure };
}

interface Named {
  readonly operation: Operation;
  readonly list: DeviceList | null;
  readonly isPinned: boolean; // the list is under the account key that is pinned here
  readonly isListed: boolean; // the device is on the newest list, under the key that it has in that one
}

class Judging {
  readonly #tx: Transaction;
  readonly #me: Me;
  readonly #case: Case;
  readonly #relied: GroupState | null; // the group as it was followed to its end
  readonly #given = new Map<string, Uint8Array>();
  readonly #vouched: ReadonlyMap<string, readonly Uint8Array[] | null>; // by an operation's hash; people: if one is in it then

  constructor(tx: Transaction, me: Me, given: Case) {
    this.#tx = tx;
    this.#me = me;
    this.#case = given;
    this.#relied = given.isWhole ? given.kept : null;
    for (const { account, signed } of given.lists) {
      const list = openedList(signed);
      if (list !== null && equal(list.account, account)) this.#given.set(hex(account) + hex(list.hash), signed);
    }
    this.#vouched = this.#vouchers();
  }

  steps(objects: readonly Uint8Array[]): Judged {
    const [all, unread] = this.#opened(objects);
    let border = all.findLastIndex((one) => this.#vouches(one));
    let isFirst = true;
    const steps: Step[] = [];
    let state = this.#case.kept;
    try {
      for (const [at, one] of all.entries()) {
        const { operation, list } = one;
        if (!countsAlone(one) && at > border) {
          if (isFirst) border = this.#compared(all, objects, state);
          if (at > border) border = this.#admission(all, at, state);
          isFirst = false;
        }
        const counts = countsAlone(one) || (at <= border && !this.#hasMoved(state, operation.account));
        if (list !== null && !counts) throw new Unvouched("another account key");
        const after: GroupState = apply(state, operation.signed, { listNamed: () => list });
        steps.push({ operation, before: state, after });
        state = after;
      }
      return { steps, failure: unread };
    } catch (failure) {
      if (failure instanceof ProtocolError) return { steps, failure };
      throw failure;
    }
  }

  #opened(objects: readonly Uint8Array[]): [readonly Named[], ProtocolError | null] {
    const opened: Named[] = [];
    try {
      for (const signed of objects) {
        const operation = openOperation(signed);
        if (!equal(operation.group, this.#case.id)) throw new ListRefused("another group");
        opened.push(this.#named(operation));
      }
      return [opened, null];
    } catch (error) {
      if (error instanceof ProtocolError) return [opened, error];
      throw error;
    }
  }

  #named(operation: Operation): Named {
    const { account, listHash } = operation;
    const peer = peers.byAccount(this.#tx, account);
    const pin = peers.pinOf(peer);
    const known = peers.listNamed(this.#tx, account, listHash);
    const given = known === null ? (this.#given.get(hex(account) + hex(listHash)) ?? null) : null;
    const list = given === null ? known : openList(given);
    const isPinned = list !== null && pin !== null && equal(list.accountKey, pin.accountKey);
    // Under the pinned key the directory would have it, but while the server shows another one.
    if (isPinned && given !== null && !hasChanged(peer)) return { operation, list: null, isPinned: false, isListed: false };
    const [then, now] = [list?.find(operation.device) ?? null, pin?.newest.find(operation.device) ?? null];
    return { operation, list, isPinned, isListed: then !== null && now !== null && equal(then.signingKey, now.signingKey) };
  }

  /** Whether an own device or the link vouches for an operation and all before it. */
  #vouches({ operation, isListed }: Named): boolean {
    if (isListed && equal(operation.account, this.#me.account)) return true;
    return this.#vouched.get(hex(operation.hash)) === null;
  }

  /** The last operation that people vouch for who were in the group `before`, -1 for none: a later one could add them. */
  #compared(all: readonly Named[], objects: readonly Uint8Array[], before: GroupState | null): number {
    return all.findLastIndex(({ operation }, at) => {
      const named = this.#vouched.get(hex(operation.hash)) ?? [];
      const known = named.filter((account) => before === null || before.role(account) !== null);
      return known.length > 0 && this.#areIn(known, objects.slice(0, at + 1));
    });
  }

  /** Whether one of these people is a member once operations are taken. */
  #areIn(accounts: readonly Uint8Array[], objects: readonly Uint8Array[]): boolean {
    const { id, kept } = this.#case;
    const known = kept === null ? [] : groups.operationsTo(this.#tx, id, kept.hash);
    try {
      const state = rebuild([...known, ...objects]);
      return accounts.some((account) => state.role(account) !== null);
    } catch (error) {
      if (error instanceof ProtocolError) return false;
      throw error;
    }
  }

  /**
   * The operation that lets this account in, -1 for none: what was before it, whoever let one in has seen.
   *
   * `from`: the first one that counts only so; `before`: the group until then, which is what may be relied on. What
   * comes from there on could make anybody anything; but whoever is lowered there by what counts alone does not answer.
   */
  #admission(all: readonly Named[], from: number, before: GroupState | null): number {
    if (this.#case.link !== null) return -1;
    const own = this.#me.account;
    const isAnswer = (one: Named | undefined): boolean => one?.isListed === true && letsIn(one.operation, own);
    if (before === null) {
      // With a new identity on an empty device, which has nobody else to tell it, one is let in again.
      if (newestList(this.#tx, own)?.devices.length === 1) return all.findLastIndex(isAnswer);
      const first = all.findIndex((one) => letsIn(one.operation, own));
      return isAnswer(all[first]) ? first : -1;
    }
    const isIn = before.role(own) !== null;
    const mayLetIn = ({ operation }: Named, at: number): boolean => {
      const least = !isIn && operation.args instanceof Add && before.membersMayAdd ? MEMBER : ADMIN;
      return at >= from && letsIn(operation, own) && (before.role(operation.account) ?? -1) >= least;
    };
    const answers = (one: Named, at: number): boolean => {
      const { account } = one.operation;
      const isLowered = all.slice(from, at).some((other) => countsAlone(other) && lowers(other.operation, account, before));
      return one.isListed && mayLetIn(one, at) && !isLowered;
    };
    if (isIn) return all.findLastIndex(answers);
    const first = all.findIndex(mayLetIn); // what comes behind it, one can have judged oneself
    return all.findIndex((one, at) => at === first && answers(one, at));
  }

  /** Whether somebody has signed under the pinned key already: nothing under another counts after that. */
  #hasMoved(state: GroupState | null, account: Uint8Array): boolean {
    const pin = peers.pinOf(peers.byAccount(this.#tx, account));
    const keys = (state?.authors ?? []).filter((one) => equal(one.account, account)).map((one) => one.accountKey);
    return pin !== null && keys.some((key) => equal(key, pin.accountKey));
  }

  /**
   * The operations up to which others have come: other devices of one's own account, by their sender keys, and of a
   * group chat that is new here those of people whose safety number was compared; and whoever gave one the link.
   */
  #vouchers(): Map<string, readonly Uint8Array[] | null> {
    const { id, link } = this.#case;
    const found = new Map<string, readonly Uint8Array[] | null>();
    for (const { account, device, padded } of waiting.keysOf(this.#tx, id)) {
      const isOwn = equal(account, this.#me.account);
      const isTrusted = isOwn || (this.#relied === null && isVerified(peers.byAccount(this.#tx, account)));
      const { body, heads } = readPadded(padded);
      if (!isTrusted || !(body instanceof SenderKey) || !this.#isSame(account, device, heads.own)) continue;
      const others = found.get(hex(body.gsh));
      found.set(hex(body.gsh), isOwn || others === null ? null : [...(others ?? []), account]);
    }
    if (link !== null) found.set(hex(link.gsh), null);
    return found;
  }

  /** Whether a device is on the newest list, under the keys that it had in a list of before. */
  #isSame(account: Uint8Array, device: Uint8Array, listHash: Uint8Array): boolean {
    const before = peers.listNamed(this.#tx, account, listHash);
    const newest = newestList(this.#tx, account);
    const [then, now] = [before?.find(device) ?? null, newest?.find(device) ?? null];
    if (before === null || newest === null || then === null || now === null) return false;
    return equal(before.accountKey, newest.accountKey) && equal(then.signingKey, now.signingKey);
  }
}

/** Whether nobody else has to answer for an operation. */
function countsAlone({ isPinned, isListed }: Named): boolean {
  return isPinned || isListed;
}

/** Whether an operation takes somebody out of the group, or gives them less than their role `before`. */
function lowers({ account: author, args }: Operation, account: Uint8Array, before: GroupState): boolean {
  if (args instanceof Leave) return equal(author, account);
  if (args instanceof Remove) return equal(args.account, account);
  return args instanceof SetRole && equal(args.account, account) && args.role < (before.role(account) ?? MEMBER);
}

/** Whether an operation makes somebody a member: not by a link, which is a person's own doing. */
function letsIn({ args }: Operation, account: Uint8Array): boolean {
  if (args instanceof Create) return args.roster.some((one) => equal(one.account, account));
  return (args instanceof Add || args instanceof Approve) && equal(args.account, account);
}

function openedList(signed: Uint8Array): DeviceList | null {
  try {
    return openList(signed);
  } catch (error) {
    if (error instanceof ProtocolError) return null;
    throw error;
  }
}
