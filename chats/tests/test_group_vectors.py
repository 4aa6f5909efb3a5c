"""The protocol's vectors of group chats: the server judges each operation as clients do, and comes to the same."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import pytest

from chats.group_chain import GroupState, judge
from chats.group_operations import Operation, read_operation
from keys.errors import BadSignature, NotListed
from keys.verify import SignedObject
from messenger.lib.errors import DomainError, Malformed
from messenger_client.protocol import cbor, device_list, errors, form
from messenger_client.protocol.device_list import DeviceList
from messenger_client.protocol.ids import DeviceId

Result = TypeVar("Result")
VECTORS = Path(__file__).resolve().parent.parent.parent / "vectors" / "groups.json"
CASES: list[dict[str, Any]] = json.loads(VECTORS.read_text())["cases"]


def cases(op: str) -> pytest.MarkDecorator:
    found = [case for case in CASES if case["op"] == op]
    assert found
    return pytest.mark.parametrize("case", found, ids=[case["name"] for case in found])


def read(signed: str) -> Operation:
    """What a client sends as `[payload, signature]` comes here in JSON, as two members."""
    try:
        payload, signature = form.array(cbor.decode(bytes.fromhex(signed)), 2)
        parts = SignedObject(form.any_octets(payload), form.any_octets(signature))
    except errors.Malformed as error:
        raise Malformed from error
    return read_operation(parts)


class Lists:
    """The lists of a case, and how far each account has named its own: here that is the newest one, always."""

    def __init__(self, chains: list[list[str]]) -> None:
        self.lists = [device_list.open_list(bytes.fromhex(one)) for objects in chains for one in objects]
        self.named: dict[tuple[bytes, bytes], int] = {}

    def author(self, operation: Operation) -> tuple[DeviceList, bytes]:
        for one in self.lists:
            found = one.find(DeviceId(operation.device.bytes))
            if (one.account, one.hash) == (operation.account.bytes, operation.list_hash) and found:
                return one, found.signing_key
        raise NotListed


def judged(state: GroupState | None, signed: str, lists: Lists) -> GroupState:
    operation = read(signed)
    try:
        named, signing_key = lists.author(operation)
    except NotListed:
        # In the protocol's order the place in the chain comes before the list: no key at all shows whether it is right.
        with pytest.raises(BadSignature):
            judge(state, operation, signing_key=bytes(32))
        raise
    moved = judge(state, operation, signing_key=signing_key)
    key = (named.account, named.account_key)
    if lists.named.get(key, 0) > named.seq:
        raise Malformed("the server refuses any list but the newest")
    lists.named[key] = named.seq
    return moved


def outcome(function: Callable[..., Result], *given: Any) -> Result | str:
    """What comes of it, or the name of its refusal."""
    try:
        return function(*given)
    except DomainError as refusal:
        return refusal.code


@cases("open_operation")
def test_an_operation_is_read_as_clients_read_it(case: dict[str, Any]) -> None:
    expected, one = case["expect"], outcome(read, case["in"]["operation"])
    if isinstance(one, str):
        assert one == expected
        return
    assert {
        "group": one.group.hex,
        "index": one.index,
        "previous": one.previous.hex(),
        "time": one.time,
        "account": one.account.hex,
        "device": one.device.hex,
        "list_hash": one.list_hash.hex(),
        "code": int(one.code),
        "hash": one.hash.hex(),
    } == {name: value for name, value in expected.items() if name != "args"}


@cases("group_chain")
def test_a_chain_comes_to_what_clients_come_to(case: dict[str, Any]) -> None:
    lists, state = Lists(case["in"]["lists"]), None
    for signed, expected in zip(case["in"]["operations"], case["expect"], strict=True):
        moved = outcome(judged, state, signed, lists)
        if isinstance(moved, str):
            assert moved == expected
        else:
            state = moved
            assert in_json(state) == {name: expected[name] for name in in_json(state)}


def in_json(state: GroupState) -> dict[str, Any]:
    """What the server keeps of a state, in the vectors' form."""

    def ids(accounts: frozenset[uuid.UUID]) -> list[str]:
        return sorted(one.hex for one in accounts)

    return {
        "group": state.group.hex,
        "index": state.index,
        "hash": state.hash.hex(),
        "time": state.time,
        "roster": sorted([account.hex, int(role)] for account, role in state.roster.items()),
        "pending": ids(state.pending),
        "removed": ids(state.removed),
        "links": sorted([key.hex(), one.expires, one.uses, one.approval] for key, one in state.links.items()),
        "members_may_add": state.members_may_add,
    }
