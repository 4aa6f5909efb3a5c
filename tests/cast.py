"""The cast of the server's tests: accounts whose devices are on lists that they really signed.

Only tests know both sides: the client's core signs here what the server's apps verify.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field, replace

from accounts.models import Device, User
from keys import services as keys
from keys.verify import SignedObject
from messenger.lib.clock import now_ms
from messenger_client.protocol import cbor, device_list, form
from messenger_client.protocol.device_list import DeviceList
from messenger_client.protocol.ids import AccountId, DeviceId
from messenger_client.protocol.keys import OwnDevice, generate_account_key
from messenger_client.protocol.primitives import SigningKey


@dataclass
class Member:
    """An account with its account key, its devices in the order they were added, and its newest list."""

    user: User
    account_key: SigningKey
    devices: list[Device] = field(default_factory=list)
    own: list[OwnDevice] = field(default_factory=list)
    newest: DeviceList | None = None

    @property
    def device(self) -> Device:
        """The first device, which is the only one of most."""
        return self.devices[0]

    @property
    def id(self) -> uuid.UUID:
        return self.user.pk

    @property
    def list_hash(self) -> bytes:
        assert self.newest is not None
        return self.newest.hash

    def add_device(self, name: str) -> Device:
        """Register one more device. It is not on a list until `publish`."""
        device_id = uuid.uuid4()
        own = OwnDevice.generate(AccountId(self.id.bytes), DeviceId(device_id.bytes), self.account_key.public)
        device = Device.objects.create(
            id=device_id, user=self.user, name=name, platform="test", signing_key=own.signing.public
        )
        self.devices.append(device)
        self.own.append(own)
        return device

    def publish(self) -> DeviceList:
        """Sign and publish a list of all devices."""
        now = now_ms()
        entries = [device_list.listed(own, added=now) for own in self.own]
        signed = device_list.sign_list(
            self.account_key, AccountId(self.id.bytes), entries, previous=self.newest, now=now
        )
        keys.publish_device_list(by=self.device, signed=signed_object(signed.signed), now=now)
        self.newest = signed
        self.user.refresh_from_db()
        return signed

    def publish_new_identity(self) -> DeviceList:
        """Start a chain under a new account key that lists the first device alone."""
        self.account_key = generate_account_key()
        self.own = [replace(own, account_key=self.account_key.public) for own in self.own]
        entries, now = [device_list.listed(self.own[0], added=now_ms())], now_ms()
        first = device_list.sign_list(self.account_key, AccountId(self.id.bytes), entries, previous=None, now=now)
        keys.replace_account_key(by=self.device, signed=signed_object(first.signed), replaces=self.list_hash, now=now)
        self.newest = first
        self.user.refresh_from_db()
        return first


def signed_object(data: bytes) -> SignedObject:
    """`CBOR[payload, signature]` of the client's core as the server's value."""
    payload, signature = form.array(cbor.decode(data), 2)
    return SignedObject(form.any_octets(payload), form.any_octets(signature))


def make_member(name: str, *, devices: int = 1) -> Member:
    """An account with that many devices, all of them listed."""
    user = User.objects.create(username=name, email=f"{name}@example.org")
    user.set_unusable_password()
    user.save(update_fields=["password"])
    member = Member(user, generate_account_key())
    for number in range(devices):
        member.add_device(f"{name}'s device {number + 1}")
    member.publish()
    return member
