"""What the protocol core does a second, in memory and on one core. No store, no network.

A steady session is the common case: one side writes, the other reads, in order, in chains that carry no KEM values.
The other figures say what the rare steps cost: a new chain each message, a KEM step, a late message, a first contact.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from messenger_client.protocol import body, content, device_list, kem, keys, prekeys, safety_number, session
from messenger_client.protocol.ids import AccountId, DeviceId, MessageId

NOW = 1_750_000_000_000
SECONDS = 1.0  # of measuring, a figure
BATCH = 500


@dataclass(frozen=True)
class Figure:
    """How often something was done a second."""

    name: str
    per_second: float

    @property
    def microseconds(self) -> float:
        return 1_000_000 / self.per_second


@dataclass
class Side:
    """One device of an account of its own, with its prekeys, as a store would hold them."""

    name: bytes
    privates: dict[tuple[str, int], prekeys.PrivatePrekey] = field(default_factory=dict)
    lists: dict[bytes, device_list.DeviceList] = field(default_factory=dict)

    def __post_init__(self) -> None:
        key = keys.generate_account_key()
        self.own = keys.OwnDevice.generate(AccountId(self.name * 16), DeviceId(self.name * 16), key.public)
        entries = [device_list.listed(self.own, added=NOW)]
        self.list = device_list.sign_list(key, self.own.account, entries, previous=None, now=NOW)
        for label in (prekeys.SPK, prekeys.KLR):
            (made,) = prekeys.generate_prekeys(self.own, label, first_id=1, count=1, now=NOW)
            self.privates[label, 1] = made.private
            if label == prekeys.SPK:
                self.spk = made.signed
            else:
                self.klr = made.signed

    def bundle(self) -> prekeys.Bundle:
        return prekeys.Bundle(self.own.account, self.own.device, self.spk, None, prekeys.KLR, self.klr)

    def private_prekey(self, label: str, key_id: int) -> prekeys.PrivatePrekey | None:
        return self.privates.get((label, key_id))

    def psk(self, psk_id: bytes) -> None:
        return None

    def has_seen_ek(self, ek_hash: bytes) -> bool:
        return False

    def list_named(self, account: AccountId, list_hash: bytes) -> device_list.DeviceList | None:
        return self.lists.get(account)

    def newest_list(self, account: AccountId) -> device_list.DeviceList | None:
        return self.lists.get(account)


class Talk:
    """Two sides with a session in which all first KEM steps are done."""

    def __init__(self) -> None:
        self.a, self.b = Side(b"a"), Side(b"b")
        for side, other in ((self.a, self.b), (self.b, self.a)):
            side.lists = {side.own.account: side.list, other.own.account: other.list}
        self.sealed = content.seal(self.text())
        self.pair_a = session.Pair(self.b.own.account, self.b.own.device)
        self.pair_b = session.Pair(self.a.own.account, self.a.own.device)
        self.pair_a, _ = self.pair_a.add(self.start())
        for _ in range(2):
            self.there()
            self.back()

    def text(self) -> content.Content:
        return content.Content(
            NOW,
            MessageId(b"m" * 16),
            content.private_conversation(self.a.own.account, self.b.own.account),
            body.Text("A sentence of about the length that people write, padded to 256 bytes."),
            content.Heads(self.a.list.hash, self.b.list.hash),
            1,
        )

    def start(self) -> session.Session:
        verified = prekeys.verify_bundle(
            self.b.bundle(), self.b.list, self.b.own.device, prekeys.SeenPrekeys(), now=NOW
        )
        return session.start_session(self.a.own, self.a.list, verified, now=NOW)

    def write(self) -> bytes:
        sent = session.encrypt(self.pair_a, self.sealed, now=NOW)
        self.pair_a = sent.pair
        return sent.wire

    def read(self, wire: bytes) -> None:
        envelope = session.Envelope(self.a.own.account, self.a.own.device, wire)
        received = session.receive(self.b.own, self.pair_b, envelope, self.b, now=NOW)
        if received.failure is not None:
            raise received.failure
        self.pair_b = received.pair

    def there(self) -> None:
        self.read(self.write())

    def back(self) -> None:
        sent = session.encrypt(self.pair_b, self.sealed, now=NOW)
        self.pair_b = sent.pair
        envelope = session.Envelope(self.b.own.account, self.b.own.device, sent.wire)
        self.pair_a = session.receive(self.a.own, self.pair_a, envelope, self.a, now=NOW).pair


def measure(name: str, work: Callable[[], object], *, times: int = 1) -> Figure:
    """Call `work`, which does its thing `times` times, for about a second."""
    work()
    rounds, begun = 0, time.perf_counter()
    while (spent := time.perf_counter() - begun) < SECONDS:
        work()
        rounds += 1
    return Figure(name, rounds * times / spent)


def measure_reading(name: str, talk: Talk, *, backwards: bool = False) -> Figure:
    """Reading alone: the messages are written while the clock stands."""
    spent, count = 0.0, 0
    while spent < SECONDS:
        wires = [talk.write() for _ in range(BATCH)]
        if backwards:
            wires.reverse()
        begun = time.perf_counter()
        for wire in wires:
            talk.read(wire)
        spent += time.perf_counter() - begun
        count += BATCH
    return Figure(name, count / spent)


def measure_first_messages(talk: Talk) -> Figure:
    def first() -> None:
        pair, _ = session.Pair(talk.b.own.account, talk.b.own.device).add(talk.start())
        wire = session.encrypt(pair, talk.sealed, now=NOW).wire
        empty = session.Pair(talk.a.own.account, talk.a.own.device)
        envelope = session.Envelope(talk.a.own.account, talk.a.own.device, wire)
        session.receive(talk.b.own, empty, envelope, talk.b, now=NOW)

    return measure("first contact: verify a bundle, start, write, read", first)


def run() -> list[Figure]:
    talk, writing, turns = Talk(), Talk(), Talk()
    seed = b"s" * kem.SEED_SIZE

    def there_and_back() -> None:
        turns.there()
        turns.back()

    made = talk.pair_a.sessions[0]
    kept = made.to_bytes()
    return [
        measure("seal a content", lambda: content.seal(talk.text())),
        measure("encrypt in a session", writing.write),
        measure_reading("decrypt in a session", Talk()),
        measure_reading("decrypt in a session, each batch backwards", Talk(), backwards=True),
        measure("there and back, two new chains", there_and_back),
        measure_first_messages(talk),
        measure("session to bytes", made.to_bytes),
        measure("session from bytes", lambda: session.Session.from_bytes(kept)),
        measure("ML-KEM-768 key from its seed", lambda: kem.public_key(seed)),
        measure("one-time ML-KEM prekey", lambda: prekeys.generate_prekeys(
            talk.a.own, prekeys.OKPK, first_id=1, count=10, now=NOW), times=10),
        measure("check a device list", lambda: device_list.open_list(talk.a.list.signed)),
        measure("safety number", lambda: safety_number.safety_number(
            talk.a.own.account, talk.a.own.account_key, talk.b.own.account, talk.b.own.account_key)),
    ]  # fmt: skip


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--json", action="store_true", help="one JSON object per line")
    options = parser.parse_args(arguments)
    for figure in run():
        if options.json:
            row = {"name": figure.name, "per_second": round(figure.per_second, 1)}
            sys.stdout.write(json.dumps(row) + "\n")
        else:
            sys.stdout.write(f"{figure.name:52}{figure.per_second:12,.0f} /s {figure.microseconds:10,.1f} µs\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
