"""Chats over HTTP (docs/api.md, Chats and Group chats). For listed devices throughout."""

from chats.api.groups import GroupAcceptView, GroupMessagesView, GroupOperationsView, GroupsView, GroupView
from chats.api.private import (
    AckView,
    ChatsView,
    ContactsView,
    ContactView,
    DeviceMessagesView,
    EnvelopesView,
    MessagesView,
    ReadView,
    StatusesView,
)

__all__ = [
    "AckView",
    "ChatsView",
    "ContactView",
    "ContactsView",
    "DeviceMessagesView",
    "EnvelopesView",
    "GroupAcceptView",
    "GroupMessagesView",
    "GroupOperationsView",
    "GroupView",
    "GroupsView",
    "MessagesView",
    "ReadView",
    "StatusesView",
]
