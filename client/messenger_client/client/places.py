"""Which conversation belongs to whom."""

from __future__ import annotations

from ..protocol.content import private_conversation
from ..protocol.ids import AccountId, ConversationId, GroupId
from ..store import Transaction, timeline
from ..store.records import ChatState


def conversation_with(own: bytes, other: bytes) -> ConversationId:
    return private_conversation(AccountId(own), AccountId(other))


def chat_with(tx: Transaction, own: bytes, other: bytes) -> ChatState:
    """The private chat with an account, remembered from now on."""
    conversation = conversation_with(own, other)
    state = timeline.chat(tx, conversation)
    if state is None:
        state = ChatState(conversation, other)
        timeline.save_chat(tx, state)
    return state


def group_of(tx: Transaction, conversation: bytes) -> GroupId | None:
    """The group chat that a conversation is, if it is one."""
    chat = timeline.chat(tx, conversation)
    return GroupId(ConversationId(conversation)) if chat is not None and chat.is_group else None
