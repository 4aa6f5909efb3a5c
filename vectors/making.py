"""What the generators of test vectors share: repeatable randomness, files of cases, and the cast."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import run

from messenger_client.protocol import (
    body,
    content,
    device_list,
    ids,
    kem,
    keys,
    prekeys,
    primitives,
)
from messenger_client.protocol.prekeys import PrekeyLabel

NOW = 1_750_000_000_000
RECORDED = run.FOLDER / "encapsulations.json"

Json = Any


class Encapsulations:
    """The recorded encapsulations, by the name of their place."""

    def __init__(self) -> None:
        self.known: dict[str, dict[str, str]] = json.loads(RECORDED.read_text()) if RECORDED.exists() else {}
        self.used: dict[str, dict[str, str]] = {}

    def at(self, place: str, public: bytes) -> tuple[bytes, bytes]:
        public_hash = hashlib.sha256(public).hexdigest()
        entry = self.known.get(place)
        if entry is None or entry["ek_sha256"] != public_hash:
            ct, ss = kem.encapsulate(public)
            entry = {"ek_sha256": public_hash, "ct": ct.hex(), "ss": ss.hex()}
        self.used[place] = entry
        return bytes.fromhex(entry["ct"]), bytes.fromhex(entry["ss"])

    def save(self) -> None:
        write(RECORDED.name, self.used)


ENCAPSULATIONS = Encapsulations()


class Recorder:
    """Randomness that follows from a name, written down as it is drawn."""

    def __init__(self, name: str) -> None:
        self.name, self.count = name, 0
        self.draws: dict[str, list[Any]] = {}

    def random(self, size: int) -> bytes:
        self.count += 1
        data = hashlib.shake_256(f"{self.name}/{self.count}".encode()).digest(size)
        self.draws.setdefault({16: "secrets", 24: "nonces", 32: "keys", 64: "kem_seeds"}[size], []).append(data.hex())
        return data

    def encapsulate(self, public: bytes) -> tuple[bytes, bytes]:
        kem.check_public_key(public)
        self.count += 1
        ct, ss = ENCAPSULATIONS.at(f"{self.name}/{self.count}", public)
        self.draws.setdefault("encapsulations", []).append({"ct": ct.hex(), "ss": ss.hex()})
        return ct, ss


def named(name: str, size: int = 16) -> bytes:
    return hashlib.shake_256(name.encode()).digest(size)


def flipped(data: str, place: int) -> str:
    """Hexadecimal with one bit of one byte changed."""
    changed = bytearray.fromhex(data)
    changed[place] ^= 1
    return changed.hex()


def write(name: str, value: Json) -> None:
    (run.FOLDER / name).write_text(json.dumps(value, indent=1, ensure_ascii=False) + "\n")


class File:
    """One vector file. Each case is run once; its result must be the kind of result that was meant."""

    def __init__(self, name: str, about: str) -> None:
        self.name, self.about, self.cases = name, about, list[Json]()

    def add(self, case: str, op: str, fails: str | None = None, **given: Json) -> Json:
        got = run.outcome(op, given)
        self.check(case, got, fails)
        self.cases.append({"name": case, "op": op, "in": given, "expect": got})
        return got

    def check(self, case: str, got: Json, fails: str | None) -> None:
        if (got if isinstance(got, str) else None) != fails:
            raise SystemExit(f"{self.name}, {case}: meant {fails or 'a result'}, got {str(got)[:200]}")

    def save(self) -> None:
        names = [case["name"] for case in self.cases]
        if len(set(names)) != len(names):
            raise SystemExit(f"{self.name}: two cases of one name")
        write(self.name, {"version": 1, "about": self.about, "cases": self.cases})


# The cast


class Device:
    """A device of the vectors, as a value and as JSON."""

    def __init__(self, name: str, account: Account, device: str | None = None) -> None:
        self.name, self.account = name, account
        self.own = keys.OwnDevice(
            account.id,
            ids.DeviceId(named(device or name)),
            account.key.public,
            primitives.SigningKey.from_seed(named(f"{name} DSK", 32)),
            primitives.DhKey.from_private(named(f"{name} IK", 32)),
        )
        self.made: dict[tuple[str, int], prekeys.Prekey] = {}
        for label in (prekeys.SPK, prekeys.KLR):
            self.make(label, 1)
        for label in (prekeys.OPK, prekeys.OKPK):
            for key_id in (1, 2, 3):
                self.make(label, key_id)

    def make(self, label: PrekeyLabel, key_id: int, created: int = NOW) -> prekeys.SignedPrekey:
        entropy = Recorder(f"{self.name} {label} {key_id} {created}")
        (made,) = prekeys.generate_prekeys(self.own, label, first_id=key_id, count=1, now=created, entropy=entropy)
        self.made.setdefault((label, key_id), made)
        return made.signed

    def signed(self, label: PrekeyLabel, key_id: int = 1) -> prekeys.SignedPrekey:
        return self.made[label, key_id].signed

    def bundle(self, number: int | None = 1, kem_label: PrekeyLabel = prekeys.OKPK) -> prekeys.Bundle:
        return prekeys.Bundle(
            self.own.account,
            self.own.device,
            self.signed(prekeys.SPK),
            None if number is None else self.signed(prekeys.OPK, number),
            kem_label,
            self.signed(kem_label, (number or 1) if kem_label == prekeys.OKPK else 1),
        )

    def own_json(self) -> Json:
        return {
            "account": self.own.account.hex(),
            "device": self.own.device.hex(),
            "account_key": self.own.account_key.hex(),
            "signing_seed": bytes(self.own.signing.seed).hex(),
            "identity_private": bytes(self.own.identity.private).hex(),
        }

    def private_json(self, label: str, key_id: int) -> Json:
        one = self.made[label, key_id].private
        return {"label": label, "key_id": key_id, "created": one.created, "private": bytes(one.private).hex()}

    def party_json(self, *lists: list[device_list.DeviceList], psks: tuple[bytes, ...] = ()) -> Json:
        return {
            **self.own_json(),
            "prekeys": [self.private_json(label, key_id) for label, key_id in self.made],
            "psks": [one.hex() for one in psks],
            "lists": [[one.signed.hex() for one in chain] for chain in lists],
        }


class Account:
    def __init__(self, name: str, key: str | None = None) -> None:
        self.name = name
        self.id = ids.AccountId(named(name))
        self.key = primitives.SigningKey.from_seed(named(f"{key or name} AK", 32))
        self.lists: list[device_list.DeviceList] = []

    def publish(self, *devices: Device, now: int = NOW) -> device_list.DeviceList:
        previous = self.lists[-1] if self.lists else None
        entries = [device_list.listed(one.own, added=now) for one in devices]
        self.lists.append(device_list.sign_list(self.key, self.id, entries, previous=previous, now=now))
        return self.lists[-1]


def a_text(words: str, sender: Account, other: Account, counter: int = 1) -> content.Content:
    return content.Content(
        NOW,
        ids.MessageId(named(f"message {words}")),
        content.private_conversation(sender.id, other.id),
        body.Text(words),
        content.Heads(sender.lists[-1].hash, other.lists[-1].hash),
        counter,
    )


def a_padded(words: str, sender: Account, other: Account) -> bytes:
    return bytes(content.seal(a_text(words, sender, other), Recorder(f"fk {words}")).padded)
