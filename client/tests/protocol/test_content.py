"""Contents say what they mean, where they belong, and nothing else."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from protocol_cast import Cast, Dice, an_id, entries

from messenger_client.protocol import account_data, body, cbor, content, errors, franking, ids, padding, sender_key
from messenger_client.protocol.secret import Secret

HEADS = content.Heads(b"o" * 32, b"r" * 32)
TARGET = ids.MessageId(b"t" * 16)
ATTACHMENT = body.Attachment(b"b" * 16, Secret(b"k" * 32), 5, b"h" * 32, "image/png", "cat.png", b"thumb")

SENDER_KEY = sender_key.SenderKey(
    ids.GroupId(ids.ConversationId(b"g" * 16)),
    3,
    b"h" * 32,
    ids.ChainId(b"c" * 16),
    7,
    Secret(b"k" * 32),
    b"s" * 32,
    sender_key.GroupKey(2, Secret(b"g" * 32)),
)

BODIES: list[body.Body] = [
    body.Text("hello"),
    body.Text(""),
    body.Text("all", TARGET, (ids.AccountId(b"m" * 16),), (ATTACHMENT,), 60),
    body.Text("file", attachments=(replace(ATTACHMENT, name=None, thumbnail=None),)),
    body.Edit(TARGET, "new"),
    body.Delete(TARGET),
    body.Reaction(TARGET, "👍"),
    body.Reaction(TARGET, "👍", removed=True),
    body.Timer(3600),
    SENDER_KEY,
    replace(SENDER_KEY, group_key=None),
    body.Retry(ids.SessionId(b"s" * 16), b"d" * 32, 7),
    body.Reset(),
    account_data.AccountData(),
    account_data.History(ids.AccountId(b"b" * 16), (), 0),
    account_data.History(None, (), 0, ids.GroupId(ids.ConversationId(b"g" * 16))),
    body.Opaque(body.CALL, {3: "x"}),
]


def a_content(one: body.Body, *, conversation: bytes = b"c" * 16) -> content.Content:
    return content.Content(
        1_750_000_000_000,
        ids.MessageId(b"i" * 16),
        ids.ConversationId(conversation),
        one,
        HEADS,
        0 if body.is_control(one.kind) else 4,
    )


def fields(one: body.Body) -> dict[int, Any]:
    return entries(content.encode_content(a_content(one)))


@pytest.mark.parametrize("one", BODIES, ids=lambda one: f"kind {one.kind}")
def test_every_kind_is_read_back(one: body.Body) -> None:
    made = a_content(one)
    assert content.decode_content(content.encode_content(made)) == made


def test_a_group_content_names_no_recipients_list() -> None:
    made = replace(a_content(body.Text("x")), heads=content.Heads(b"o" * 32, None))
    assert content.decode_content(content.encode_content(made)) == made


@pytest.mark.parametrize("key", [8, 15])
def test_unknown_keys_below_sixteen_are_ignored(key: int) -> None:
    value = fields(body.Text("x"))
    value[key] = "later"
    value[5][key] = "later"
    assert content.decode_content(cbor.encode(value)).body == body.Text("x")


@pytest.mark.parametrize("key", [16, 300])
@pytest.mark.parametrize("inside", [False, True])
def test_keys_of_sixteen_and_above_need_an_update(key: int, inside: bool) -> None:
    value = fields(body.Text("x"))
    (value[5] if inside else value)[key] = "later"
    with pytest.raises(errors.Unsupported):
        content.decode_content(cbor.encode(value))


def test_an_attachment_with_a_critical_key_needs_an_update() -> None:
    value = fields(body.Text("x", attachments=(ATTACHMENT,)))
    value[5][3][0][16] = 1
    with pytest.raises(errors.Unsupported):
        content.decode_content(cbor.encode(value))


@pytest.mark.parametrize(("key", "changed"), [(0, 2), (0, 0), (1, 0), (1, 12), (1, 13), (1, 99)])
def test_unknown_versions_and_kinds_need_an_update(key: int, changed: int) -> None:
    with pytest.raises(errors.Unsupported):
        content.decode_content(cbor.encode({**fields(body.Text("x")), key: changed}))


@pytest.mark.parametrize(
    ("key", "changed"),
    [
        (0, "1"),
        (0, True),
        (1, None),
        (1, True),
        (2, "now"),
        (3, bytes(15)),
        (3, "x" * 16),
        (4, bytes(17)),
        (5, []),
        (5, None),
        (6, None),
        (6, [b"o" * 32]),
        (6, [None, b"r" * 32]),
        (6, [b"o" * 31, None]),
        (7, 0),
        (7, True),
        (7, None),
    ],
)
def test_a_content_of_another_form_is_malformed(key: int, changed: object) -> None:
    with pytest.raises(errors.Malformed):
        content.decode_content(cbor.encode({**fields(body.Text("x")), key: changed}))


@pytest.mark.parametrize("key", range(8))
def test_a_content_without_one_of_its_fields_is_malformed(key: int) -> None:
    value = fields(body.Text("x"))
    del value[key]
    with pytest.raises(errors.Malformed):
        content.decode_content(cbor.encode(value))


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (1, {}),
        (1, {0: b"bytes"}),
        (1, {0: "x", 1: bytes(15)}),
        (1, {0: "x", 1: None}),
        (1, {0: "x", 2: [bytes(15)]}),
        (1, {0: "x", 2: {}}),
        (1, {0: "x", 3: [{}]}),
        (1, {0: "x", 3: [[]]}),
        (1, {0: "x", 4: "60"}),
        (2, {0: TARGET}),
        (2, {1: "x"}),
        (3, {}),
        (3, {0: "x"}),
        (4, {0: TARGET, 1: "x", 2: 1}),
        (4, {0: TARGET, 1: "x"}),
        (5, {}),
        (5, {0: True}),
    ],
)
def test_a_body_of_another_form_is_malformed(kind: int, value: object) -> None:
    with pytest.raises(errors.Malformed):
        content.decode_content(cbor.encode({**fields(body.Text("x")), 1: kind, 5: value}))


@pytest.mark.parametrize("value", [{}, {0: bytes(16), 1: bytes(31), 2: 0}, {0: bytes(16), 1: bytes(32), 2: None}])
def test_a_retry_of_another_form_is_malformed(value: object) -> None:
    with pytest.raises(errors.Malformed):
        content.decode_content(cbor.encode({**fields(body.Reset()), 1: 7, 5: value}))


def test_counters_count_messages_and_not_control_contents() -> None:
    for one, counter in ((body.Text("x"), 0), (body.Reset(), 1)):
        with pytest.raises(errors.Malformed):
            content.encode_content(replace(a_content(one), counter=counter))
    with pytest.raises(errors.Malformed):
        content.decode_content(cbor.encode({**fields(body.Reset()), 7: 1}))


@pytest.mark.parametrize(
    "broken",
    [
        replace(a_content(body.Text("x")), message_id=ids.MessageId(b"short")),
        replace(a_content(body.Text("x")), sent=-1),
        a_content(body.Edit(ids.MessageId(b"short"), "x")),
        a_content(body.Opaque(body.CALL, {16: 1})),
        a_content(body.Opaque(40, {})),
    ],
)
def test_what_a_receiver_would_refuse_never_leaves(broken: content.Content) -> None:
    with pytest.raises((errors.Malformed, errors.Unsupported)):
        content.seal(broken)


def test_a_content_beyond_a_mebibyte_is_refused_before_it_is_sent() -> None:
    with pytest.raises(errors.Malformed):
        content.seal(a_content(body.Text("x" * (1 << 20))))


def test_sealing_gives_a_padded_and_franked_plaintext() -> None:
    made = a_content(body.Text("x"))
    sealed = content.seal(made, Dice("fk"))
    assert len(sealed.padded) == 256
    franking.check_frank(sealed.padded, sealed.tag)
    assert content.read_padded(sealed.padded) == made
    assert content.Sealed.from_bytes(sealed.to_bytes()) == sealed
    assert content.seal(made).padded[:32] != content.seal(made).padded[:32]


def test_a_franking_tag_holds_for_one_plaintext_and_key() -> None:
    sealed = content.seal(a_content(body.Text("x")), Dice("fk"))
    for position in range(len(sealed.padded)):
        changed = bytearray(sealed.padded)
        changed[position] ^= 1
        with pytest.raises(errors.BadFranking):
            franking.check_frank(bytes(changed), sealed.tag)
    with pytest.raises(errors.Malformed):
        franking.frank(bytes(31))


def test_a_stamp_covers_tag_sender_conversation_and_time() -> None:
    good = franking.stamp(b"K" * 32, b"F" * 32, ids.AccountId(b"s" * 16), ids.ConversationId(b"c" * 16), 1)
    others = [
        franking.stamp(b"k" * 32, b"F" * 32, ids.AccountId(b"s" * 16), ids.ConversationId(b"c" * 16), 1),
        franking.stamp(b"K" * 32, b"f" * 32, ids.AccountId(b"s" * 16), ids.ConversationId(b"c" * 16), 1),
        franking.stamp(b"K" * 32, b"F" * 32, ids.AccountId(b"S" * 16), ids.ConversationId(b"c" * 16), 1),
        franking.stamp(b"K" * 32, b"F" * 32, ids.AccountId(b"s" * 16), ids.ConversationId(b"C" * 16), 1),
        franking.stamp(b"K" * 32, b"F" * 32, ids.AccountId(b"s" * 16), ids.ConversationId(b"c" * 16), 2),
    ]
    assert good not in others
    with pytest.raises(errors.Malformed):
        franking.stamp(b"K" * 32, b"F" * 31, ids.AccountId(b"s" * 17), ids.ConversationId(b"c" * 16), 1)


def test_a_private_conversation_has_one_id_from_both_sides() -> None:
    alice, bob, charlie = (ids.AccountId(an_id(name)) for name in ("alice", "bob", "charlie"))
    assert content.private_conversation(alice, bob) == content.private_conversation(bob, alice)
    assert content.private_conversation(alice, bob) != content.private_conversation(alice, charlie)


# What the server might move elsewhere


def test_a_message_moved_to_another_chat_is_not_shown(talking: Cast) -> None:
    made = talking.alice.text("for bob", talking.charlie.account)
    received = talking.bob.receive(
        talking.alice, talking.alice.send_sealed(talking.bob, content.seal(made, talking.alice.dice))
    )
    assert isinstance(received.failure, errors.Malformed)
    assert received.content is None


def test_a_message_under_another_message_id_is_not_shown(talking: Cast) -> None:
    made = talking.alice.text("x", talking.bob.account)
    sealed = content.seal(made, talking.alice.dice)
    wires = [talking.alice.send_sealed(talking.bob, sealed) for _ in range(2)]
    bad = talking.bob.receive(talking.alice, wires[0], message_id=b"other message id"[:16])
    assert isinstance(bad.failure, errors.Malformed)
    assert talking.bob.receive(talking.alice, wires[1], message_id=made.message_id).failure is None


def test_a_copy_for_ones_own_device_stays_in_its_chat(cast: Cast) -> None:
    cast.alice.start(cast.tablet)
    sealed = cast.alice.seal("to bob", cast.bob.account)
    moved, right = (cast.alice.send_sealed(cast.tablet, sealed) for _ in range(2))
    assert isinstance(cast.tablet.receive(cast.alice, moved, chat_with=cast.charlie.account).failure, errors.Malformed)
    received = cast.tablet.receive(cast.alice, right, chat_with=cast.bob.account)
    assert received.failure is None
    assert received.content is not None


def test_a_control_content_between_own_devices_belongs_to_their_own_chat(cast: Cast) -> None:
    cast.alice.start(cast.tablet)
    own = content.private_conversation(cast.alice.account.id, cast.alice.account.id)
    with_bob = content.private_conversation(cast.alice.account.id, cast.bob.account.id)
    for conversation, accepted in ((own, True), (with_bob, False)):
        made = a_content(account_data.AccountData(), conversation=conversation)
        wire = cast.alice.send_sealed(cast.tablet, content.seal(made, cast.alice.dice))
        received = cast.tablet.receive(cast.alice, wire, chat_with=cast.bob.account)
        assert (received.failure is None) == accepted


def test_a_peer_cannot_write_into_another_chat_by_naming_it(talking: Cast) -> None:
    """`chat_with` counts for one's own devices only, whatever the server says."""
    bobs_and_charlies = content.private_conversation(talking.bob.account.id, talking.charlie.account.id)
    made = replace(talking.alice.text("x", talking.bob.account), conversation=bobs_and_charlies)
    wire = talking.alice.send_sealed(talking.bob, content.seal(made, talking.alice.dice))
    assert talking.bob.receive(talking.alice, wire, chat_with=talking.charlie.account).failure is not None


