"""A device token is given for the device's own signature, and for nothing else."""

from __future__ import annotations

from accounts.tests.people import Person, Terminal, get, is_signed_in


def test_a_device_that_signs_the_nonce_speaks_for_itself(alice: Person, laptop: Terminal) -> None:
    assert laptop.tokens["device"] == laptop.id
    assert laptop.tokens["account"] == {"id": alice.id, "username": "alice"}
    assert 890 < laptop.tokens["expires_in"] <= 900
    assert get("accounts/me", laptop.access).json()["email"] == "alice@example.org"
    assert is_signed_in(laptop.access)
