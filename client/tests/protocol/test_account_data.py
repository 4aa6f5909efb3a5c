"""A linked device takes from its own account's devices what holds, and each bad part spoils itself alone."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest
from protocol_cast import NOW, Account, Cast, Dice, an_id, items

from messenger_client.protocol import account_data, body, cbor, content, errors, franking, ids, keys, padding
from messenger_client.protocol.account_data import AccountData, History, HistoryEntry, SharedContact
from messenger_client.protocol.device_list import Pin
from messenger_client.protocol.limits import MAX_SHARED
from messenger_client.protocol.secret import Secret

HEADS = content.Heads(b"o" * 32, b"r" * 32)
GROUP = ids.GroupId(ids.ConversationId(an_id("a group chat")))


def contact(cast: Cast) -> SharedContact:
    return SharedContact(cast.bob.account.id, "bob", cast.bob.account.newest.signed, verified=True)


def whole(cast: Cast) -> AccountData:
    devices = tuple(sorted((cast.alice.own.device, cast.tablet.own.device)))
    return AccountData((contact(cast),), cast.alice.account.key.seed, devices, 3)


def entry(cast: Cast, words: str = "hello") -> HistoryEntry:
    sealed = cast.bob.seal(words, cast.alice.account)
    return HistoryEntry(
        cast.bob.account.id, cast.bob.own.device, NOW, sealed.padded, b"s" * 32, "k1", account_data.READ
    )


def between_own_devices(cast: Cast, one: body.Body) -> content.Content:
    own = cast.alice.account.id
    return content.Content(
        NOW, ids.MessageId(an_id("m")), content.private_conversation(own, own), one, HEADS, counter=0
    )


def sent(cast: Cast, one: body.Body) -> body.Body:
    """What alice's tablet reads of what her phone shares."""
    if not cast.alice.pair(cast.tablet).sessions:
        cast.alice.start(cast.tablet)
    sealed = content.seal(between_own_devices(cast, one), cast.alice.dice)
    received = cast.tablet.receive(cast.alice, cast.alice.send_sealed(cast.tablet, sealed))
    assert received.content is not None
    return received.content.body


def test_account_data_and_history_arrive_whole(cast: Cast) -> None:
    for one in (
        AccountData(),
        whole(cast),
        AccountData(managing=(), history=0),
        History(cast.bob.account.id, (entry(cast), replace(entry(cast), stamp=None, stamp_key=None, state=0)), 2),
        History(None, (entry(cast),), 3, GROUP),
    ):
        assert sent(cast, one) == one


@pytest.mark.parametrize("kind", ["account data", "history", "history of a group chat"])
def test_nobody_elses_device_shares_account_data(talking: Cast, kind: str) -> None:
    """bob cannot plant contacts, keys or messages in alice's name."""
    of_them: dict[str, body.Body] = {
        "account data": whole(talking),
        "history": History(talking.bob.account.id, (), 0),
        "history of a group chat": History(None, (), 0, GROUP),
    }
    one = of_them[kind]
    made = replace(
        between_own_devices(talking, one),
        conversation=content.private_conversation(talking.alice.account.id, talking.bob.account.id),
    )
    wire = talking.bob.send_sealed(talking.alice, content.seal(made, talking.bob.dice))
    received = talking.alice.receive(talking.bob, wire)
    assert isinstance(received.failure, errors.Malformed)
    assert received.content is None


def test_a_key_that_is_not_said_is_left_out(cast: Cast) -> None:
    assert AccountData().to_map() == {}
    assert set(AccountData(history=0).to_map()) == {3}
    assert set(whole(cast).to_map()) == {0, 1, 2, 3}