def test_a_sender_key_carries_its_groups_id_and_no_other(talking: Cast) -> None:
    made = a_content(SENDER_KEY, conversation=SENDER_KEY.group)
    wire = talking.alice.send_sealed(talking.bob, content.seal(made, talking.alice.dice))
    assert talking.bob.receive(talking.alice, wire).failure is None
    for conversation in (b"x" * 16, content.private_conversation(talking.alice.account.id, talking.bob.account.id)):
        moved = replace(made, conversation=ids.ConversationId(conversation))
        wire = talking.alice.send_sealed(talking.bob, content.seal(moved, talking.alice.dice))
        assert isinstance(talking.bob.receive(talking.alice, wire).failure, errors.Malformed)


def test_a_group_chats_message_is_read_over_a_session_only_where_it_was_asked_for(talking: Cast) -> None:
    group = SENDER_KEY.group
    made = a_content(body.Text("again"), conversation=group)
    made = replace(made, heads=content.Heads(b"h" * 32, None))
    own, sender = talking.bob.own.account, talking.alice.own.account
    content.check_place(made, own=own, sender=sender, group=group)
    for one, asked in (
        (made, None),
        (made, ids.GroupId(ids.ConversationId(b"x" * 16))),
        (replace(made, heads=content.Heads(b"h" * 32, b"h" * 32)), group),
        (replace(made, body=body.Reset(), counter=0), group),
    ):
        with pytest.raises(errors.Malformed):
            content.check_place(one, own=own, sender=sender, group=asked)


