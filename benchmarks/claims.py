"""Prekey claims a second through the service, from several threads, on the configured database; none twice.

A fresh database is made beside the configured one and dropped at the end. Two runs: threads that claim from devices at
random, and threads that all want the same device at the same time. The ratio says what the crowd costs.
"""

# ruff: noqa: E402  # Django has to be set up before anything of ours is imported.
from __future__ import annotations

import argparse
import json
import os
import random
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "messenger.settings")
os.environ.setdefault("DATABASE_POOL", "32")  # every thread holds a connection
os.environ.setdefault("CLAIM_BURST", "1000000000")  # the database is measured, not the limit of a pair

import django

django.setup()

from django.db import connection

from accounts.models import Device, User
from keys import services
from keys.values import Bundle, Target
from keys.verify import SignedObject
from messenger.lib.clock import now_ms
from messenger.lib.ids import new_id
from messenger_client.protocol import cbor, device_list, form, prekeys
from messenger_client.protocol.ids import AccountId, DeviceId
from messenger_client.protocol.keys import OwnDevice, generate_account_key

KEYS_A_DEVICE = 100  # what a client uploads at once
DEVICES_AN_ACCOUNT = 10


@dataclass(frozen=True)
class Measured:
    """One run. Latencies are in milliseconds."""

    run: str
    database: str
    threads: int
    claims: int
    claims_per_second: float
    latency_p50_ms: float
    latency_p99_ms: float
    bundles: int
    one_time_keys: int
    last_resort: int
    given_twice: int


@contextmanager
def fresh_database() -> Iterator[None]:
    """A database of its own, so that nobody's keys are taken."""
    name = connection.settings_dict["NAME"]
    connection.creation.create_test_db(verbosity=0, autoclobber=True)
    try:
        yield
    finally:
        connection.creation.destroy_test_db(name, verbosity=0)


def _signed(data: bytes) -> SignedObject:
    payload, signature = form.array(cbor.decode(data), 2)
    return SignedObject(form.any_octets(payload), form.any_octets(signature))


def _account(name: str, devices: int) -> tuple[list[Device], list[OwnDevice]]:
    """An account with that many listed devices."""
    user = User.objects.create(username=name, email=f"{name}@example.org")
    account_key = generate_account_key()
    ids = [new_id() for _ in range(devices)]
    account = AccountId(user.pk.bytes)
    own = [OwnDevice.generate(account, DeviceId(one.bytes), account_key.public) for one in ids]
    rows = [
        Device.objects.create(pk=pk, user=user, name="device", platform="bench", signing_key=keys.signing.public)
        for pk, keys in zip(ids, own, strict=True)
    ]
    now = now_ms()
    entries = [device_list.listed(keys, added=now) for keys in own]
    made = device_list.sign_list(account_key, account, entries, previous=None, now=now)
    services.publish_device_list(by=rows[0], signed=_signed(made.signed), now=now)
    return rows, own


def _publish(row: Device, own: OwnDevice) -> float:
    """Give a device all of its prekeys; the seconds that the service took for them."""
    now = now_ms()
    counts: tuple[tuple[prekeys.PrekeyLabel, int], ...] = (
        (prekeys.SPK, 1),
        (prekeys.KLR, 1),
        (prekeys.OPK, KEYS_A_DEVICE),
        (prekeys.OKPK, KEYS_A_DEVICE),
    )
    spk, klr, opk, okpk = (
        [
            SignedObject(one.signed.payload, one.signed.signature)
            for one in prekeys.generate_prekeys(own, label, first_id=1, count=count, now=now)
        ]
        for label, count in counts
    )
    started = time.perf_counter()
    services.publish_prekeys(by=row, now=now, signed_prekey=spk[0], last_resort=klr[0], one_time=opk, one_time_kem=okpk)
    return time.perf_counter() - started


