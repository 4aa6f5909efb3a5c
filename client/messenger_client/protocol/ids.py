"""The ids of the protocol: 16 bytes each (a UUID's bytes), told apart by type only."""

from __future__ import annotations

from typing import NewType

AccountId = NewType("AccountId", bytes)
DeviceId = NewType("DeviceId", bytes)
MessageId = NewType("MessageId", bytes)
ConversationId = NewType("ConversationId", bytes)
SessionId = NewType("SessionId", bytes)
GroupId = NewType("GroupId", ConversationId)  # gid: a group chat's id is the conversation id of its contents
ChainId = NewType("ChainId", bytes)

ID_SIZE = 16
