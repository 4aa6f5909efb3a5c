"""Every write to chats, one function a verb, except what the group writer commits for the socket."""

from chats.services.contacts import accept_contact, block_contact, open_chat, unblock_contact, who_accepted
from chats.services.fetching import acknowledge, waiting_envelopes
from chats.services.groups import (
    accept_group,
    add_operation,
    create_group,
    decide_group,
    load_group_facts,
    mark_group_read,
    operations_of,
    repeated_group,
    send_group_message,
)
from chats.services.listing import list_versions, listed_devices, require_listed
from chats.services.sending import count_accepted, decide, load_facts, repeated, send_control, send_message
from chats.services.statuses import mark_read, statuses_of

__all__ = [
    "accept_contact",
    "accept_group",
    "acknowledge",
    "add_operation",
    "block_contact",
    "count_accepted",
    "create_group",
    "decide",
    "decide_group",
    "list_versions",
    "listed_devices",
    "load_facts",
    "load_group_facts",
    "mark_group_read",
    "mark_read",
    "open_chat",
    "operations_of",
    "repeated",
    "repeated_group",
    "require_listed",
    "send_control",
    "send_group_message",
    "send_message",
    "statuses_of",
    "unblock_contact",
    "waiting_envelopes",
    "who_accepted",
]
