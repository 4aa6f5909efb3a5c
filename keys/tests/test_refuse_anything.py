"""Properties: whatever bytes come, the answer is a documented error, and nothing has changed."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from accounts.models import User
from keys import services
from keys.models import DeviceList, OneTimePrekey, OneTimeSeries, SignedPrekey
from keys.tests.cast import LABELS, NOW, Person
from keys.tests.test_publish_prekeys import SLOTS
from keys.verify import SignedObject
from messenger.lib.errors import DomainError
from messenger_client.protocol import cbor

DOCUMENTED = {"malformed", "bad_signature", "bad_key", "list_conflict", "conflict"}
bounded = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])

# Not 32 bytes: almost any 32 bytes are a good X25519 key.
OCTETS = st.binary(max_size=31) | st.binary(min_size=33, max_size=40)
# What may be any number: the key id of a prekey, and the time of a list, if it is past.
FREE = {(None, 5), *((label, 2) for label in LABELS)}

LEAVES = st.integers(0, 2**53 - 1) | OCTETS | st.text(max_size=8) | st.none() | st.booleans()
TREES = st.recursive(LEAVES, lambda inner: st.lists(inner, max_size=7), max_leaves=20)


def stored() -> list[Any]:
    tables = (DeviceList.objects, SignedPrekey.objects, OneTimePrekey.objects, OneTimeSeries.objects)
    rows = [row for table in tables for row in table.order_by("pk").values()]
    return [*rows, *User.objects.order_by("pk").values("pk", "devices_version")]


def publish(person: Person, signed: SignedObject, label: str | None) -> None:
    if label is None:
        services.publish_device_list(by=person.phone.row, signed=signed, now=NOW)
    else:
        slot: Any = {SLOTS[label]: [signed] if label in ("opk", "okpk") else signed}
        services.publish_prekeys(by=person.phone.row, now=NOW, **slot)


def refused(person: Person, signed: SignedObject, label: str | None) -> None:
    before = stored()
    with pytest.raises(DomainError) as raised:
        publish(person, signed, label)
    assert raised.value.code in DOCUMENTED
    assert stored() == before


KINDS = st.sampled_from([None, *LABELS])


def signed_as(person: Person, label: str | None, payload: bytes) -> SignedObject:
    return person.sign(None, raw=payload) if label is None else person.phone.sign(label, None, raw=payload)


@bounded
@given(payload=st.binary(max_size=200), signature=st.binary(min_size=64, max_size=64), label=KINDS)
def test_any_bytes_with_any_signature(alice: Person, payload: bytes, signature: bytes, label: str | None) -> None:
    refused(alice, SignedObject(payload, signature), label)


@bounded
@given(payload=st.binary(max_size=200), label=KINDS)
def test_any_bytes_well_signed(alice: Person, payload: bytes, label: str | None) -> None:
    refused(alice, signed_as(alice, label, payload), label)


@bounded
@given(tree=TREES, label=KINDS)
def test_any_value_well_signed(alice: Person, tree: Any, label: str | None) -> None:
    refused(alice, signed_as(alice, label, cbor.encode(tree)), label)


@bounded
@given(data=st.data(), label=KINDS)
def test_a_good_object_with_one_field_replaced(alice: Person, data: st.DataObject, label: str | None) -> None:
    fields: Any = alice.fields() if label is None else cbor.decode(alice.phone.prekey(label).payload)
    index = data.draw(st.sampled_from([at for at in range(len(fields)) if (label, at) not in FREE]))
    fields[index] = data.draw(TREES.filter(lambda value: value != fields[index]))
    refused(alice, signed_as(alice, label, cbor.encode(fields)), label)


@bounded
@given(data=st.data(), label=KINDS)
def test_a_good_object_with_bits_flipped(alice: Person, data: st.DataObject, label: str | None) -> None:
    payload = cbor.encode(alice.fields()) if label is None else alice.phone.prekey(label).payload
    signed = signed_as(alice, label, payload)
    whole = bytearray(signed.payload + signed.signature)
    whole[data.draw(st.integers(0, len(whole) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    refused(alice, SignedObject(bytes(whole[:-64]), bytes(whole[-64:])), label)
