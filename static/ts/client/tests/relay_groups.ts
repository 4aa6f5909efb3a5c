// Group chats at the relay: chains of operations, and messages to all devices of all members.
//
// It judges operations as a server does. `chains` and `counted` are there to be lied with: what members are shown, and
// whom the relay takes for a member besides.

import { decodeBase64url, encodeBase64url } from "../../lib/base64url";
import { fromUuid, uuid } from "../../lib/uuid";
import * as cbor from "../../protocol/cbor";
import { openList, type DeviceList } from "../../protocol/device_list";
import { ProtocolError } from "../../protocol/errors";
import { Add, Create, Leave } from "../../protocol/group_args";
import { apply } from "../../protocol/group_chain";
import { openOperation } from "../../protocol/group_operation";
import type { GroupState } from "../../protocol/group_state";
import { sha256 } from "../../protocol/primitives";
import { problem, type Answer, type Json, type Relay } from "./relay";

type Who = readonly [account: string, device: string | null];
type Signed = { payload: string; signature: string };

export class RelayGroups {
  readonly chains = new Map<string, Signed[]>(); // by group
  readonly states = new Map<string, GroupState>();
  readonly counted = new Map<string, string[]>(); // by group: accounts that no operation has added
  readonly requests = new Set<string>(); // group and account
  readonly places = new Map<string, string>(); // by message id: the group
  /** By group: from whom the operations above a number are hidden. */
  readonly hidden = new Map<string, { readonly above: number; readonly from: readonly string[] }>();
  /** Lists of identities that were given up, or made up. */
  readonly ended: Json[] = [];
  readonly #relay: Relay;

  constructor(relay: Relay) {
    this.#relay = relay;
  }