def _targets(run: str, claims: int) -> list[Target]:
    """Devices with prekeys for that many claims, each named as often as it has keys, in the order of the run."""
    devices = -(-claims // KEYS_A_DEVICE)
    targets: list[Target] = []
    for first in range(0, devices, DEVICES_AN_ACCOUNT):
        rows, own = _account(f"{run}-{first}", min(DEVICES_AN_ACCOUNT, devices - first))
        for row, keys in zip(rows, own, strict=True):
            _publish(row, keys)
            targets += [Target(row.user_id, row.pk)] * KEYS_A_DEVICE
    if run == "spread":
        random.Random(1).shuffle(targets)  # an order, not a secret
    return targets[:claims]


def _key_ids(bundle: Bundle) -> Iterator[tuple[Target, str, int]]:
    for label, signed in (("opk", bundle.one_time), (bundle.kem_label, bundle.kem)):
        if signed and label in prekeys.ONE_TIME:
            yield bundle.target, label, form.unsigned(form.array(cbor.decode(signed.payload), 5)[2])


def measure(run: str, *, threads: int, claims: int) -> Measured:
    """Claim `claims` bundles, one a call, from `threads` threads that each speak for a device of their own."""
    targets = _targets(run, claims)
    claimers = [_account(f"{run}-claimer-{number}", 1)[0][0] for number in range(threads)]

    def work(number: int) -> list[tuple[float, Bundle | None]]:
        done = []
        try:
            for target in targets[number::threads]:
                started = time.perf_counter()
                claimed = services.claim(by=claimers[number], targets=[target], now=now_ms())
                done.append((time.perf_counter() - started, claimed.bundles[0] if claimed.bundles else None))
        finally:
            connection.close()
        return done

    with ThreadPoolExecutor(threads) as pool:
        started = time.perf_counter()
        done = [one for some in pool.map(work, range(threads)) for one in some]
        seconds = time.perf_counter() - started
    latencies = sorted(latency for latency, _ in done)
    bundles = [bundle for _, bundle in done if bundle]
    given = Counter(key for bundle in bundles for key in _key_ids(bundle))
    return Measured(
        run=run,
        database=connection.vendor,
        threads=threads,
        claims=claims,
        claims_per_second=round(claims / seconds, 1),
        latency_p50_ms=round(latencies[len(latencies) // 2] * 1000, 2),
        latency_p99_ms=round(latencies[len(latencies) * 99 // 100] * 1000, 2),
        bundles=len(bundles),
        one_time_keys=sum(given.values()),
        last_resort=sum(bundle.kem_label == prekeys.KLR for bundle in bundles),
        given_twice=sum(count > 1 for count in given.values()),
    )


def main(argv: Sequence[str]) -> int:
    """Print what was measured. 1 if a one-time key was given out twice or a claim got nothing, else 0."""
    options = argparse.ArgumentParser(prog="claims", description=__doc__)
    options.add_argument("--json", action="store_true", help="one object a line")
    options.add_argument("--threads", type=int, default=8)
    options.add_argument("--claims", type=int, default=1000)
    chosen = options.parse_args(argv)
    with fresh_database():
        row, own = _account("publisher", 1)
        publish_seconds = _publish(row[0], own[0])
        runs = [measure(run, threads=chosen.threads, claims=chosen.claims) for run in ("spread", "one device")]
    ratio = runs[1].claims_per_second / runs[0].claims_per_second
    published = (2 * KEYS_A_DEVICE + 2) / publish_seconds
    for measured in runs:
        if chosen.json:
            print(json.dumps(vars(measured)))
            continue
        print(
            f"{measured.run:<11} {measured.database}, {measured.threads} threads: "
            f"{measured.claims_per_second:,.0f} claims/s, p50 {measured.latency_p50_ms} ms, "
            f"p99 {measured.latency_p99_ms} ms; {measured.one_time_keys} one-time keys, "
            f"{measured.given_twice} twice, {measured.last_resort} last-resort"
        )
    if chosen.json:
        print(json.dumps({"run": "summary", "crowd_ratio": round(ratio, 3), "prekeys_per_second": round(published, 1)}))
    else:
        print(f"one device against spread: {ratio:.2f}")
        print(f"publishing: {published:,.0f} prekeys/s, verified and stored, one device")
    return int(any(one.given_twice or one.bundles != one.claims for one in runs))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
