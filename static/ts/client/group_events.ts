// What an operation made of a group chat becomes a line of it. Inside the transaction that keeps the operation.

import { equal } from "../lib/bytes";
import { Add, Approve, CloseLink, Create, Join, Leave, OpenLink, Rekey, Remove, SetMeta, SetRole } from "../protocol/group_args";
import type { Operation } from "../protocol/group_operation";
import type { GroupState } from "../protocol/group_state";
import type { GroupEvent } from "../store/group_records";
import { Entry } from "../store/records";
import * as timeline from "../store/timeline";
import type { Transaction } from "../store/transaction";

interface Surroundings {
  readonly before: GroupState | null;
  readonly titles: readonly [before: string, after: string]; // what it is called, as far as that is known here
  readonly linked: number | null; // ms: what is older stands among the messages of before, and is no news
}

/** Show an operation. */
export function noteOperation(
  tx: Transaction,
  own: Uint8Array,
  operation: Operation,
  { before, titles, linked }: Surroundings,
): Entry[] {
  const event = eventOf(operation, before, titles[0] !== titles[1]);
  if (event === null) return [];
  const { account, device, group, hash, time } = operation;
  const isBefore = linked !== null && time < linked;
  const isNews = !isBefore && event.about !== null && equal(event.about, own) && !equal(account, own);
  const entry = Entry.of({
    id: hash.slice(0, 16),
    kind: "system",
    outgoing: !isNews, // not to be read, but for what happened to the person
    account,
    chat: group,
    sent: time,
    device,
    accepted: time,
    text: event.name === "title" ? titles[1] : "",
    state: isNews ? "" : "accepted",
    event,
  });
  const added = isBefore ? timeline.addBefore(tx, entry) : timeline.add(tx, entry);
  return added === null ? [] : [added];
}

function eventOf({ args, account }: Operation, before: GroupState | null, isRenamed: boolean): GroupEvent | null {
  switch (args.code) {
    case Create.code:
      return event("created");
    case Add.code:
      return event("added", args.account);
    case Remove.code:
      return event(before?.isPending(args.account) === true ? "refused" : "removed", args.account);
    case Leave.code:
      return event(before?.isPending(account) === true ? "withdrew" : "left", account);
    case SetRole.code:
      return event("role", args.account, args.role);
    case SetMeta.code:
      return event(isRenamed ? "title" : "changed");
    case OpenLink.code:
      return event("link_made");
    case CloseLink.code:
      return event("link_ended");
    case Join.code:
      return event(isAsking(before, args, account) ? "asked" : "joined", account);
    case Approve.code:
      return event("approved", args.account);
    case Rekey.code:
      return null;
  }
}

/** Whether somebody who joins by a link has to be let in. */
function isAsking(before: GroupState | null, { key }: Join, account: Uint8Array): boolean {
  const wasRemoved = before?.removed.some((one) => equal(one, account)) === true;
  return wasRemoved || before?.link(key)?.approval === true;
}

function event(name: string, about: Uint8Array | null = null, role = 0): GroupEvent {
  return { name, about, role };
}
