"""A new device is linked by whoever saw its code, under the AK it was offered, and by nobody else."""

from __future__ import annotations

from dataclasses import replace

import pytest
from protocol_cast import NOW, Account, Cast, Dice, Phone, an_id, items

from messenger_client.protocol import base32, cbor, device_list, errors, ids, keys, linking, primitives
from messenger_client.protocol.secret import Secret


@pytest.fixture
def laptop(cast: Cast) -> Phone:
    """alice's new device: it does not know AK, and stands on no list."""
    made = Phone(cast.alice.account, "alice's laptop")
    made.own = replace(made.own, account_key=bytes(32))
    return made


@pytest.fixture
def code(laptop: Phone) -> linking.LinkCode:
    return linking.new_link_code(laptop.own, laptop.dice)


def answered(laptop: Phone, code: linking.LinkCode, offer: bytes) -> bytes:
    """What N does with an offer."""
    pinned = linking.open_offer(code, offer)
    laptop.own = replace(laptop.own, account_key=pinned.account_key)
    return linking.seal_answer(code, laptop.own, laptop.dice)


def test_a_device_is_linked_and_hears_the_first_message_with_the_codes_secret(
    cast: Cast, laptop: Phone, code: linking.LinkCode
) -> None:
    account = cast.alice.account
    scanned = linking.LinkCode.from_text(code.to_text())
    assert scanned == code
    offer = linking.seal_offer(scanned, account.newest, cast.alice.dice)
    answer = answered(laptop, code, offer)
    entry = linking.open_answer(scanned, account.key.public, answer, added=NOW + 1)
    assert entry == device_list.listed(laptop.own, added=NOW + 1)
    before = account.newest
    signed = device_list.sign_list(account.key, account.id, [*before.devices, entry], previous=before, now=NOW + 1)
    account.lists.append(signed)
    assert signed.find(laptop.own.device) == entry

    cast.alice.learn(account)
    laptop.learn(account)
    laptop.psks[code.psk_id] = code.secret
    cast.alice.start(laptop, psk=scanned.secret)
    received = laptop.receive(cast.alice, cast.alice.send(laptop, "welcome"), chat_with=account)
    assert received.used_psk == code.psk_id
    assert laptop.psks == {}


def test_a_code_is_two_hundred_characters_and_names_the_device(laptop: Phone, code: linking.LinkCode) -> None:
    text = code.to_text()
    assert len(text) == 200
    assert len(code.to_bytes()) == linking.CODE_SIZE
    grouped = "-".join(text[start : start + 5] for start in range(0, 200, 5)).lower() + "\n"
    read = linking.LinkCode.from_text(grouped)
    assert (read.account, read.device) == (laptop.own.account, laptop.own.device)
    assert (read.signing_key, read.identity_key) == (laptop.own.signing.public, laptop.own.identity.public)
    assert linking.LinkCode.from_bytes(code.to_bytes()) == code


def test_every_code_has_a_secret_of_its_own(laptop: Phone) -> None:
    one, other = (linking.new_link_code(laptop.own) for _ in range(2))
    assert one.secret != other.secret
    assert one.psk_id != other.psk_id


@pytest.mark.parametrize(
    "fields",
    [
        ["linK", bytes(16), bytes(16), bytes(32), bytes(32), bytes(16)],
        [b"link", bytes(16), bytes(16), bytes(32), bytes(32), bytes(16)],
        ["link", bytes(16), bytes(17), bytes(32), bytes(31), bytes(16)],
        ["link", bytes(17), bytes(16), bytes(32), bytes(32), bytes(15)],
        ["link", bytes(16), bytes(16), bytes(32), "x" * 32, bytes(16)],
        ["link", bytes(16), bytes(16), bytes(32), bytes(49)],
    ],
)
def test_a_code_of_another_form_is_malformed(fields: list[object]) -> None:
    data = cbor.encode(fields)
    with pytest.raises(errors.Malformed):
        linking.LinkCode.from_bytes(data)
    with pytest.raises(errors.Malformed):
        linking.LinkCode.from_text(base32.encode(data))


