"""Chats over HTTP (docs/api.md, Chats, Group chats and Open chats). For listed devices throughout."""

from chats.api.groups import GroupAcceptView, GroupMessagesView, GroupOperationsView, GroupsView, GroupView
from chats.api.open_chats import OpenAcceptView, OpenChatsView, OpenChatView, OpenMembersView, OpenMemberView
from chats.api.open_messages import OpenMessagesView, OpenMessageView, OpenReadView
from chats.api.open_search import OpenSearchView
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
    "OpenAcceptView",
    "OpenChatView",
    "OpenChatsView",
    "OpenMemberView",
    "OpenMembersView",
    "OpenMessageView",
    "OpenMessagesView",
    "OpenReadView",
    "OpenSearchView",
    "ReadView",
    "StatusesView",
]
