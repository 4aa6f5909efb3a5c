"""Group chats in words: what one is called, and why nothing is sent to it."""

from __future__ import annotations

from ..api import forms
from ..protocol.errors import NotListed, ProtocolError, Unsupported
from ..store.group_records import Group


def shown_title(group: Group) -> str:
    return f"“{group.title}”" if group.title else f"the group chat {forms.uuid(group.id)}"


def withheld(group: Group) -> str:
    return (
        f"A member of {shown_title(group)} knows of an operation that the server does not show: it may be withholding"
        " one, such as a removal. Nothing is sent to it."
    )


def trouble_of(known: Group, failure: ProtocolError, author: str) -> str:
    name = shown_title(known)
    if isinstance(failure, Unsupported):
        return f"An operation of {name} needs a newer version of this program: nothing is sent to it before."
    if isinstance(failure, NotListed):
        ways = (
            f"if {author}'s identity has changed, `messenger verify {author}` comes first. On a new device of yours,"
            " another of your devices, or a member whom you have verified, has to write there once; else an admin"
            " removes you and adds you again."
        )
        return (
            f"An operation of {name} is signed by a device that is on no list of {author}'s that counts here, so"
            f" nothing is sent to it: {ways}"
        )
    why = {
        "forks": "The server shows another course of {} than before",
        "goes back": "The server does not show any more what has happened in {}",
        "without end": "The server shows operations of {} without end",
        "not the next operation": "The server shows the operations of {} out of their order, or an old one again",
    }.get(failure.detail, "The server shows an operation of {} that its rules do not allow, or that nobody has signed")
    return f"{why.format(name)}: it may be lying. Nothing is sent to it."
