"""An operation says what it says in one form, and is signed as it travels."""

from __future__ import annotations

from typing import Any

import pytest
from group_cast import GID
from protocol_cast import NOW, Cast, an_id, items

from messenger_client.protocol import cbor, errors, ids, limits, primitives
from messenger_client.protocol.group_args import (
    ADMIN,
    MEMBER,
    OWNER,
    Add,
    Approve,
    Args,
    CloseLink,
    Create,
    Join,
    Leave,
    Member,
    OpenLink,
    Rekey,
    Remove,
    SetMeta,
    SetRole,
)
from messenger_client.protocol.group_operation import Operation, open_operation, read_args, sign_operation

META = bytes(72)
WHO = ids.AccountId(b"a" * 16)
ARGS: list[Args] = [
    Create((Member(WHO, OWNER), Member(ids.AccountId(b"b" * 16), MEMBER)), META, members_may_add=True),
    Add(WHO),
    Remove(WHO, META),
    Leave(),
    SetRole(WHO, ADMIN),
    SetMeta(META, members_may_add=False),
    OpenLink(b"k" * 32, None, None, approval=False),
    OpenLink(b"k" * 32, NOW, 7, approval=True),
    CloseLink(b"k" * 32),
    Join(b"s" * 64, b"k" * 32),
    Approve(WHO),
    Rekey(META),
]


def signed(cast: Cast, args: Args) -> Operation:
    return sign_operation(cast.alice.own, b"l" * 32, GID, 7, b"p" * 32, args, time=NOW)


@pytest.mark.parametrize("args", ARGS, ids=lambda one: type(one).__name__)
def test_an_operation_is_read_as_it_was_signed(cast: Cast, args: Args) -> None:
    one = signed(cast, args)
    assert open_operation(one.signed) == one
    assert (one.group, one.index, one.previous, one.time) == (GID, 7, b"p" * 32, NOW)
    assert (one.account, one.device, one.list_hash) == (cast.alice.own.account, cast.alice.own.device, b"l" * 32)
    assert one.args == args
    assert one.hash == primitives.sha256(one.payload)
    one.check_signature(cast.alice.own.signing.public)
    with pytest.raises(errors.BadSignature):
        one.check_signature(cast.bob.own.signing.public)


def test_every_code_has_one_kind_of_args() -> None:
    assert sorted({one.code for one in ARGS}) == list(range(11))


@pytest.mark.parametrize("args", ARGS, ids=lambda one: type(one).__name__)
def test_a_field_that_is_missing_or_not_known_stops_a_reader(args: Args) -> None:
    fields = args.to_map()
    optional = {1, 2} if isinstance(args, OpenLink) else set()
    for key in fields.keys() - optional:
        with pytest.raises(errors.Malformed):
            read_args(args.code, {other: value for other, value in fields.items() if other != key})
    for key in (4, 15, 16, 1_000):
        with pytest.raises(errors.Unsupported):
            read_args(args.code, {**fields, key: None})
    others: list[cbor.Value] = [[], None, b"", 0]
    for value in others:
        with pytest.raises(errors.Malformed):
            read_args(args.code, value)


def test_an_unknown_code_needs_an_update() -> None:
    for code in (11, 16, limits.MAX_INTEGER):
        with pytest.raises(errors.Unsupported):
            read_args(code, {})


@pytest.mark.parametrize(
    ("code", "fields"),
    [
        (0, {0: [[WHO, 3]], 1: META, 2: True}),
        (0, {0: [[WHO, True]], 1: META, 2: True}),
        (0, {0: [[WHO]], 1: META, 2: True}),
        (0, {0: [[bytes(15), 0]], 1: META, 2: True}),
        (0, {0: {}, 1: META, 2: True}),
        (0, {0: [[WHO, 2], [WHO, 0]], 1: META, 2: True}),
        (0, {0: [[b"b" * 16, 2], [WHO, 0]], 1: META, 2: True}),
        (0, {0: [[WHO, 2]], 1: META, 2: 1}),
        (0, {0: [[WHO, 2]], 1: bytes(71), 2: True}),
        (0, {0: [[WHO, 2]], 1: bytes(limits.MAX_META + 1), 2: True}),
        (0, {0: [[number.to_bytes(16, "big"), 2] for number in range(501)], 1: META, 2: True}),
        (1, {0: bytes(15)}),
        (1, {0: None}),
        (2, {0: WHO, 1: "meta"}),
        (2, {0: WHO, 1: None}),
        (4, {0: WHO, 1: 3}),
        (4, {0: WHO, 1: None}),
        (5, {0: META, 1: None}),
        (6, {0: bytes(31), 3: True}),
        (6, {0: bytes(32), 1: None, 3: True}),
        (6, {0: bytes(32), 2: None, 3: True}),
        (6, {0: bytes(32), 2: 0, 3: True}),
        (6, {0: bytes(32), 3: 0}),
        (7, {0: bytes(33)}),
        (8, {0: bytes(63), 1: bytes(32)}),
        (8, {0: bytes(64), 1: bytes(31)}),
        (9, {0: b""}),
        (10, {0: bytes(0)}),
    ],
)
def test_a_field_of_another_form_is_malformed(code: int, fields: dict[int, Any]) -> None:
    with pytest.raises(errors.Malformed):
        read_args(code, fields)


def test_a_payload_of_another_form_is_malformed(cast: Cast) -> None:
    good = items(signed(cast, Leave()).payload)
    signature = bytes(64)
    for place, value in (
        (0, "groupOp"),
        (0, b"groupop"),
        (1, bytes(15)),
        (2, None),
        (2, True),
        (3, bytes(31)),
        (4, "now"),
        (5, bytes(17)),
        (6, None),
        (7, bytes(31)),
        (8, None),
        (9, []),
    ):
        payload = cbor.encode([*good[:place], value, *good[place + 1 :]])
        with pytest.raises(errors.Malformed):
            open_operation(cbor.encode([payload, signature]))
    for fields in (good[:-1], [*good, 0]):
        with pytest.raises(errors.Malformed):
            open_operation(cbor.encode([cbor.encode(fields), signature]))
    for outer in ([cbor.encode(good)], [cbor.encode(good), bytes(63)], [cbor.encode(good), signature, 0], [good, b""]):
        with pytest.raises(errors.Malformed):
            open_operation(cbor.encode(outer))


def test_what_others_would_refuse_never_leaves(cast: Cast) -> None:
    for args in (Add(ids.AccountId(b"short")), Rekey(b""), SetRole(WHO, 3), OpenLink(bytes(32), -1, None, True)):
        with pytest.raises(errors.Malformed):
            signed(cast, args)


def test_members_are_put_in_order() -> None:
    rows = [Member(ids.AccountId(an_id(name)), MEMBER) for name in ("x", "y", "z")]
    made = Create.of(rows, META, members_may_add=False)
    assert [one.account for one in made.roster] == sorted(one.account for one in rows)
