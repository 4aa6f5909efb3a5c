"""What is stored of chats. Private, group and open chats have tables of their own; the queue of each device is one."""

from chats.models.groups import (
    GroupChat,
    GroupLink,
    GroupMember,
    GroupMessage,
    GroupMessageStatus,
    GroupOperation,
    GroupRemoval,
)
from chats.models.open_chats import OpenChat, OpenChatMember, OpenMessage
from chats.models.private import PrivateChat, PrivateMessage, PrivateMessageStatus
from chats.models.queue import Envelope

__all__ = [
    "Envelope",
    "GroupChat",
    "GroupLink",
    "GroupMember",
    "GroupMessage",
    "GroupMessageStatus",
    "GroupOperation",
    "GroupRemoval",
    "OpenChat",
    "OpenChatMember",
    "OpenMessage",
    "PrivateChat",
    "PrivateMessage",
    "PrivateMessageStatus",
]
