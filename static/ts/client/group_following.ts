// A group chat's operations, from the first one on: fetched, held against what is known here, and kept.
//
// PROTOCOL.md, Groups. The chain is believed, not the server: where it does not verify, forks or goes back, nothing
// is sent to that group chat any more, and one line says why.

import type { Directory as Answer, GroupHead, Operations } from "../api/index";
import { equal, hex } from "../lib/bytes";
import { Defect, KeysRefused, Refused } from "../lib/errors";
import { ListRefused, ProtocolError, Unsupported } from "../protocol/errors";
import { Create } from "../protocol/group_args";
import type { GroupLink } from "../protocol/group_link";
import { openOperation, type Operation } from "../protocol/group_operation";
import type { GroupState } from "../protocol/group_state";
import * as groups from "../store/groups";
import type { Trouble, Withheld } from "../store/group_records";
import * as peers from "../store/peers";
import * as timeline from "../store/timeline";
import type { Transaction } from "../store/transaction";
import { requireMe, type Context } from "./context";
import type { Directory } from "./directory";
import { applyOperations } from "./group_applying";
import { stateOf } from "./group_lookup";
import { Unvouched } from "./group_vouching";
import { Turn } from "./signals";
import { WORDS } from "./words";

const PAGES = 200; // of one chain, before something is wrong
const MOST_ACCOUNTS = 100; // in one call of the directory
const MOST_WITHHELD = 100; // operations that are remembered of one group chat

interface Wish {
  /** What the server says is the newest operation. */
  readonly head?: GroupHead | null;
  /** The link that somebody comes by: the chain has to be the one that it names. */
  readonly link?: GroupLink | null;
}

export class Following {
  readonly #context: Context;
  readonly #directory: Directory;
  readonly #turn = new Turn();
  readonly #unshown = new Set<string>(); // group chats of which the person was told

  constructor(context: Context, directory: Directory) {
    this.#context = context;
    this.#directory = directory;
  }

  /**
   * Learn what is new of a group chat. Resolves with it as it is then.
   *
   * Throws Refused (`group_refused`: the chain does not hold; `not_found`: one is not in it), Unreachable.
   */
  follow(group: Uint8Array, wish: Wish = {}): Promise<GroupState> {
    return this.#turn.take(() => this.#follow(group, wish));
  }

  /** What the server says of the newest operation contradicts the chain that is kept here. */
  note(tx: Transaction, id: Uint8Array, trouble: Trouble): void {
    const group = groups.get(tx, id);
    if (group === null || group.trouble === trouble) return;
    groups.save(tx, { ...group, trouble });
    this.#context.telling.chat(id);
    if (trouble === "") return;
    const sent = this.#context.now();
    const line = timeline.note(tx, "warning", { account: id, chat: id, sent, text: WORDS.groupTrouble[trouble] });
    this.#context.telling.lines([line]);
  }

