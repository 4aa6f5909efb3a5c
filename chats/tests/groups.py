"""A group chat as the tests of chats make one: its operations are signed by the client's own protocol core."""

from __future__ import annotations

import os
import uuid
from dataclasses import dataclass
from typing import Any

from asgiref.sync import sync_to_async

from chats import services
from chats.group_operations import read_operation
from chats.tests.people import Phone
from keys.verify import SignedObject
from messenger.lib.base64url import encode
from messenger.lib.clock import now_ms
from messenger_client.protocol import group_chain
from messenger_client.protocol.group_args import (
    ADMIN,
    MEMBER,
    OWNER,
    Add,
    Approve,
    Args,
    CloseLink,
    Create,
    Join,
    Leave,
    Member,
    OpenLink,
    Rekey,
    Remove,
    SetMeta,
    SetRole,
)
from messenger_client.protocol.group_chain import Proposed
from messenger_client.protocol.group_message import lists_hash
from messenger_client.protocol.group_operation import sign_operation
from messenger_client.protocol.group_state import GroupState
from messenger_client.protocol.ids import AccountId, ConversationId, GroupId
from messenger_client.protocol.keys import OwnDevice
from messenger_client.protocol.primitives import SigningKey

__all__ = [
    "ADMIN",
    "MEMBER",
    "META",
    "OWNER",
    "Add",
    "Approve",
    "Args",
    "CloseLink",
    "Create",
    "Group",
    "Join",
    "Leave",
    "Member",
    "OpenLink",
    "Rekey",
    "Remove",
    "SetMeta",
    "SetRole",
    "SigningKey",
    "account_of",
    "do",
    "group_ciphertext",
    "in_json",
    "own_of",
    "signed_object",
]

META = bytes(100)  # what the server cannot tell from a sealed one


def do(group: Group, phone: Phone, args: Args) -> Any:
    """`Group.do`, to be awaited."""
    return sync_to_async(group.do)(phone, args)


def account_of(phone: Phone) -> AccountId:
    return AccountId(phone.member.id.bytes)


def own_of(phone: Phone) -> OwnDevice:
    return phone.member.own[phone.member.devices.index(phone.device)]


def signed_object(proposed: Proposed) -> SignedObject:
    return SignedObject(proposed.operation.payload, proposed.operation.signature)


def in_json(proposed: Proposed, **changes: Any) -> dict[str, Any]:
    """The body that publishes an operation."""
    signed = {"payload": encode(proposed.operation.payload), "signature": encode(proposed.operation.signature)}
    return {"operation": signed | changes}


def group_ciphertext(tag: bytes | None = None, size: int = 400) -> str:
    """A body of the outer shape of a group chat's message: [2, hdr, body, sig, F]."""
    header, body, signature = os.urandom(64), os.urandom(size), os.urandom(64)
    return encode(
        b"\x85\x02\x58\x40" + header + b"\x59" + size.to_bytes(2, "big") + body + b"\x58\x40" + signature
        + b"\x58\x20" + (tag or os.urandom(32))
    )  # fmt: skip


@dataclass
class Group:
    """A group chat, and what its members know of it."""

    created: Proposed
    state: GroupState

    @classmethod
    def of(cls, author: Phone, *members: tuple[Phone, int], may_add: bool = False, gid: bytes | None = None) -> Group:
        """Signed, and not published yet."""
        roster = [Member(account_of(author), OWNER), *(Member(account_of(one), role) for one, role in members)]
        args = Create.of(roster, META, members_may_add=may_add)
        group = GroupId(ConversationId(gid or os.urandom(16)))
        newest = author.member.newest
        assert newest is not None
        created = group_chain.create(own_of(author), newest, group, args, now=now_ms())
        return cls(created, created.state)

    @classmethod
    def made(cls, author: Phone, *members: tuple[Phone, int], may_add: bool = False) -> Group:
        """On the server, too."""
        group = cls.of(author, *members, may_add=may_add)
        services.create_group(
            account=author.member.id,
            device=author.device.pk,
            operation=read_operation(signed_object(group.created)),
            now=now_ms(),
        )
        return group

    @property
    def id(self) -> str:
        return str(uuid.UUID(bytes=self.state.group))

    @property
    def path(self) -> str:
        return f"groups/{self.id}"

    def propose(self, phone: Phone, args: Args) -> Proposed:
        """The next operation, which nobody has taken yet."""
        assert phone.member.newest is not None
        return group_chain.propose(own_of(phone), phone.member.newest, self.state, args, now=now_ms())

    def forge(self, phone: Phone, args: Args, **changes: Any) -> dict[str, Any]:
        """The body of an operation that no client would propose."""
        newest = phone.member.newest
        assert newest is not None
        fields: dict[str, Any] = {
            "index": self.state.index + 1,
            "previous": self.state.hash,
            "time": now_ms(),
        } | changes
        group = fields.pop("group", self.state.group)
        time = fields.pop("time")
        operation = sign_operation(
            own_of(phone), newest.hash, group, fields["index"], fields["previous"], args, time=time
        )
        return {"operation": {"payload": encode(operation.payload), "signature": encode(operation.signature)}}

    def do(self, phone: Phone, args: Args) -> Proposed:
        """An operation that the server takes."""
        proposed = self.propose(phone, args)
        services.add_operation(
            account=phone.member.id,
            device=phone.device.pk,
            group=uuid.UUID(self.id),
            operation=read_operation(signed_object(proposed)),
            now=now_ms(),
        )
        self.state = proposed.state
        return proposed

    def message(self, sender: Phone, *others: Phone, **changes: Any) -> dict[str, Any]:
        """A whole `group.send`, for the members named."""
        lists = [one.member.newest for one in (sender, *others) if one.member.newest is not None]
        return {
            "type": "group.send",
            "id": uuid.uuid4().hex,
            "message_id": str(uuid.uuid4()),
            "group": self.id,
            "gsh": encode(self.state.hash),
            "lists": encode(lists_hash(lists)),
            "body": group_ciphertext(),
        } | changes

    def link(self, phone: Phone, **changes: Any) -> SigningKey:
        """An open link that the server knows."""
        key = SigningKey.generate()
        given: dict[str, Any] = {"expires": None, "uses": None, "approval": False} | changes
        self.do(phone, OpenLink(key.public, **given))
        return key

    def join(self, key: SigningKey, phone: Phone) -> Join:
        return Join.by(key, self.state.group, account_of(phone))

    def query(self, key: SigningKey, phone: Phone) -> str:
        join = self.join(key, phone)
        return f"link={encode(join.key)}&signature={encode(join.signature)}"
