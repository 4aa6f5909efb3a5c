"""The library: `Client.open(profile, server=...)`. Everything a person can do, in a dozen calls.

    async with Client.open("~/bot", server="https://chat.example") as client:
        await client.send("bob", "hi")
        async for message in client.messages():
            print(message.sender, message.text)

Nothing here prints, asks or exits. A profile belongs to one account on one server and may be open in several
processes at once. Errors are `messenger_client.errors`, each with a sentence for people and a stable `code`.
"""

from .facade import Client
from .model import (
    Account,
    Change,
    Chat,
    ComparedNumber,
    Contact,
    Device,
    Event,
    GroupChat,
    GroupMember,
    Hit,
    Hits,
    LinkInfo,
    Message,
    NewDevice,
    Notice,
    OpenPage,
    Place,
    Reached,
    Sent,
    State,
    Typing,
)

__all__ = [
    "Account", "Change", "Chat", "Client", "ComparedNumber", "Contact", "Device", "Event", "GroupChat", "GroupMember",
    "Hit", "Hits", "LinkInfo", "Message", "NewDevice", "Notice", "OpenPage", "Place", "Reached", "Sent", "State",
    "Typing",
]  # fmt: skip
