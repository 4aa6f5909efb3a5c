"""Group chats: their operations, who may read them, and what reaches whom."""

from chats.services.groups.chain import add_operation, create_group
from chats.services.groups.reach import accept_group, let_through
from chats.services.groups.reading import Page, operations_of, require_reader

__all__ = [
    "Page",
    "accept_group",
    "add_operation",
    "create_group",
    "let_through",
    "operations_of",
    "require_reader",
]
