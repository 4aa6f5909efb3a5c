"""Secrets and words stay out of whatever prints values."""

from __future__ import annotations

import logging

import pytest
from protocol_cast import Cast, Dice

from messenger_client.protocol import body, keys, ratchet_state
from messenger_client.protocol.ids import AccountId, DeviceId
from messenger_client.protocol.secret import Secret


def test_a_secret_prints_as_secret() -> None:
    secret = Secret(b"very hidden")
    assert repr(secret) == str(secret) == f"{secret}" == f"{secret!r}" == format(secret) == "<secret>"
    assert f"{secret:>20}" == "<secret>"
    assert repr([secret]) == "[<secret>]"


def test_a_logged_secret_is_not_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    logging.getLogger("messenger").warning("key %s %r", Secret(b"very hidden"), {1: Secret(b"very hidden")})
    assert "hidden" not in caplog.text


def test_no_private_value_shows_its_bytes(talking: Cast) -> None:
    late = talking.alice.send(talking.bob, "late")
    talking.bob.read(talking.alice, talking.alice.send(talking.bob, "skips one key"))
    received = talking.bob.receive(talking.alice, late)
    pair = talking.bob.pair(talking.alice)
    ratchet = pair.sessions[0].ratchet
    assert isinstance(ratchet, ratchet_state.Ratchet)
    assert ratchet.sending is not None
    assert ratchet.receiving is not None
    hidden = [
        talking.bob.own.signing.seed,
        talking.bob.own.identity.private,
        talking.bob.privates["spk", 1].private,
        talking.bob.privates["klr", 1].private,
        talking.alice.account.key.seed,
        ratchet.root,
        ratchet.own.private,
        ratchet.sending.key,
        ratchet.receiving.key,
        received.sealed.padded[:32],
        b"late",
        *(one.key for one in ratchet.archive.skipped.values()),
    ]
    shown = "".join(
        map(
            repr,
            [
                talking.bob.own,
                talking.alice.account.key,
                talking.bob.privates,
                pair,
                received,
                ratchet.archive,
                talking.bob.own.to_bytes(),
                pair.to_bytes(),
                received.sealed.to_bytes(),
                talking.bob.privates["spk", 1].to_bytes(),
            ],
        )
    )
    for secret in hidden:
        assert repr(bytes(secret))[2:-1] not in shown
        assert bytes(secret).hex() not in shown


def test_opaque_bodies_do_not_show_their_fields() -> None:
    assert "hidden" not in repr(body.Opaque(body.CALL, {5: b"hidden"}))


def test_own_keys_survive_the_store() -> None:
    own = keys.OwnDevice.generate(AccountId(b"a" * 16), DeviceId(b"d" * 16), b"k" * 32, Dice("own"))
    assert keys.OwnDevice.from_bytes(own.to_bytes()) == own