  async #follow(group: Uint8Array, { head = null, link = null }: Wish): Promise<GroupState> {
    const state = this.#context.write((tx) => stateOf(groups.get(tx, group)));
    const fetched = await this.#fetch(group, state, link);
    await this.#learn(fetched);
    await this.#name(group, fetched);
    try {
      const [moved, failure] = this.#context.write((tx) => {
        const news = { ...fetched, operations: newer(state, fetched.operations) };
        const applied = applyOperations(tx, requireMe(tx), group, news, link);
        this.#context.telling.lines(applied.shown);
        this.#context.telling.chat(group);
        if (applied.failure === null) {
          checkHead(tx, applied.state, head);
          this.#settle(tx, group);
        }
        return [applied.state, applied.failure] as const;
      });
      if (failure !== null) throw failure;
      return moved;
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      const trouble = troubleOf(error);
      this.#refuse(group, trouble);
      throw new Refused(WORDS.groupTrouble[trouble], "group_refused");
    } finally {
      this.#context.telling.flush();
    }
  }

  async #fetch(group: Uint8Array, state: GroupState | null, link: GroupLink | null): Promise<Operations> {
    const { api, account } = this.#context;
    const join = link?.join(account) ?? null;
    const operations: Uint8Array[] = [];
    const lists: Operations["lists"][number][] = [];
    // From the newest one known, itself included, so that a fork of it shows.
    let since = state === null || state.index === 0 ? null : state.index - 1;
    for (let page = 0; page < PAGES; page++) {
      const answer = await api.groups.operations(group, since, join);
      operations.push(...answer.operations);
      lists.push(...answer.lists);
      if (!answer.more || answer.operations.length === 0) return { operations, lists, more: false };
      since = (since ?? -1) + answer.operations.length;
    }
    return { operations, lists, more: true };
  }

  /** Have the lists that the operations name accepted: of each account, the whole chain up to its pin. */
  async #learn({ operations }: Operations): Promise<void> {
    const authors = new Map<string, Uint8Array>();
    this.#context.write((tx) => {
      for (const { account, listHash } of operations.flatMap(opened)) {
        if (peers.listNamed(tx, account, listHash) === null) authors.set(hex(account), account);
      }
    });
    const unknown = [...authors.values()];
    for (let start = 0; start < unknown.length; start += MOST_ACCOUNTS) {
      const some = unknown.slice(start, start + MOST_ACCOUNTS);
      const pins = this.#context.write((tx) => some.map((one) => peers.pinOf(peers.byAccount(tx, one))));
      const asked = some.map((account, at) => ({ account, since: 0, key: pins[at]?.accountKey ?? null }));
      const answers = await this.#context.api.directory(asked);
      for (const [at, account] of some.entries()) {
        const answer = answers.find((one) => equal(one.account, account));
        if (answer !== undefined) await this.#tolerant(account, [pins[at] ?? null, answer]);
      }
    }
  }

  /** Learn the names of all whom operations name: of many in one call. */
  async #name(group: Uint8Array, { operations }: Operations): Promise<void> {
    const named = new Map(operations.flatMap(opened).flatMap(accountsIn).map((one) => [hex(one), one]));
    const nameless = [...named.values()].filter((one) => this.#directory.known(one).username === "");
    if (nameless.length > 1) {
      try {
        const people = await this.#context.api.groups.people(group);
        for (const { account, username } of people) if (named.has(hex(account))) this.#directory.name(account, username);
      } catch (error) {
        if (!(error instanceof Refused || error instanceof Defect)) throw error;
      }
    }
    await this.#directory.nameAccounts(nameless);
  }

  /** A list that does not hold is no list: whoever is named by it has signed nothing. */
  async #tolerant(account: Uint8Array, given: readonly [ReturnType<typeof peers.pinOf>, Answer]): Promise<void> {
    try {
      await this.#directory.refresh(account, given);
    } catch (error) {
      if (!(error instanceof KeysRefused)) throw error;
      this.#context.notify(error.message);
    }
  }

  /** Note operations that members know and the server does not show, until it does, or they are members no more. */
  noteWithheld(tx: Transaction, id: Uint8Array, found: readonly Withheld[]): void {
    const group = groups.get(tx, id);
    if (group === null || (group.trouble !== "" && group.trouble !== "withheld")) return;
    const isNew = (one: Withheld): boolean => {
      return !group.withheld.some(({ gsh, account }) => equal(gsh, one.gsh) && equal(account, one.account));
    };
    groups.save(tx, { ...group, withheld: [...group.withheld, ...found.filter(isNew)].slice(-MOST_WITHHELD) });
    this.#settle(tx, id);
  }

  /** The chain holds, as far as it is shown. */
  #settle(tx: Transaction, id: Uint8Array): void {
    const group = groups.get(tx, id);
    const state = stateOf(group);
    if (group === null || state === null) return;
    const isHidden = ({ gsh, account }: Withheld): boolean => {
      return state.role(account) !== null && !groups.hasOperation(tx, id, gsh);
    };
    const withheld = group.withheld.filter(isHidden);
    if (withheld.length < group.withheld.length) groups.save(tx, { ...group, withheld });
    this.note(tx, id, withheld.length > 0 ? "withheld" : "");
  }

  #refuse(group: Uint8Array, trouble: Trouble): void {
    const isKnown = this.#context.write((tx) => {
      this.note(tx, group, trouble);
      return groups.get(tx, group) !== null;
    });
    if (isKnown || this.#unshown.has(hex(group))) return;
    this.#unshown.add(hex(group));
    this.#context.notify(WORDS.groupUnshown);
  }
}

/** The newest operation that is kept here is not shown any more, or another in its place. */
class WentBack extends ListRefused {}

/** The operations behind the newest one that is known, with which they begin. Throws WentBack, Malformed, Unsupported. */
function newer(state: GroupState | null, operations: readonly Uint8Array[]): readonly Uint8Array[] {
  if (state === null) return operations;
  const [first, ...others] = operations;
  if (first === undefined || !equal(openOperation(first).hash, state.hash)) throw new WentBack("another state");
  return others;
}

function troubleOf(error: ProtocolError): Trouble {
  if (error instanceof Unsupported) return "newer";
  if (error instanceof WentBack) return "back";
  return error instanceof Unvouched ? "identity" : "refused";
}

function checkHead(tx: Transaction, state: GroupState, head: GroupHead | null): void {
  if (head === null) return;
  const known = groups.hashAt(tx, state.group, head.index);
  if (known === null || !equal(known, head.hash)) throw new WentBack("another head");
}

function accountsIn({ account, args }: Operation): Uint8Array[] {
  if (args instanceof Create) return [account, ...args.roster.map((one) => one.account)];
  return "account" in args ? [account, args.account] : [account];
}

function opened(signed: Uint8Array): Operation[] {
  try {
    return [openOperation(signed)];
  } catch (error) {
    if (error instanceof ProtocolError) return []; // judged when its turn comes
    throw error;
  }
}
