// Runs the vectors of group chats: operations and what they make, metas and links.

import { hex } from "../bytes";
import * as cbor from "../cbor";
import { openList, type DeviceList } from "../device_list";
import { ProtocolError } from "../errors";
import { Join } from "../group_args";
import { apply, rebuild } from "../group_chain";
import { GroupLink } from "../group_link";
import { listsHash, named } from "../group_message";
import { checkGroupKey, Meta, openMeta, sealMeta } from "../group_meta";
import { openOperation, readArgs, signOperation } from "../group_operation";
import { GroupState } from "../group_state";
import { peekGroup } from "../group_wire";
import type { AccountId } from "../ids";
import { sha256, SigningKey } from "../primitives";
import { secret } from "../secret";
import type { GroupKey } from "../sender_key";
import { Draws, ownDevice } from "./draws";
import { GroupConversation } from "./group_conversation";
import { Given, toJson, type Json } from "./json";

export const GROUP_OPS: Readonly<Record<string, (given: Given) => Json>> = {
  // Operations

  sign_operation(given) {
    const one = signOperation(ownDevice(given.object("own")), {
      listHash: given.bytes("list_hash"),
      group: given.bytes("group"),
      index: given.number("index"),
      previous: given.bytes("previous"),
      args: readArgs(given.number("code"), cbor.decode(given.bytes("args"))),
      time: given.number("time"),
    });
    return { operation: hex(one.signed), hash: hex(one.hash) };
  },

  open_operation(given) {
    const one = openOperation(given.bytes("operation"));
    return {
      group: hex(one.group),
      index: one.index,
      previous: hex(one.previous),
      time: one.time,
      account: hex(one.account),
      device: hex(one.device),
      list_hash: hex(one.listHash),
      code: one.args.code,
      args: toJson(one.args.toMap()),
      hash: hex(one.hash),
    };
  },

  sign_join(given) {
    const one = Join.by(SigningKey.fromSeed(given.bytes("seed")), given.bytes("group"), given.bytes("account"));
    return { signature: hex(one.signature), key: hex(one.key) };
  },

  group_chain(given) {
    const lookup = lists(given);
    let state: GroupState | null = null;
    return given.byteStrings("operations").map((signed) => {
      try {
        state = apply(state, signed, lookup);
      } catch (failure) {
        if (failure instanceof ProtocolError) return failure.code;
        throw failure;
      }
      return stateJson(GroupState.fromBytes(state.toBytes()));
    });
  },

  // Metas and links

  seal_meta(given) {
    const meta = Meta.fromMap(cbor.decode(given.bytes("meta")));
    const entropy = new Draws({ nonces: [given.bytes("nonce")] });
    return { sealed: hex(sealMeta(meta, given.bytes("group"), groupKey(given), entropy)) };
  },

  open_meta(given) {
    const meta = openMeta(given.bytes("sealed"), given.bytes("group"), groupKey(given));
    return { meta: toJson(meta.toMap()) };
  },

  check_group_key(given) {
    checkGroupKey(rebuild(given.byteStrings("operations")), groupKey(given));
    return {};
  },

  group_link(given) {
    const key = SigningKey.fromSeed(given.bytes("seed"));
    return { text: new GroupLink(given.bytes("group"), key, given.bytes("gsh")).toText() };
  },

  read_group_link(given) {
    const link = GroupLink.fromText(given.text("text"));
    return { group: hex(link.group), seed: hex(link.key.seed), key: hex(link.key.public), gsh: hex(link.gsh) };
  },

  follow_link(given) {
    return stateJson(GroupLink.fromText(given.text("text")).follow(given.byteStrings("operations"), lists(given)));
  },

  lists_hash: (given) => ({ hash: hex(listsHash(given.byteStrings("lists").map(openList))) }),

  // Messages

  peek_group(given) {
    const { header, tag } = peekGroup(given.bytes("wire"));
    return {
      group: hex(header.group),
      account: hex(header.account),
      device: hex(header.device),
      epoch: header.epoch,
      tag: hex(tag),
      name: toJson(named(header).toMap()),
    };
  },

  group_conversation(given) {
    const conversation = new GroupConversation(given.object("devices"));
    return given.objects("steps").map((step) => {
      return conversation.step(step, Draws.of(step.has("draws") ? step.object("draws") : new Given({})));
    });
  },
};

function lists(given: Given) {
  const known = new Map<string, DeviceList>();
  for (const objects of given.list("lists")) {
    for (const one of new Given({ objects }).byteStrings("objects").map(openList)) {
      known.set(hex(one.account) + hex(one.hash), one);
    }
  }
  return {
    listNamed: (account: AccountId, hash: Uint8Array) => known.get(hex(account) + hex(hash)) ?? null,
  };
}

function groupKey(given: Given): GroupKey {
  return { version: given.number("version"), key: secret(given.bytes("key")) };
}

function stateJson(state: GroupState): Json {
  return {
    group: hex(state.group),
    index: state.index,
    hash: hex(state.hash),
    time: state.time,
    roster: state.roster.map((one) => [hex(one.account), one.role]),
    pending: state.pending.map(hex),
    removed: state.removed.map(hex),
    links: state.links.map((one) => [hex(one.key), one.expires, one.uses, one.approval]),
    members_may_add: state.membersMayAdd,
    epoch: state.epoch,
    meta_sha256: hex(sha256(state.meta)),
    key_version: state.keyVersion,
    key_meta_sha256: hex(sha256(state.keyMeta)),
    authors: state.authors.map((one) => [hex(one.account), hex(one.accountKey), one.seq]),
  };
}
