"""The long-lived keys of an account and of a device: made, kept as bytes, never changed."""

from __future__ import annotations

from dataclasses import dataclass

from . import cbor, form
from .entropy import SYSTEM, Entropy
from .ids import AccountId, DeviceId
from .primitives import KEY_SIZE, DhKey, SigningKey
from .secret import Secret


def generate_account_key(entropy: Entropy = SYSTEM) -> SigningKey:
    """Make an account key AK. Its seed lives on managing devices and in the backup only."""
    return SigningKey.generate(entropy)


@dataclass(frozen=True, slots=True)
class OwnDevice:
    """This device: who it is and its two independent private keys (PROTOCOL.md, Keys and the device list)."""

    account: AccountId
    device: DeviceId
    account_key: bytes  # AK, the public half: what this device takes its account to be
    signing: SigningKey  # DSK
    identity: DhKey  # IK

    @classmethod
    def generate(cls, account: AccountId, device: DeviceId, account_key: bytes, entropy: Entropy = SYSTEM) -> OwnDevice:
        """Make DSK, then IK, for a device whose account's public key is known."""
        signing = SigningKey.generate(entropy)
        return cls(account, device, account_key, signing, DhKey.generate(entropy))

    def to_bytes(self) -> Secret:
        """Encode for the store, private keys included."""
        fields = [
            self.account,
            self.device,
            self.account_key,
            bytes(self.signing.seed),
            bytes(self.identity.private),
        ]
        return Secret(cbor.encode(fields))

    @classmethod
    def from_bytes(cls, data: bytes) -> OwnDevice:
        account, device, account_key, seed, private = form.array(cbor.decode(bytes(data)), 5)
        return cls(
            AccountId(form.identifier(account)),
            DeviceId(form.identifier(device)),
            form.octets(account_key, KEY_SIZE),
            SigningKey.from_seed(form.octets(seed, KEY_SIZE)),
            DhKey.from_private(form.octets(private, KEY_SIZE)),
        )