@pytest.mark.parametrize(
    ("key", "value"),
    [
        (0, None),
        (0, {}),
        (0, [[]]),
        (0, [[bytes(16), "bob", [b"payload", bytes(64)]]]),
        (0, [[bytes(15), "bob", [b"payload", bytes(64)], True]]),
        (0, [[bytes(16), b"bob", [b"payload", bytes(64)], True]]),
        (0, [[bytes(16), "bob", b"signed", True]]),
        (0, [[bytes(16), "bob", [b"payload", bytes(63)], True]]),
        (0, [[bytes(16), "bob", [b"payload", bytes(64)], 1]]),
        (1, None),
        (1, bytes(31)),
        (1, "x" * 32),
        (2, None),
        (2, [bytes(15)]),
        (2, [bytes(16), bytes(16)]),
        (2, [b"b" * 16, b"a" * 16]),
        (3, None),
        (3, True),
        (3, "1"),
    ],
)
def test_account_data_of_another_form_is_malformed(key: int, value: Any) -> None:
    with pytest.raises(errors.Malformed):
        body.read_body(9, {key: value})


@pytest.mark.parametrize(
    ("place", "value"),
    [
        (0, bytes(15)),
        (1, None),
        (2, None),
        (2, True),
        (3, None),
        (3, "x"),
        (4, bytes(31)),
        (5, b"k1"),
        (6, 3),
        (6, None),
    ],
)
def test_a_history_of_another_form_is_malformed(cast: Cast, place: int, value: Any) -> None:
    row = entry(cast).to_value()
    good: dict[int, Any] = {0: cast.bob.account.id, 1: [row], 2: 0}
    assert isinstance(body.read_body(10, good), History)
    with pytest.raises(errors.Malformed):
        body.read_body(10, {**good, 1: [[*row[:place], value, *row[place + 1 :]]]})


@pytest.mark.parametrize("changed", [{0: None}, {0: bytes(15)}, {1: None}, {1: {}}, {1: [[]]}, {2: None}, {2: True}])
def test_a_history_without_one_of_its_fields_is_malformed(changed: dict[int, Any]) -> None:
    good: dict[int, Any] = {0: bytes(16), 1: [], 2: 0}
    with pytest.raises(errors.Malformed):
        body.read_body(10, {**good, **changed})
    with pytest.raises(errors.Malformed):
        body.read_body(10, {key: value for key, value in good.items() if key not in changed})


@pytest.mark.parametrize("chat", [{}, {0: None}, {3: None}, {0: bytes(16), 3: bytes(16)}, {0: bytes(16), 3: None}])
def test_a_history_is_of_one_chat(chat: dict[int, Any]) -> None:
    for good in ({0: bytes(16)}, {3: bytes(16)}):
        assert isinstance(body.read_body(10, {**good, 1: [], 2: 0}), History)
    with pytest.raises(errors.Malformed):
        body.read_body(10, {**chat, 1: [], 2: 0})


def test_a_history_of_two_chats_or_of_none_never_leaves(cast: Cast) -> None:
    for bad in (History(None, (), 0), History(cast.bob.account.id, (), 0, GROUP)):
        with pytest.raises(errors.Malformed):
            content.seal(between_own_devices(cast, bad))


@pytest.mark.parametrize("kind", [9, 10])
def test_critical_keys_need_an_update_and_others_are_ignored(kind: int) -> None:
    good: dict[int, Any] = {} if kind == 9 else {0: bytes(16), 1: [], 2: 0}
    assert body.read_body(kind, {**good, 15: "later"}) == body.read_body(kind, good)
    with pytest.raises(errors.Unsupported):
        body.read_body(kind, {**good, 16: "later"})


# AK


def test_an_ak_is_taken_only_if_it_is_the_one_pinned(cast: Cast) -> None:
    ak = cast.alice.account.key
    assert whole(cast).account_key(ak.public) == ak
    assert AccountData().account_key(ak.public) is None
    with pytest.raises(errors.BadKey):
        whole(cast).account_key(cast.charlie.account.key.public)
    with pytest.raises(errors.BadKey):
        AccountData(account_key_seed=Secret(bytes(32))).account_key(ak.public)