@pytest.mark.parametrize(
    "plaintext",
    [
        b"f" * 31,
        bytes(256),
        b"f" * 32 + b"\x80" + bytes(222),
        padding.pad(b"f" * 32),
        padding.pad(b"f" * 32 + b"\xa0"),
        padding.pad(b"f" * 31),
        padding.pad(b"f" * 32 + b"\xff"),
    ],
)
def test_bad_padding_and_bad_contents_are_malformed_and_not_read_twice(talking: Cast, plaintext: bytes) -> None:
    tag = franking.frank(plaintext) if len(plaintext) >= 32 else bytes(32)
    wire = talking.alice.send_sealed(talking.bob, content.Sealed(Secret(plaintext), tag))
    received = talking.bob.receive(talking.alice, wire)
    assert isinstance(received.failure, errors.Malformed)
    with pytest.raises(errors.Duplicate):
        talking.bob.receive(talking.alice, wire)


def test_an_unsupported_content_is_kept_whole(talking: Cast) -> None:
    value = fields(body.Text("x"))
    value[1] = 40
    padded = padding.pad(b"f" * 32 + cbor.encode(value))
    wire = talking.alice.send_sealed(talking.bob, content.Sealed(Secret(padded), franking.frank(padded)))
    received = talking.bob.receive(talking.alice, wire)
    assert isinstance(received.failure, errors.Unsupported)
    assert received.sealed.padded == padded
