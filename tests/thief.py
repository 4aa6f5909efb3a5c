"""Somebody with a copy of a person's profile: every key in it, and none of the protocol's checks."""

from __future__ import annotations

import contextlib
import uuid
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from messenger_client.api import forms
from messenger_client.client.group_lookup import state_of
from messenger_client.protocol import cbor
from messenger_client.protocol.announced_chain import AnnouncedChain
from messenger_client.protocol.body import Text
from messenger_client.protocol.content import read_padded
from messenger_client.protocol.errors import ProtocolError
from messenger_client.protocol.group_meta import open_meta
from messenger_client.protocol.group_state import GroupState
from messenger_client.protocol.group_wire import GroupMessage
from messenger_client.protocol.ids import ConversationId, GroupId
from messenger_client.protocol.primitives import copen
from messenger_client.protocol.secret import Secret
from messenger_client.protocol.sender_key import GroupKey, message_key, next_key
from messenger_client.store import Store, groups
from messenger_client.store.group_records import Group

_TRIED = 200  # messages further on each chain


def group_in(home: Path, group: str) -> Group:
    """A group chat as a profile has it."""
    with contextlib.closing(Store.open(home)) as store, store.transaction() as tx:
        found = groups.get(tx, uuid.UUID(group).bytes)
    assert found is not None
    return found


class Thief:
    """Who copied a profile, and knows all that is not secret besides."""

    def __init__(self, home: Path, group: str) -> None:
        self._group = group_in(home, group)
        with contextlib.closing(Store.open(home)) as store, store.transaction() as tx:
            rows = tx.execute("SELECT key, value FROM announced_chain").fetchall()
            self._chains = [AnnouncedChain.from_bytes(tx.open_bytes("announced_chain", *row)) for row in rows]

    def texts(self, envelopes: Sequence[dict[str, Any]], *, gsh: bytes = b"") -> list[str]:
        """Every text that any of the keys opens, `gsh` being the hash of the newest operation."""
        messages = [GroupMessage.from_bytes(forms.decode(one["body"])) for one in envelopes if one["kind"] == "group"]
        return [text for message in messages for text in self._opened(message, gsh)]

    def opens_title(self, now: GroupState) -> bool:
        key = GroupKey(self._group.key_version, Secret(self._group.key))
        try:
            open_meta(now.meta, GroupId(ConversationId(self._group.id)), key)
        except ProtocolError:
            return False
        return True

    def state(self) -> GroupState:
        state = state_of(self._group)
        assert state is not None
        return state

    def _opened(self, message: GroupMessage, newest: bytes) -> Iterator[str]:
        for chain in self._chains:
            for gsh in {chain.gsh, newest or chain.gsh}:
                associated = cbor.dump(["msgr/1/sk", message.header, gsh, message.tag])
                for key in self._keys(chain):
                    with contextlib.suppress(ProtocolError):
                        body = read_padded(copen(key, "sk", associated, message.body)).body
                        assert isinstance(body, Text)
                        yield body.text

    def _keys(self, chain: AnnouncedChain) -> Iterator[Secret]:
        yield from (one.key for one in chain.skipped.values())
        key = chain.key
        for _ in range(_TRIED):
            yield message_key(key)
            key = next_key(key)