# Contacts


def test_a_contact_that_is_not_known_here_is_pinned_as_shared(cast: Cast) -> None:
    assert contact(cast).pin(None) == Pin(cast.bob.account.newest)


def test_a_contact_that_is_pinned_here_keeps_its_pin(cast: Cast) -> None:
    older = cast.bob.account.newest
    held = Pin(cast.bob.account.publish(cast.bob.own))
    shared = replace(contact(cast), device_list=older.signed)
    assert shared.pin(held) == held
    assert replace(shared, device_list=held.newest.signed).pin(Pin(older)) == Pin(older)


def test_a_contact_under_another_ak_is_ignored(cast: Cast) -> None:
    renewed = Account("bob", keys.generate_account_key(Dice("renewed")))
    shared = replace(contact(cast), device_list=renewed.publish().signed)
    with pytest.raises(errors.IdentityChanged):
        shared.pin(Pin(cast.bob.account.newest))


def test_a_contact_with_a_list_that_is_not_his_is_refused(cast: Cast) -> None:
    with pytest.raises(errors.ListRefused):
        replace(contact(cast), device_list=cast.charlie.account.newest.signed).pin(None)
    payload, signature = items(cast.bob.account.newest.signed)
    forged = cbor.encode([payload, bytes([signature[0] ^ 1]) + signature[1:]])
    with pytest.raises(errors.ListRefused):
        replace(contact(cast), device_list=forged).pin(None)
    with pytest.raises(errors.Malformed):
        replace(contact(cast), device_list=cbor.encode([b"payload", signature])).pin(None)


# History


def test_a_message_of_the_chat_is_read_from_its_history(cast: Cast) -> None:
    own, chat = cast.alice.account.id, cast.bob.account.id
    made = cast.bob.text("from bob", cast.alice.account)
    copied = cast.alice.text("from alice", cast.bob.account)
    for sender, one in ((chat, made), (own, copied)):
        kept = replace(entry(cast), account=sender, padded=content.seal(one).padded)
        assert content.read_history(kept, own=own, chat=chat) == one


def test_a_message_of_another_chat_is_not_read_from_a_history(cast: Cast) -> None:
    own, chat = cast.alice.account.id, cast.bob.account.id
    charlies = replace(entry(cast), padded=cast.charlie.seal("x", cast.alice.account).padded)
    for kept in (
        charlies,
        replace(charlies, account=cast.charlie.account.id),
        replace(entry(cast), account=cast.charlie.account.id),
        replace(entry(cast), padded=cast.charlie.seal("x", cast.bob.account).padded),
    ):
        with pytest.raises(errors.Malformed):
            content.read_history(kept, own=own, chat=chat)
    with pytest.raises(errors.Malformed):
        content.read_history(entry(cast), own=own, chat=cast.charlie.account.id)


def in_group(cast: Cast, words: str = "hello all") -> content.Content:
    text = cast.bob.text(words, cast.alice.account)
    return replace(text, conversation=GROUP, heads=replace(text.heads, recipient=None))


def test_a_message_of_a_group_chat_is_read_from_its_history(cast: Cast) -> None:
    """Whoever wrote it: members come and go."""
    own, one = cast.alice.account.id, in_group(cast)
    for sender in (own, cast.bob.account.id, cast.charlie.account.id):
        kept = replace(entry(cast), account=sender, padded=content.seal(one).padded)
        assert content.read_history(kept, own=own, group=GROUP) == one
    with pytest.raises(errors.Malformed):
        content.read_history(kept, own=own, chat=cast.charlie.account.id)
    with pytest.raises(errors.Malformed):
        content.read_history(kept, own=own)


