"""Prekeys are this device's, of this kind, not older than what was seen, and neither stale nor early."""

from __future__ import annotations

from dataclasses import replace

import pytest
from protocol_cast import Cast, Dice, Phone, changed, items

from messenger_client.protocol import cbor, errors, kem, limits, prekeys, session
from messenger_client.protocol.prekeys import Bundle, PrekeyLabel, SeenPrekeys, SignedPrekey, VerifiedBundle


def verify(cast: Cast, bundle: Bundle, seen: SeenPrekeys = SeenPrekeys(), *, now: int | None = None) -> VerifiedBundle:
    newest, device = cast.bob.account.newest, cast.bob.own.device
    return prekeys.verify_bundle(bundle, newest, device, seen, now=cast.alice.now if now is None else now)


def made(
    phone: Phone, label: PrekeyLabel, *, key_id: int = 1, created: int | None = None, public: bytes | None = None
) -> SignedPrekey:
    """A prekey signed by the device itself, with whatever it contains."""
    one = prekeys.generate_prekeys(
        phone.own, label, first_id=key_id, count=1, now=phone.now if created is None else created, entropy=phone.dice
    )[0].signed
    if public is None:
        return one
    payload = cbor.encode([one.account, one.device, one.key_id, one.created, public])
    return replace(one, public=public, payload=payload, signature=phone.own.signing.sign(label, payload))


@pytest.mark.parametrize("opk", [True, False])
@pytest.mark.parametrize("one_time_kem", [True, False])
def test_a_bundle_is_read_back_and_verified(cast: Cast, opk: bool, one_time_kem: bool) -> None:
    bundle = cast.bob.bundle(opk=opk, one_time_kem=one_time_kem)
    assert Bundle.from_bytes(bundle.to_bytes()) == bundle
    verified = verify(cast, bundle)
    assert verified.opk == (bundle.opk.public if bundle.opk else None)
    assert verified.kem_label == ("okpk" if one_time_kem else "klr")
    assert verified.seen == SeenPrekeys(spk=1, klr=0 if one_time_kem else 1)


@pytest.mark.parametrize("label", ["spk", "klr", "opk", "okpk"])
def test_ids_count_up_and_private_halves_survive_the_store(cast: Cast, label: PrekeyLabel) -> None:
    batch = prekeys.generate_prekeys(cast.bob.own, label, first_id=7, count=3, now=cast.bob.now, entropy=Dice(label))
    assert [one.private.key_id for one in batch] == [one.signed.key_id for one in batch] == [7, 8, 9]
    for one in batch:
        assert prekeys.PrivatePrekey.from_bytes(one.private.to_bytes()) == one.private
        assert SignedPrekey.from_bytes(label, one.signed.to_bytes()) == one.signed
    assert len({one.private.private for one in batch}) == 3


def test_a_bundle_for_a_device_that_is_not_listed_is_refused(cast: Cast) -> None:
    bundle = cast.charlie.bundle()
    with pytest.raises(errors.NotListed):
        prekeys.verify_bundle(
            bundle, cast.bob.account.newest, cast.charlie.own.device, SeenPrekeys(), now=cast.alice.now
        )
    with pytest.raises(errors.NotListed):
        verify(cast, bundle)


def test_the_bundle_of_another_device_of_the_account_is_refused(cast: Cast) -> None:
    newest = cast.alice.account.newest
    with pytest.raises(errors.NotListed):
        prekeys.verify_bundle(cast.tablet.bundle(), newest, cast.alice.own.device, SeenPrekeys(), now=cast.bob.now)


@pytest.mark.parametrize("part", ["spk", "opk", "kem_key"])
def test_a_substituted_prekey_is_refused(cast: Cast, part: str) -> None:
    """The server puts a key of charlie's into bob's bundle."""
    theirs = getattr(cast.charlie.bundle(), part)
    with pytest.raises(errors.BadSignature):
        verify(cast, changed(cast.bob.bundle(), {part: theirs}))


@pytest.mark.parametrize("part", ["spk", "opk", "kem_key"])
def test_a_prekey_with_a_changed_payload_is_refused(cast: Cast, part: str) -> None:
    bundle = cast.bob.bundle()
    one: SignedPrekey = getattr(bundle, part)
    payload = one.payload[:-1] + bytes([one.payload[-1] ^ 1])
    with pytest.raises(errors.BadSignature):
        verify(cast, changed(bundle, {part: replace(one, payload=payload)}))


def test_a_one_time_key_is_no_signed_prekey(cast: Cast) -> None:
    bundle = cast.bob.bundle()
    assert bundle.opk is not None
    with pytest.raises(errors.BadSignature):
        verify(cast, replace(bundle, spk=bundle.opk))


def test_a_signed_prekey_is_no_one_time_key(cast: Cast) -> None:
    bundle = cast.bob.bundle()
    with pytest.raises(errors.BadSignature):
        verify(cast, replace(bundle, opk=bundle.spk))


@pytest.mark.parametrize(("label", "passed_off_as"), [("klr", "okpk"), ("okpk", "klr")])
def test_the_two_kinds_of_kem_key_do_not_stand_in_for_each_other(
    cast: Cast, label: PrekeyLabel, passed_off_as: PrekeyLabel
) -> None:
    bundle = cast.bob.bundle()
    with pytest.raises(errors.BadSignature):
        verify(cast, replace(bundle, kem_label=passed_off_as, kem_key=made(cast.bob, label)))