@pytest.mark.parametrize("text", ["", "0" * 199, "0" * 200, "Z" * 200, "0" * 201, "https://chat.example/link"])
def test_a_text_that_is_no_code_is_malformed(text: str) -> None:
    with pytest.raises(errors.Malformed):
        linking.LinkCode.from_text(text)


def link(cast: Cast, laptop: Phone, code: linking.LinkCode, scanned: str) -> device_list.ListedDevice:
    read = linking.LinkCode.from_text(scanned)
    offer = linking.seal_offer(read, cast.alice.account.newest, cast.alice.dice)
    answer = answered(laptop, code, offer)
    return linking.open_answer(read, cast.alice.account.key.public, answer, added=NOW)


@pytest.mark.parametrize("place", range(200))
def test_a_code_altered_in_any_character_links_nothing(
    cast: Cast, laptop: Phone, code: linking.LinkCode, place: int
) -> None:
    text = code.to_text()
    value = base32.ALPHABET.index(text[place])
    for bit in range(5):
        altered = text[:place] + base32.ALPHABET[value ^ 1 << bit] + text[place + 1 :]
        with pytest.raises((errors.Malformed, errors.ListRefused, errors.Undecryptable, errors.BadSignature)):
            link(cast, laptop, code, altered)


def test_an_offer_opens_for_the_code_it_was_made_for_only(cast: Cast, laptop: Phone, code: linking.LinkCode) -> None:
    offer = linking.seal_offer(code, cast.alice.account.newest, cast.alice.dice)
    assert linking.open_offer(code, offer) == cast.alice.account.newest
    for other in (
        replace(code, device=ids.DeviceId(an_id("another device"))),
        replace(code, secret=Secret(bytes(16))),
        linking.new_link_code(laptop.own),
    ):
        with pytest.raises(errors.Undecryptable):
            linking.open_offer(other, offer)
    answer = answered(laptop, code, offer)
    for other in (replace(code, device=ids.DeviceId(an_id("another device"))), replace(code, secret=Secret(bytes(16)))):
        with pytest.raises(errors.Undecryptable):
            linking.open_answer(other, cast.alice.account.key.public, answer, added=NOW)


def test_an_offer_and_an_answer_do_not_pass_for_each_other(cast: Cast, laptop: Phone, code: linking.LinkCode) -> None:
    offer = linking.seal_offer(code, cast.alice.account.newest, cast.alice.dice)
    answer = answered(laptop, code, offer)
    with pytest.raises(errors.Undecryptable):
        linking.open_offer(code, answer)
    with pytest.raises(errors.Undecryptable):
        linking.open_answer(code, cast.alice.account.key.public, offer, added=NOW)


@pytest.mark.parametrize("which", ["offer", "answer"])
def test_a_changed_byte_is_undecryptable(cast: Cast, laptop: Phone, code: linking.LinkCode, which: str) -> None:
    offer = linking.seal_offer(code, cast.alice.account.newest, cast.alice.dice)
    sealed = offer if which == "offer" else answered(laptop, code, offer)
    key = cast.alice.account.key.public

    def opened(data: bytes) -> object:
        return linking.open_offer(code, data) if which == "offer" else linking.open_answer(code, key, data, added=NOW)

    opened(sealed)
    for place in range(len(sealed)):
        changed = bytearray(sealed)
        changed[place] ^= 1
        with pytest.raises(errors.Undecryptable):
            opened(bytes(changed))
    with pytest.raises(errors.Undecryptable):
        opened(b"")


def test_nobody_approves_a_code_of_another_account(cast: Cast, code: linking.LinkCode) -> None:
    with pytest.raises(errors.ListRefused):
        linking.seal_offer(code, cast.charlie.account.newest)