def test_what_was_not_for_a_group_chat_is_not_read_from_its_history(cast: Cast) -> None:
    own, one = cast.alice.account.id, in_group(cast)
    for other in (
        replace(one, conversation=ids.ConversationId(an_id("another group chat"))),
        cast.bob.text("in private", cast.alice.account),
        replace(one, heads=replace(one.heads, recipient=b"h" * 32)),
        replace(one, body=body.Reset(), counter=0),
    ):
        kept = replace(entry(cast), padded=content.seal(other).padded)
        with pytest.raises(errors.Malformed):
            content.read_history(kept, own=own, group=GROUP)


def test_what_does_not_hold_as_a_message_is_not_read_from_a_history(cast: Cast) -> None:
    own, chat = cast.alice.account.id, cast.bob.account.id
    text = cast.bob.text("x", cast.alice.account)
    control = content.seal(replace(text, body=body.Reset(), counter=0)).padded
    value = cbor.decode(content.encode_content(text))
    assert isinstance(value, dict)
    padded = entry(cast).padded
    for broken in (b"", padded[:-1], padded + b"\x00", padding.pad(b"f" * 32), control):
        with pytest.raises(errors.Malformed):
            content.read_history(replace(entry(cast), padded=Secret(broken)), own=own, chat=chat)
    later = padding.pad(b"f" * 32 + cbor.encode({**value, 1: 40}))
    with pytest.raises(errors.Unsupported):
        content.read_history(replace(entry(cast), padded=Secret(later)), own=own, chat=chat)


def test_a_shared_message_has_the_tag_it_was_sent_with(cast: Cast) -> None:
    sealed = cast.bob.seal("x", cast.alice.account)
    kept = replace(entry(cast), padded=sealed.padded)
    assert content.Sealed.from_bytes(kept.padded) == sealed
    franking.check_frank(kept.padded, sealed.tag)


# Parts


def test_everything_is_shared_in_order_in_contents_that_a_server_takes(cast: Cast) -> None:
    body_limit = 64 * 1024
    entries = [entry(cast, str(number) + "x" * (number * 37 % 3000)) for number in range(120)]
    split = account_data.parts(entries)
    assert [one for part in split for one in part] == entries
    assert len(split) > 1
    cast.alice.start(cast.tablet)
    for index, part in enumerate(split):
        made = between_own_devices(cast, History(cast.bob.account.id, part, index))
        assert len(cast.alice.send_sealed(cast.tablet, content.seal(made))) <= body_limit
    # Nothing is cut sooner than it must be.
    for part, following in pairwise(split):
        size = sum(len(cbor.encode(one.to_value())) for one in (*part, following[0]))
        assert size > MAX_SHARED
    contacts = [contact(cast)] * 300
    assert sum(len(part) for part in account_data.parts(contacts)) == 300


def test_the_largest_part_is_within_what_a_server_takes(cast: Cast) -> None:
    cast.alice.start(cast.tablet)
    biggest = replace(entry(cast), padded=Secret(bytes(MAX_SHARED)))
    fitting = replace(biggest, padded=Secret(bytes(MAX_SHARED - 90)))
    ((one,),) = account_data.parts([biggest, fitting])
    assert one == fitting
    devices = tuple(ids.DeviceId(bytes([number]) * 16) for number in range(10))
    for made in (
        between_own_devices(cast, History(cast.bob.account.id, (fitting,), 2**32)),
        between_own_devices(cast, replace(whole(cast), contacts=(), managing=devices)),
    ):
        # The first message of a session is the largest: init and a KEM key ride on it.
        assert len(cast.alice.send_sealed(cast.tablet, content.seal(made))) <= 64 * 1024
    assert account_data.parts([]) == ()


def test_account_data_does_not_print_keys_names_or_words(cast: Cast) -> None:
    shown = repr([whole(cast), History(cast.bob.account.id, (entry(cast, "hidden words"),), 0)])
    assert "bob'" not in shown
    assert "hidden words" not in shown
    assert repr(bytes(cast.alice.account.key.seed))[2:-1] not in shown
    assert shown.count("<secret>") == 2
