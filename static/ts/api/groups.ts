// The calls of group chats (docs/api.md). Decides nothing; keeps nothing.
import { encodeBase64url } from "../lib/base64url";
import { uuid } from "../lib/uuid";

import { profile, signedObject, toSignedObject, type Profile } from "./answers";
import * as forms from "./forms";
import type { Json } from "./forms";
import { listed, type Caller } from "./paging";

/** The newest operation of a group chat, by the server's word. */
export interface GroupHead {
  readonly group: Uint8Array;
  readonly index: number;
  readonly hash: Uint8Array;
}

/** A group chat of one's own, as the server lists it. */
export interface GroupListed extends GroupHead {
  readonly request: boolean; // somebody added this account, whom it has not accepted
}

/** A page of operations, and the device lists that they name. */
export interface Operations {
  readonly operations: readonly Uint8Array[]; // signed objects, in order
  readonly lists: readonly { readonly account: Uint8Array; readonly signed: Uint8Array }[];
  readonly more: boolean;
}

/** What shows that somebody holds a link. */
export interface LinkProof {
  readonly key: Uint8Array;
  readonly signature: Uint8Array;
}

export class GroupCalls {
  readonly #call: Caller;

  constructor(call: Caller) {
    this.#call = call;
  }

  /** Publish operation 0. */
  async create(signed: Uint8Array): Promise<void> {
    await this.#call("POST", "groups", { operation: toSignedObject(signed) });
  }

  /** Publish the next operation. */
  async publish(group: Uint8Array, signed: Uint8Array): Promise<void> {
    await this.#call("POST", `groups/${uuid(group)}/operations`, { operation: toSignedObject(signed) });
  }

  /** The operations after a number; null: from the first one on. */
  async operations(group: Uint8Array, since: number | null, link: LinkProof | null = null): Promise<Operations> {
    const asked = [
      ...(since === null ? [] : [`since=${since}`]),
      ...(link === null ? [] : [`link=${encodeBase64url(link.key)}`, `signature=${encodeBase64url(link.signature)}`]),
    ];
    const query = asked.length === 0 ? "" : `?${asked.join("&")}`;
    const answer = await this.#call("GET", `groups/${uuid(group)}/operations${query}`);
    return {
      operations: forms.items(answer.operations).map(signedObject),
      lists: forms.items(answer.lists).map((one) => {
        return { account: forms.identifier(forms.members(one).account), signed: signedObject(one) };
      }),
      more: answer.more === true,
    };
  }

  /** All that this account is in, or waits to be let into, of all pages. */
  async list(): Promise<GroupListed[]> {
    const found = await listed(this.#call, "groups", "groups");
    return found.map(forms.members).map((fields) => ({ ...head(fields, "id"), request: fields.request === true }));
  }

  /** Who is in it, by the server's word: their names. */
  async people(group: Uint8Array): Promise<Profile[]> {
    const answer = await this.#call("GET", `groups/${uuid(group)}`);
    return forms.items(answer.members).map((one) => profile(forms.members(one).account));
  }

  async accept(group: Uint8Array): Promise<void> {
    await this.#call("POST", `groups/${uuid(group)}/accept`, {});
  }
}

/** What `group.changed`, a list of group chats or a refusal says of the newest operation. */
export function head(fields: Json, name = "group"): GroupHead {
  return {
    group: forms.identifier(fields[name]),
    index: forms.unsigned(fields.index),
    hash: forms.bytes(fields.hash),
  };
}