def test_a_prekey_that_names_another_device_is_refused_although_it_is_signed(cast: Cast) -> None:
    bundle = cast.bob.bundle()
    payload = cbor.encode([cast.bob.own.account, cast.tablet.own.device, 1, cast.bob.now, bundle.spk.public])
    spk = SignedPrekey(
        cast.bob.own.account,
        cast.tablet.own.device,
        1,
        cast.bob.now,
        bundle.spk.public,
        payload,
        cast.bob.own.signing.sign("spk", payload),
    )
    with pytest.raises(errors.BadKey):
        verify(cast, replace(bundle, spk=spk))


@pytest.mark.parametrize("label", ["spk", "klr"])
def test_a_lower_id_than_was_seen_is_a_rollback(cast: Cast, label: PrekeyLabel) -> None:
    part = "spk" if label == "spk" else "kem_key"
    bundle = cast.bob.bundle(one_time_kem=label == "spk")
    seen = changed(SeenPrekeys(), {label: 5})
    with pytest.raises(errors.BadKey):
        verify(cast, changed(bundle, {part: made(cast.bob, label, key_id=4)}), seen)
    for key_id in (5, 6):
        verified = verify(cast, changed(bundle, {part: made(cast.bob, label, key_id=key_id)}), seen)
        assert getattr(verified.seen, label) == key_id


@pytest.mark.parametrize("label", ["spk", "klr"])
@pytest.mark.parametrize(
    ("age", "accepted"),
    [
        (limits.PREKEY_MAX_AGE, True),
        (limits.PREKEY_MAX_AGE + 1, False),
        (-limits.PREKEY_MAX_AHEAD, True),
        (-limits.PREKEY_MAX_AHEAD - 1, False),
    ],
)
def test_a_stale_or_early_key_is_refused(cast: Cast, label: PrekeyLabel, age: int, accepted: bool) -> None:
    part = "spk" if label == "spk" else "kem_key"
    bundle = cast.bob.bundle(one_time_kem=label == "spk")
    aged = changed(bundle, {part: made(cast.bob, label, created=cast.alice.now - age)})
    if accepted:
        verify(cast, aged)
    else:
        with pytest.raises(errors.BadKey):
            verify(cast, aged)


def test_one_time_keys_do_not_expire(cast: Cast) -> None:
    old = replace(cast.bob.bundle(), opk=made(cast.bob, "opk", created=0), kem_key=made(cast.bob, "okpk", created=0))
    verify(cast, old)


@pytest.mark.parametrize("label", ["spk", "klr", "opk", "okpk"])
def test_a_private_half_goes_when_nobody_may_use_the_key_any_more(cast: Cast, label: PrekeyLabel) -> None:
    private = prekeys.generate_prekeys(cast.bob.own, label, first_id=1, count=1, now=0, entropy=Dice(label))[0].private
    last = limits.PREKEY_MAX_AGE + 31 * limits.DAY
    assert not prekeys.is_spent(private, now=last)
    assert prekeys.is_spent(private, now=last + 1) == (label in ("spk", "klr"))


@pytest.mark.parametrize("public", [b"\xff" * 32, (2**255 - 19).to_bytes(32, "little")])
@pytest.mark.parametrize("label", ["spk", "opk"])
def test_a_non_canonical_prekey_is_refused(cast: Cast, label: PrekeyLabel, public: bytes) -> None:
    with pytest.raises(errors.BadKey):
        verify(cast, changed(cast.bob.bundle(), {label: made(cast.bob, label, public=public)}))


@pytest.mark.parametrize("label", ["spk", "opk"])
def test_a_prekey_of_small_order_starts_no_session(cast: Cast, label: PrekeyLabel) -> None:
    bundle = changed(cast.bob.bundle(), {label: made(cast.bob, label, public=b"\x01" + bytes(31))})
    verified = verify(cast, bundle)
    with pytest.raises(errors.BadKey):
        session.start_session(cast.alice.own, cast.alice.account.newest, verified, now=cast.alice.now)


@pytest.mark.parametrize("label", ["klr", "okpk"])
def test_a_kem_key_beyond_the_modulus_is_refused(cast: Cast, label: PrekeyLabel) -> None:
    bundle = replace(cast.bob.bundle(), kem_label=label)
    with pytest.raises(errors.BadKey):
        verify(cast, replace(bundle, kem_key=made(cast.bob, label, public=b"\xff" * kem.PUBLIC_SIZE)))


@pytest.mark.parametrize(
    ("index", "value"),
    [(0, bytes(15)), (1, None), (2, 0), (2, True), (2, "1"), (3, None), (4, bytes(31)), (4, bytes(1184))],
)
def test_a_prekey_of_another_form_is_malformed(cast: Cast, index: int, value: object) -> None:
    fields = items(cast.bob.bundle().spk.payload)
    fields[index] = value
    with pytest.raises(errors.Malformed):
        SignedPrekey.from_bytes("spk", cbor.encode([cbor.encode(fields), bytes(64)]))


@pytest.mark.parametrize("label", ["spk", "opk", "KLR", "", 1, None, b"klr"])
def test_a_bundle_with_another_kem_label_is_malformed(cast: Cast, label: object) -> None:
    fields = items(cast.bob.bundle().to_bytes())
    fields[4][0] = label
    with pytest.raises(errors.Malformed):
        Bundle.from_bytes(cbor.encode(fields))
