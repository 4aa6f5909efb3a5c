"""What the runners of the vectors share: JSON to values, and recorded randomness that is used up in order."""

from __future__ import annotations

from typing import Any

from messenger_client.protocol import cbor, ids, kem, keys, prekeys, primitives
from messenger_client.protocol.secret import Secret

Json = Any


def unhex(text: str) -> bytes:
    return bytes.fromhex(text)


def maybe(text: str | None) -> bytes | None:
    return None if text is None else bytes.fromhex(text)


def hexed(data: bytes | None) -> str | None:
    return None if data is None else bytes(data).hex()


class Draws:
    """Recorded randomness. Each kind is used up in order; what a step leaves over is a mistake."""

    def __init__(self, recorded: Json) -> None:
        self.nonces = [unhex(one) for one in recorded.get("nonces", [])]
        self.secrets = [unhex(one) for one in recorded.get("secrets", [])]
        self.keys = [unhex(one) for one in recorded.get("keys", [])]
        self.kem_seeds = [unhex(one) for one in recorded.get("kem_seeds", [])]
        self.encapsulations = [(unhex(one["ct"]), unhex(one["ss"])) for one in recorded.get("encapsulations", [])]

    def random(self, size: int) -> bytes:
        return {16: self.secrets, 24: self.nonces, 32: self.keys, 64: self.kem_seeds}[size].pop(0)

    def encapsulate(self, public: bytes) -> tuple[bytes, bytes]:
        kem.check_public_key(public)
        return self.encapsulations.pop(0)

    def finish(self) -> None:
        if self.secrets or self.nonces or self.keys or self.kem_seeds or self.encapsulations:
            raise ValueError("randomness left over")


def to_json(value: cbor.Value) -> Json:
    """Byte strings as {"bytes": hex}, maps as {"map": [[key, value], ...]}, the rest as JSON has it."""
    if isinstance(value, bytes):
        return {"bytes": value.hex()}
    if isinstance(value, list):
        return [to_json(one) for one in value]
    if isinstance(value, dict):
        return {"map": [[key, to_json(one)] for key, one in value.items()]}
    return value


def own_device(value: Json) -> keys.OwnDevice:
    return keys.OwnDevice(
        ids.AccountId(unhex(value["account"])),
        ids.DeviceId(unhex(value["device"])),
        unhex(value["account_key"]),
        primitives.SigningKey.from_seed(unhex(value["signing_seed"])),
        primitives.DhKey.from_private(unhex(value["identity_private"])),
    )


def private_prekey(value: Json) -> prekeys.PrivatePrekey:
    label = prekeys.read_label(value["label"])
    private = Secret(unhex(value["private"]))
    if label in (prekeys.SPK, prekeys.OPK):
        public = primitives.DhKey.from_private(private).public
    else:
        public = kem.public_key(private)
    return prekeys.PrivatePrekey(label, value["key_id"], value["created"], private, public)