def test_nobody_answers_a_code_of_another_device(cast: Cast, code: linking.LinkCode) -> None:
    with pytest.raises(ValueError, match="another device"):
        linking.seal_answer(code, cast.tablet.own)


def offered(code: linking.LinkCode, *fields: object) -> bytes:
    return primitives.cseal(code.secret, "link1", code.device, cbor.encode(list(fields)))


def test_an_offer_of_another_accounts_list_is_refused(cast: Cast, code: linking.LinkCode) -> None:
    charlies = cast.charlie.account.newest
    with pytest.raises(errors.ListRefused):
        linking.open_offer(code, offered(code, charlies.account_key, cbor.decode(charlies.signed)))


def test_an_offer_under_another_ak_than_its_lists_is_refused(cast: Cast, code: linking.LinkCode) -> None:
    newest = cast.alice.account.newest
    with pytest.raises(errors.ListRefused):
        linking.open_offer(code, offered(code, cast.charlie.account.key.public, cbor.decode(newest.signed)))


def test_an_offer_of_a_list_that_does_not_verify_is_refused(cast: Cast, code: linking.LinkCode) -> None:
    newest = cast.alice.account.newest
    payload, signature = items(newest.signed)
    forged = [payload, bytes([signature[0] ^ 1]) + signature[1:]]
    with pytest.raises(errors.ListRefused):
        linking.open_offer(code, offered(code, newest.account_key, forged))


def test_an_offer_of_another_form_is_malformed(cast: Cast, code: linking.LinkCode) -> None:
    newest = cast.alice.account.newest
    signed = cbor.decode(newest.signed)
    for fields in (
        [newest.account_key],
        [newest.account_key, signed, 0],
        [newest.account_key[1:], signed],
        [None, signed],
        [newest.account_key, newest.signed],
        [newest.account_key, None],
    ):
        with pytest.raises(errors.Malformed):
            linking.open_offer(code, offered(code, *fields))
    not_cbor = primitives.cseal(code.secret, "link1", code.device, b"\xff")
    with pytest.raises(errors.Malformed):
        linking.open_offer(code, not_cbor)


def test_an_answer_with_a_bind_of_another_key_is_refused(cast: Cast, laptop: Phone, code: linking.LinkCode) -> None:
    """The server, or whoever else saw the code, cannot put keys of his own on the list."""
    key = cast.alice.account.key
    laptop.own = replace(laptop.own, account_key=key.public)
    forger = keys.OwnDevice.generate(laptop.own.account, laptop.own.device, key.public, Dice("forger"))
    for own in (
        forger,
        replace(laptop.own, identity=forger.identity),
        replace(laptop.own, signing=forger.signing),
        replace(laptop.own, account_key=cast.charlie.account.key.public),
    ):
        answer = linking.seal_answer(code, own)
        with pytest.raises(errors.BadSignature):
            linking.open_answer(code, key.public, answer, added=NOW)


@pytest.mark.parametrize("bind", [b"", bytes(63), bytes(65)])
def test_an_answer_of_another_length_is_malformed(cast: Cast, code: linking.LinkCode, bind: bytes) -> None:
    answer = primitives.cseal(code.secret, "link2", code.device, bind)
    with pytest.raises(errors.Malformed):
        linking.open_answer(code, cast.alice.account.key.public, answer, added=NOW)


def test_an_old_answer_is_no_answer_under_a_new_ak(cast: Cast, laptop: Phone, code: linking.LinkCode) -> None:
    answer = answered(laptop, code, linking.seal_offer(code, cast.alice.account.newest))
    renewed = Account("alice", keys.generate_account_key(Dice("renewed")))
    with pytest.raises(errors.BadSignature):
        linking.open_answer(code, renewed.key.public, answer, added=NOW)


def test_a_code_does_not_print_its_secret(code: linking.LinkCode) -> None:
    for shown in (repr(code), repr(code.to_bytes())):
        assert repr(bytes(code.secret))[2:-1] not in shown
    assert "<secret>" in repr(code)
