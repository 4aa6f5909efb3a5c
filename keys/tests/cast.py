"""The cast of these tests. Their lists and prekeys are made by the client's own protocol core."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, cast

from accounts.models import Device, User
from keys import services
from keys.values import PrekeyCounts, Target
from keys.verify import SignedObject
from messenger.lib import base64url
from messenger.lib.ids import new_id
from messenger_client.protocol import cbor, device_list, form, prekeys
from messenger_client.protocol.ids import AccountId, DeviceId
from messenger_client.protocol.keys import OwnDevice, generate_account_key
from messenger_client.protocol.prekeys import PrekeyLabel
from messenger_client.protocol.primitives import SigningKey

NOW = 1_790_000_000_000
DAY = 24 * 3600 * 1000
LABELS = ("spk", "klr", "opk", "okpk")


@dataclass
class Handset:
    """A registered device with its private keys."""

    row: Device
    own: OwnDevice

    @property
    def target(self) -> Target:
        return Target(self.row.user_id, self.row.pk)

    def prekeys(self, label: str, *ids: int, created: int = NOW) -> list[SignedObject]:
        made = [
            prekeys.generate_prekeys(self.own, cast(PrekeyLabel, label), first_id=one, count=1, now=created)[0]
            for one in ids
        ]
        return [SignedObject(prekey.signed.payload, prekey.signed.signature) for prekey in made]

    def prekey(self, label: str, key_id: int = 1, *, created: int = NOW) -> SignedObject:
        return self.prekeys(label, key_id, created=created)[0]

    def sign(self, label: str, fields: object, *, raw: bytes | None = None) -> SignedObject:
        """Whatever `fields` are, signed by DSK as a prekey."""
        payload = cbor.encode(fields) if raw is None else raw
        return SignedObject(payload, self.own.signing.sign(label, payload))

    def publish(self, *, one_time: int = 5, one_time_kem: int = 5, first: int = 1) -> PrekeyCounts:
        """Publish one of each signed kind and so many one-time keys."""
        return services.publish_prekeys(
            by=self.row,
            now=NOW,
            signed_prekey=self.prekey("spk", first),
            last_resort=self.prekey("klr", first),
            one_time=self.prekeys("opk", *range(first, first + one_time)),
            one_time_kem=self.prekeys("okpk", *range(first, first + one_time_kem)),
        )


@dataclass
class Person:
    """An account and its devices. The account key is at hand, as on a managing device."""

    user: User
    account_key: SigningKey
    handsets: list[Handset] = field(default_factory=list)
    newest: device_list.DeviceList | None = None

    @classmethod
    def make(cls, name: str, *, devices: int = 1) -> Person:
        person = cls(User.objects.create(username=name, email=f"{name}@example.org"), generate_account_key())
        for _ in range(devices):
            person.add_handset()
        return person

    @property
    def account(self) -> AccountId:
        return AccountId(self.user.pk.bytes)

    @property
    def phone(self) -> Handset:
        return self.handsets[0]

    def add_handset(self, *, registered: bool = True) -> Handset:
        device_id = new_id()
        own = OwnDevice.generate(self.account, DeviceId(device_id.bytes), self.account_key.public)
        row = Device(pk=device_id, user=self.user, name="phone", platform="test", signing_key=own.signing.public)
        if registered:
            row.save()
        handset = Handset(row, own)
        self.handsets.append(handset)
        return handset

    def next_list(
        self,
        handsets: Sequence[Handset] | None = None,
        *,
        previous: device_list.DeviceList | None = None,
        now: int = NOW,
    ) -> device_list.DeviceList:
        """The list after `previous`, or after the newest published one, of all devices or of these."""
        rows = [device_list.listed(one.own, added=NOW) for one in (self.handsets if handsets is None else handsets)]
        return device_list.sign_list(self.account_key, self.account, rows, previous=previous or self.newest, now=now)

    def publish_list(self, handsets: Sequence[Handset] | None = None) -> device_list.DeviceList:
        self.newest = self.next_list(handsets)
        services.publish_device_list(by=self.phone.row, signed=travelling(self.newest), now=NOW)
        return self.newest

    def forget_account_key(self) -> None:
        """A new account key on every device, under which nothing is published yet."""
        self.account_key, self.newest = generate_account_key(), None
        for one in self.handsets:
            one.own = replace(one.own, account_key=self.account_key.public)

    def publish_new_identity(self, handset: Handset | None = None) -> device_list.DeviceList:
        """Start a chain under a new account key, which lists this device (or the first one) alone."""
        handset = handset or self.phone
        replaces = services.recipients([self.user.pk])[self.user.pk].list_hash
        self.forget_account_key()
        self.newest = self.next_list([handset])
        services.replace_account_key(by=handset.row, signed=travelling(self.newest), replaces=replaces, now=NOW)
        return self.newest

    def fields(self, **changed: Any) -> list[Any]:
        """The payload of the next list, open for tampering."""
        fields = form.array(cbor.decode(travelling(self.next_list()).payload))
        names = ("kind", "account", "account_key", "seq", "previous", "time", "devices")
        return [changed.get(name, value) for name, value in zip(names, fields, strict=True)]

    def sign(self, fields: object, *, label: str = "devlist", raw: bytes | None = None) -> SignedObject:
        """Whatever `fields` are, signed by AK as a list."""
        payload = cbor.encode(fields) if raw is None else raw
        return SignedObject(payload, self.account_key.sign(label, payload))


def travelling(made: device_list.DeviceList) -> SignedObject:
    """The client's list as the server takes it."""
    payload, signature = form.array(cbor.decode(made.signed), 2)
    return SignedObject(form.any_octets(payload), form.any_octets(signature))


def in_json(signed: SignedObject) -> dict[str, str]:
    return {"payload": base64url.encode(signed.payload), "signature": base64url.encode(signed.signature)}
