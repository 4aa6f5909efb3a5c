// An invite link to a group chat: the secret that lets somebody join, and which group it is.
//
// PROTOCOL.md, Groups. The code stands in the link's fragment, which no server is sent. It names the chain up to the
// operation that opened the link, so that a server cannot show whoever comes by it a group of its own making.

import * as base32 from "./base32";
import { equal } from "./bytes";
import * as cbor from "./cbor";
import { SYSTEM, type Entropy } from "./entropy";
import { ListRefused, Malformed } from "./errors";
import * as form from "./form";
import { Join } from "./group_args";
import { apply, type Lookup } from "./group_chain";
import type { GroupState } from "./group_state";
import type { AccountId, GroupId } from "./ids";
import { HASH_SIZE, KEY_SIZE, SigningKey } from "./primitives";
import { secret, type Secret } from "./secret";

export const CODE_SIZE = 91; // bytes of the encoded code: 146 characters, two bits left over
const KIND = "join";

/** What stands in a link's fragment. */
export class GroupLink {
  readonly group: GroupId;
  readonly key: SigningKey; // the link's secret; its public half stands in the operation
  readonly gsh: Uint8Array; // hash of the operation that opened the link

  constructor(group: GroupId, key: SigningKey, gsh: Uint8Array) {
    this.group = group;
    this.key = key;
    this.gsh = gsh;
  }

  /** Write the code as its 146 characters. Hazard: whoever has them may join. */
  toText(): string {
    return base32.encode(this.toBytes());
  }

  /** Read what was opened, scanned or pasted. Throws Malformed. */
  static fromText(text: string): GroupLink {
    return GroupLink.fromBytes(base32.decode(text, CODE_SIZE));
  }

  /** CBOR["join", gid, seed, gsh]. */
  toBytes(): Secret {
    return secret(cbor.encode([KIND, this.group, this.key.seed, this.gsh]));
  }

  static fromBytes(data: Uint8Array): GroupLink {
    const [kind, group, seed, gsh] = form.array(cbor.decode(data), 4);
    if (kind !== KIND) throw new Malformed("not a group link");
    const read = form.identifier(group);
    return new GroupLink(read, SigningKey.fromSeed(form.octets(seed, KEY_SIZE)), form.octets(gsh, HASH_SIZE));
  }

  /** Sign for that account: the args of its operation, and what shows a server that it may read the chain. */
  join(account: AccountId): Join {
    return Join.by(this.key, this.group, account);
  }

  /**
   * Hold all the operations of the group, from the first one on, against the link.
   *
   * Throws what `group_chain.apply` throws; ListRefused too when they are not the chain that the link names.
   */
  follow(objects: Iterable<Uint8Array>, lookup: Lookup): GroupState {
    let state: GroupState | null = null;
    let isNamed = false;
    for (const signed of objects) {
      state = apply(state, signed, lookup);
      isNamed ||= equal(state.hash, this.gsh);
    }
    if (state === null || !equal(state.group, this.group) || !isNamed) throw new ListRefused("not the group of the link");
    return state;
  }
}

/** Make a link's key: its public half for `OpenLink`, the whole for `GroupLink` once the operation is taken. */
export function newLinkKey(entropy: Entropy = SYSTEM): SigningKey {
  return SigningKey.generate(entropy);
}
