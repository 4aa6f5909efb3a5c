"""A message to a group chat on its way to the database. One ciphertext for all; shape is checked here, nothing else."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from chats import wire
from chats.checking import ChatToOpen, FactsMissing
from chats.errors import DevicesChanged, GroupChanged
from chats.facts import FactsCache
from chats.frames import GroupSend as Frame
from chats.group_facts import Destination, Fan, Reach
from chats.ids import AccountId, DeviceId, GroupId, MessageId
from chats.sends import Settle
from keys.errors import NotListed
from messenger.lib import base64url
from messenger.lib.errors import Malformed, NotFound

NO_GROUP = GroupId("")
_NOBODY = Fan((), (), ())


@dataclass(slots=True, eq=False)
class GroupSend:
    """One message to a group chat. `settle` is called once, with the outcome."""

    account: AccountId
    device: DeviceId
    message_id: MessageId
    settle: Settle
    frame_id: str = ""
    group: GroupId = NO_GROUP
    gsh: str = ""
    lists: str = ""
    text: str = ""  # the ciphertext for the wire
    data: bytes = b""  # and for the database
    tag: bytes = b""
    # What the check found, for the statement that commits.
    fan: Fan = _NOBODY
    version: int = 0
    devices_version: int = 0
    skipped: tuple[DeviceId, ...] = ()
    stamp: bytes = b""
    attempts: int = 0
    is_control: ClassVar[bool] = False

    @property
    def outgoing(self) -> tuple[Destination, ...]:
        return self.fan.destinations

    @property
    def size(self) -> int:
        """Bytes of ciphertext."""
        return len(self.data)


def fill_group(send: GroupSend, frame: Frame) -> None:
    """Take over a frame's contents. Malformed for what no client of ours would send."""
    send.group, send.gsh, send.lists, send.text = GroupId(frame.group), frame.gsh, frame.lists, frame.body
    try:
        base64url.decode(frame.gsh)
    except ValueError as error:
        raise Malformed("gsh is not canonical base64url") from error
    try:
        send.data = wire.decode_body(frame.body)
        send.tag = wire.group_franking_tag(send.data)
    except ValueError as error:
        raise Malformed("the body is not a ciphertext of a group chat") from error


def check_group(send: GroupSend, facts: FactsCache) -> None:
    """Raise the refusal, or fill in what the commit needs: whom it is for, and versions."""
    group = facts.groups.get(send.group)
    if group is None:
        raise FactsMissing
    reach = group.members.get(send.account, Reach.NOTHING)
    if reach == Reach.NOTHING:
        raise NotFound
    if send.device not in group.active:
        raise NotListed
    if send.gsh != group.gsh:
        raise GroupChanged
    if send.lists != group.lists:
        raise DevicesChanged
    if reach == Reach.REQUEST:
        raise ChatToOpen
    send.fan = group.fan(send.account, send.device)
    send.version, send.devices_version, send.skipped = group.version, group.devices_version, group.skipped
