"""Open chats: who is in them, what is written there, and what of it reaches whom."""

from chats.services.open_chats.making import create_open_group, create_open_private
from chats.services.open_chats.members import (
    accept_open_chat,
    add_open_member,
    remove_open_member,
    rename_open_chat,
    set_open_role,
)
from chats.services.open_chats.messages import (
    delete_open_message,
    edit_open_message,
    mark_open_read,
    repeated_open,
    send_open_message,
)
from chats.services.open_chats.reading import (
    listed_open_chats,
    open_chat_details,
    open_history,
    open_history_after,
    who_sees_typing,
)
from chats.services.open_chats.search import search_open, snippet

__all__ = [
    "accept_open_chat",
    "add_open_member",
    "create_open_group",
    "create_open_private",
    "delete_open_message",
    "edit_open_message",
    "listed_open_chats",
    "mark_open_read",
    "open_chat_details",
    "open_history",
    "open_history_after",
    "remove_open_member",
    "rename_open_chat",
    "repeated_open",
    "search_open",
    "send_open_message",
    "set_open_role",
    "snippet",
    "who_sees_typing",
]
