"""The client: `protocol` below `store`, `api` and `stream`, those below `client`, and that below `cli`."""

from .client import Account, Chat, Client, Contact, Event, Message, Notice, Sent

__all__ = ["Account", "Chat", "Client", "Contact", "Event", "Message", "Notice", "Sent"]
