"""Runs the vectors of group chats: operations and what they make, links, metas, and chains step by step."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from given import Draws, Json, hexed, maybe, own_device, to_json, unhex

from messenger_client.protocol import (
    cbor,
    content,
    device_list,
    errors,
    form,
    group_chain,
    group_message,
    ids,
    keys,
    primitives,
)
from messenger_client.protocol.announced_chain import AnnouncedChain
from messenger_client.protocol.entropy import Entropy
from messenger_client.protocol.group_args import Join
from messenger_client.protocol.group_link import GroupLink
from messenger_client.protocol.group_meta import Meta, check_group_key, open_meta, seal_meta
from messenger_client.protocol.group_operation import open_operation, read_args, sign_operation
from messenger_client.protocol.group_state import GroupState
from messenger_client.protocol.group_wire import peek_group
from messenger_client.protocol.secret import Secret
from messenger_client.protocol.sender_key import GroupKey, OwnChain, Recipient, SenderKey


def group_id(text: str) -> ids.GroupId:
    return ids.GroupId(ids.ConversationId(unhex(text)))


def group_key(given: Json) -> GroupKey:
    return GroupKey(given["version"], Secret(unhex(given["key"])))


class Lists:
    """The accepted lists of accounts."""

    def __init__(self, chains: Json) -> None:
        self.known: dict[bytes, list[device_list.DeviceList]] = {}
        for objects in chains:
            self.learn(objects)

    def learn(self, objects: Json) -> None:
        opened = [device_list.open_list(unhex(one)) for one in objects]
        self.known[opened[0].account] = opened

    def list_named(self, account: bytes, list_hash: bytes) -> device_list.DeviceList | None:
        return next((one for one in self.known.get(account, []) if one.hash == list_hash), None)

    def newest_list(self, account: bytes) -> device_list.DeviceList | None:
        return self.known[account][-1] if account in self.known else None


# Operations


def op_sign_operation(given: Json) -> Json:
    one = sign_operation(
        own_device(given["own"]),
        unhex(given["list_hash"]),
        group_id(given["group"]),
        given["index"],
        unhex(given["previous"]),
        read_args(given["code"], cbor.decode(unhex(given["args"]))),
        time=given["time"],
    )
    return {"operation": one.signed.hex(), "hash": one.hash.hex()}


def op_open_operation(given: Json) -> Json:
    one = open_operation(unhex(given["operation"]))
    return {
        "group": one.group.hex(),
        "index": one.index,
        "previous": one.previous.hex(),
        "time": one.time,
        "account": one.account.hex(),
        "device": one.device.hex(),
        "list_hash": one.list_hash.hex(),
        "code": one.args.code,
        "args": to_json(one.args.to_map()),
        "hash": one.hash.hex(),
    }


def op_sign_join(given: Json) -> Json:
    key = primitives.SigningKey.from_seed(unhex(given["seed"]))
    one = Join.by(key, group_id(given["group"]), ids.AccountId(unhex(given["account"])))
    return {"signature": one.signature.hex(), "key": one.key.hex()}


def op_group_chain(given: Json) -> Json:
    """Apply operations one after the other; one that is refused changes nothing."""
    lists, state, results = Lists(given["lists"]), None, []
    for signed in given["operations"]:
        try:
            state = group_chain.apply(state, unhex(signed), lists)
        except errors.ProtocolError as failure:
            results.append(failure.code)
        else:
            results.append(state_json(GroupState.from_bytes(state.to_bytes())))
    return results


def state_json(state: GroupState) -> Json:
    return {
        "group": state.group.hex(),
        "index": state.index,
        "hash": state.hash.hex(),
        "time": state.time,
        "roster": [[one.account.hex(), one.role] for one in state.roster],
        "pending": [one.hex() for one in state.pending],
        "removed": [one.hex() for one in state.removed],
        "links": [[one.key.hex(), one.expires, one.uses, one.approval] for one in state.links],
        "members_may_add": state.members_may_add,
        "epoch": state.epoch,
        "meta_sha256": primitives.sha256(state.meta).hex(),
        "key_version": state.key_version,
        "key_meta_sha256": primitives.sha256(state.key_meta).hex(),
        "authors": [[one.account.hex(), one.account_key.hex(), one.seq] for one in state.authors],
    }


# Metas and links


def op_seal_meta(given: Json) -> Json:
    meta = Meta.from_map(cbor.decode(unhex(given["meta"])))
    entropy = Draws({"nonces": [given["nonce"]]})
    return {"sealed": seal_meta(meta, group_id(given["group"]), group_key(given), entropy).hex()}


def op_open_meta(given: Json) -> Json:
    meta = open_meta(unhex(given["sealed"]), group_id(given["group"]), group_key(given))
    return {"meta": to_json(dict(meta.to_map()))}


def op_check_group_key(given: Json) -> Json:
    operations = [unhex(one) for one in given["operations"]]
    check_group_key(group_chain.rebuild(operations), group_key(given))
    return {}


def op_group_link(given: Json) -> Json:
    key = primitives.SigningKey.from_seed(unhex(given["seed"]))
    return {"text": GroupLink(group_id(given["group"]), key, unhex(given["gsh"])).to_text()}


def op_read_group_link(given: Json) -> Json:
    link = GroupLink.from_text(given["text"])
    return {
        "group": link.group.hex(),
        "seed": hexed(link.key.seed),
        "key": link.key.public.hex(),
        "gsh": link.gsh.hex(),
    }


def op_follow_link(given: Json) -> Json:
    link = GroupLink.from_text(given["text"])
    return state_json(link.follow([unhex(one) for one in given["operations"]], Lists(given["lists"])))


def op_lists_hash(given: Json) -> Json:
    return {"hash": group_message.lists_hash(device_list.open_list(unhex(one)) for one in given["lists"]).hex()}


# Chains: several devices, step by step. Every step has its own result or failure in `expect`.


@dataclass
class Member(Lists):
    """A device with its store; it is the Lookup of its own store."""

    own: keys.OwnDevice
    known: dict[bytes, list[device_list.DeviceList]] = field(default_factory=dict)
    operations: list[bytes] = field(default_factory=list)
    state: GroupState | None = None
    own_chain: OwnChain | None = None
    held: list[AnnouncedChain] = field(default_factory=list)

    def follow(self, signed: bytes) -> None:
        self.state = group_chain.apply(self.state, signed, self)
        self.operations.append(signed)

    @property
    def group(self) -> GroupState:
        if self.state is None:
            raise ValueError("no group")
        return self.state

    @property
    def chain(self) -> OwnChain:
        if self.own_chain is None:
            raise ValueError("no chain")
        return self.own_chain

    def newest_group(self, group: ids.GroupId) -> GroupState | None:
        return self.state if self.state is not None and self.state.group == group else None

    def group_at(self, group: ids.GroupId, gsh: bytes) -> GroupState | None:
        states = (group_chain.rebuild(self.operations[:count]) for count in range(1, len(self.operations) + 1))
        return next((one for one in states if (one.group, one.hash) == (group, gsh)), None)

    def chains(self, group: ids.GroupId, account: ids.AccountId, device: ids.DeviceId) -> list[AnnouncedChain]:
        return [one for one in self.held if (one.group, one.account, one.device) == (group, account, device)]

    def keep(self, chain: AnnouncedChain, dropped: tuple[ids.ChainId, ...] = ()) -> None:
        place = (chain.account, chain.device)
        gone = {*dropped, chain.id}
        self.held = [one for one in self.held if (one.account, one.device) != place or one.id not in gone] + [chain]


class GroupConversation:
    """Runs steps one after the other. `wire_of`, `announced_of` are the numbers of steps that made one."""

    def __init__(self, devices: Json) -> None:
        self.members: dict[str, Member] = {}
        for name, value in devices.items():
            member = Member(own_device(value["own"]))
            for objects in value["lists"]:
                member.learn(objects)
            for signed in value["operations"]:
                member.follow(unhex(signed))
            self.members[name] = member
        self.made: dict[int, bytes] = {}
        self.number = 0

    def step(self, step: Json, entropy: Entropy) -> Json:
        """Return the result of a step, or the name of its failure."""
        try:
            result: Json = getattr(self, f"do_{step['do']}")(self.members[step["who"]], step, entropy)
        except errors.ProtocolError as failure:
            result = failure.code
        else:
            if isinstance(entropy, Draws):
                entropy.finish()
        self.number += 1
        return result

    def do_begin(self, who: Member, step: Json, entropy: Entropy) -> Json:
        who.own_chain = OwnChain.begin(who.group, now=step["now"], entropy=entropy)
        return {"chain": who.own_chain.id.hex()}

    def do_due(self, who: Member, step: Json, entropy: Entropy) -> Json:
        told = {
            Recipient(ids.AccountId(unhex(account)), ids.DeviceId(unhex(device)), unhex(key))
            for account, device, key in step["told"]
        }
        readers = group_message.recipients(who.group, who.own, who)
        return {
            "due": who.chain.is_due(who.group, told, readers, now=step["now"]),
            "recipients": sorted([one.account.hex(), one.device.hex(), one.signing_key.hex()] for one in readers),
        }

    def do_announce(self, who: Member, step: Json, entropy: Entropy) -> Json:
        announced = who.chain.announce(None if step["group_key"] is None else group_key(step["group_key"]))
        self.made[self.number] = cbor.encode(announced.to_map())
        return {"announced": self.made[self.number].hex()}

    def do_accept(self, who: Member, step: Json, entropy: Entropy) -> Json:
        """The sender key's content has come over the session with the sender's device."""
        sender = self.members[step["sender"]].own
        data = self.made[step["announced_of"]] if "announced_of" in step else unhex(step["announced"])
        announced = SenderKey.from_map(form.mapping(cbor.decode(data)))
        heads = content.Heads(unhex(step["own_list"]), None)
        made = content.Content(0, ids.MessageId(bytes(16)), announced.group, announced, heads, 0)
        got = group_message.accept_sender_key(made, sender.account, sender.device, who, now=step["now"])
        who.keep(got.chain, got.dropped)
        return {"chain": got.chain.id.hex(), "first": got.chain.first, "dropped": [one.hex() for one in got.dropped]}

    def do_encrypt(self, who: Member, step: Json, entropy: Entropy) -> Json:
        sealed = content.Sealed.from_bytes(unhex(step["padded"]))
        if "tag" in step:  # a sender that lies about F
            sealed = content.Sealed(sealed.padded, unhex(step["tag"]))
        sent = group_message.encrypt(who.chain, who.own, sealed, entropy=entropy)
        who.own_chain = sent.chain
        self.made[self.number] = sent.wire
        return {"wire": sent.wire.hex(), "name": to_json(dict(sent.name.to_map()))}

    def do_receive(self, who: Member, step: Json, entropy: Entropy) -> Json:
        sender = self.members[step["sender"]].own
        data = self.made[step["wire_of"]] if "wire_of" in step else unhex(step["wire"])
        message_id = maybe(step.get("message_id"))
        envelope = group_message.GroupEnvelope(
            group_id(step["group"]),
            sender.account,
            sender.device,
            data,
            None if message_id is None else ids.MessageId(message_id),
        )
        got = group_message.receive(envelope, who, now=step["now"])
        who.keep(got.chain)
        return {
            "padded": hexed(got.sealed.padded),
            "tag": got.sealed.tag.hex(),
            "failure": None if got.failure is None else got.failure.code,
            "chain": got.chain.id.hex(),
            "skipped": len(got.chain.skipped),
        }

    def do_follow(self, who: Member, step: Json, entropy: Entropy) -> Json:
        who.follow(unhex(step["operation"]))
        return {"gsh": who.group.hash.hex(), "epoch": who.group.epoch}

    def do_learn(self, who: Member, step: Json, entropy: Entropy) -> Json:
        """Newer lists of an account, accepted before."""
        who.learn(step["objects"])
        return {}

    def do_restart(self, who: Member, step: Json, entropy: Entropy) -> Json:
        """Everything goes through the store's bytes."""
        who.state = GroupState.from_bytes(who.group.to_bytes())
        who.own_chain = None if who.own_chain is None else OwnChain.from_bytes(who.own_chain.to_bytes())
        who.held = [AnnouncedChain.from_bytes(one.to_bytes()) for one in who.held]
        return {}

    def do_tidy(self, who: Member, step: Json, entropy: Entropy) -> Json:
        tidied = [one.tidy(now=step["now"]) for one in who.held]
        who.held = [one for one in tidied if one is not None]
        return {"chains": len(who.held), "skipped": sum(len(one.skipped) for one in who.held)}


def op_group_conversation(given: Json) -> Json:
    conversation = GroupConversation(given["devices"])
    return [conversation.step(step, Draws(step.get("draws", {}))) for step in given["steps"]]


def op_peek_group(given: Json) -> Json:
    seen = peek_group(unhex(given["wire"]))
    name = group_message.named(seen.header)
    return {
        "group": seen.header.group.hex(),
        "account": seen.header.account.hex(),
        "device": seen.header.device.hex(),
        "epoch": seen.header.epoch,
        "tag": seen.tag.hex(),
        "name": to_json(dict(name.to_map())),
    }


OPS: dict[str, Callable[[Json], Json]] = {
    name.removeprefix("op_"): function for name, function in list(globals().items()) if name.startswith("op_")
}