  answer(call: string, query: string, body: Json, account: string, device: string): Answer | null {
    if (call === "GET groups") {
      const mine = [...this.states.keys()].filter((id) => this.#isIn(id, account));
      return this.#relay.paged("groups", mine.map((id) => this.#listed(id, account)), query);
    }
    const operation = body.operation as Signed;
    if (call === "POST groups") return this.#take(operation, null, [account, device]);
    const [, verb, id = "", rest = ""] = /^(\w+) groups\/([^/]+)\/?(\w*)$/.exec(call) ?? [];
    if (verb === undefined) return null;
    const state = this.states.get(id);
    const asked = new URLSearchParams(query);
    if (state === undefined || !(this.#isIn(id, account) || this.#hasLink(state, asked) || rest === "operations" && body.operation !== undefined && this.#isJoin(operation))) {
      return problem(404, "not_found");
    }
    if (verb === "POST" && rest === "operations") return this.#take(operation, state, [account, device]);
    if (verb === "GET" && rest === "operations") return [200, this.#page(id, account, Number(asked.get("since") ?? -1))];
    if (verb === "POST" && rest === "accept") {
      this.requests.delete(id + account);
      return [204, {}];
    }
    const members = state.roster.map((one) => ({ account: { id: uuid(one.account), username: this.#relay.nameOf(uuid(one.account)), display_name: "" }, role: one.role, pending: false }));
    return rest === "" ? [200, { ...this.#listed(id, account), members }] : problem(404, "not_found");
  }

  send(body: Json, [account, device]: Who): Answer {
    const messageId = String(body.message_id);
    const before = this.#relay.answers.get(messageId);
    if (before !== undefined) return [201, before];
    const id = String(body.group);
    const state = this.states.get(id);
    if ((state?.role(fromUuid(account) ?? new Uint8Array(16)) ?? null) === null) return problem(404, "not_found");
    const head = this.#head(id, account);
    if (body.gsh !== head.hash) return problem(409, "group_changed", "", { ...head, operations: [] });
    const members = this.members(id).map((one) => [one, this.#hashOf(one)] as const);
    const rows = members.map(([one, hash]) => [fromUuid(one) ?? new Uint8Array(16), decodeBase64url(hash) ?? new Uint8Array(32)]);
    if (body.lists !== encodeBase64url(sha256(cbor.encode(rows)))) return problem(409, "devices_changed", "", { members });
    this.places.set(messageId, id);
    for (const member of this.members(id)) {
      for (const other of this.#relay.activeOf(member)) {
        if (other === device) continue;
        const request = this.requests.has(id + member);
        this.#relay.deliver(other, [account, device], messageId, String(body.body), { group: id, request });
      }
    }
    const answer = { message_id: messageId, accepted_at: Date.now(), skipped: [] };
    this.#relay.answers.set(messageId, answer);
    return [201, answer];
  }

  /** Whom the relay takes for a member, by account. */
  members(id: string): string[] {
    const roster = this.states.get(id)?.roster.map((one) => uuid(one.account)) ?? [];
    return [...roster, ...(this.counted.get(id) ?? [])].sort();
  }

  /** Tell a group's members, or somebody, of the newest operation. */
  tell(id: string, accounts: readonly string[], more: Json = {}, but: string | null = null): void {
    for (const [device, socket] of this.#relay.sockets) {
      if (device === but || !accounts.includes(socket.who?.[0] ?? "")) continue;
      socket.deliver({ type: "group.changed", ...this.#head(id, socket.who?.[0]), ...more });
    }
  }

  #take(signed: Signed, before: GroupState | null, who: Who): Answer {
    const object = cbor.encode([decodeBase64url(signed.payload), decodeBase64url(signed.signature)]);
    const operation = openOperation(object);
    const id = uuid(operation.group);
    const chain = this.chains.get(id) ?? [];
    if (chain.some((one) => one.payload === signed.payload)) return [201, this.#head(id)];
    if (before !== null && (operation.index !== before.index + 1 || encodeBase64url(operation.previous) !== this.#head(id).hash)) {
      return problem(409, "group_changed", "", { ...this.#head(id), operations: [] });
    }
    let after: GroupState;
    try {
      after = apply(before, object, { listNamed: (account, hash) => this.#listNamed(uuid(account), encodeBase64url(hash)) });
    } catch (error) {
      return problem(400, error instanceof ProtocolError ? error.code : "malformed");
    }
    this.chains.set(id, [...chain, signed]);
    this.states.set(id, after);
    this.#noteRequests(id, operation.args, who[0]);
    const others = after.roster.map((one) => uuid(one.account));
    const gone = (before?.roster ?? []).map((one) => uuid(one.account)).filter((one) => !others.includes(one));
    const told = [...others, ...after.pending.map(uuid)].filter((one) => this.hidden.get(id)?.from.includes(one) !== true);
    this.tell(id, told, {}, who[1]);
    this.tell(id, gone, { removed: true }, operation.args instanceof Leave ? who[1] : null);
    return [201, this.#head(id)];
  }

  #noteRequests(id: string, args: unknown, author: string): void {
    const added = args instanceof Add ? [args.account] : args instanceof Create ? args.roster.map((one) => one.account) : [];
    for (const account of added.map(uuid)) {
      if (account !== author && this.#relay.contacts.of(account).get(author) !== "accepted") this.requests.add(id + account);
    }
  }

  #page(id: string, account: string, since: number): Json {
    const newest = [...this.#relay.lists].flatMap(([owner, lists]) => lists.map((one) => ({ account: owner, ...one })));
    return { operations: this.#chainFor(id, account).slice(since + 1), lists: [...this.ended, ...newest], more: false };
  }

  #chainFor(id: string, account = ""): Signed[] {
    const { above = Infinity, from = [] } = this.hidden.get(id) ?? {};
    return (this.chains.get(id) ?? []).slice(0, from.includes(account) ? above + 1 : Infinity);
  }

  #head(id: string, account = ""): { group: string; index: number; hash: string } {
    const chain = this.#chainFor(id, account);
    const newest = chain.at(-1);
    const hash = encodeBase64url(sha256(decodeBase64url(newest?.payload ?? "") ?? new Uint8Array(0)));
    return { group: id, index: chain.length - 1, hash };
  }

  #listed(id: string, account: string): Json {
    const { index, hash } = this.#head(id, account);
    return { id, index, hash, member_count: 0, role: 0, pending: false, request: this.requests.has(id + account), created_at: 0 };
  }

  #isIn(id: string, account: string): boolean {
    const state = this.states.get(id);
    const bytes = fromUuid(account) ?? new Uint8Array(16);
    return state !== undefined && (state.role(bytes) !== null || state.isPending(bytes));
  }

  #hasLink(state: GroupState, asked: URLSearchParams): boolean {
    return state.links.some((one) => encodeBase64url(one.key) === asked.get("link"));
  }

  #isJoin(signed: Signed): boolean {
    const object = cbor.encode([decodeBase64url(signed.payload), decodeBase64url(signed.signature)]);
    return openOperation(object).args.code === 8;
  }

  #hashOf(account: string): string {
    const newest = this.#listsOf(account).at(-1);
    return newest === undefined ? "" : encodeBase64url(newest.hash);
  }

  #listNamed(account: string, hash: string): DeviceList | null {
    return this.#listsOf(account).find((one) => encodeBase64url(one.hash) === hash) ?? null;
  }

  #listsOf(account: string): DeviceList[] {
    return this.#relay.lists.of(account).map((one) => {
      return openList(cbor.encode([decodeBase64url(String(one.payload)), decodeBase64url(String(one.signature))]));
    });
  }
}
