"""Group chats: their operations, who may read them, and what reaches whom."""

from chats.services.groups.chain import add_operation, create_group
from chats.services.groups.reach import accept_group, let_through
from chats.services.groups.reading import Page, operations_of, require_reader
from chats.services.groups.sending import decide_group, load_group_facts, repeated_group, send_group_message
from chats.services.groups.statuses import mark_group_read, own_group_statuses, read_in_group, shown_statuses

__all__ = [
    "Page",
    "accept_group",
    "add_operation",
    "create_group",
    "decide_group",
    "let_through",
    "load_group_facts",
    "mark_group_read",
    "operations_of",
    "own_group_statuses",
    "read_in_group",
    "repeated_group",
    "require_reader",
    "send_group_message",
    "shown_statuses",
]
