"""Makes the test vectors: `python vectors/generate.py`. The same files come out every time.

Randomness follows from the names of the cases. ML-KEM encapsulation is the library's own and random: its results are
kept in `encapsulations.json` and used again, so that running this anew changes only what has changed.
"""

from __future__ import annotations

from dataclasses import replace

import conversations
import groups
import linking
import run
import sender_keys
from making import ENCAPSULATIONS, NOW, Account, Device, File, Json, Recorder, a_text, flipped, named, write

from messenger_client.protocol import (
    account_data,
    body,
    cbor,
    content,
    device_list,
    device_proof,
    form,
    ids,
    kem,
    limits,
    padding,
    prekeys,
    primitives,
    sender_key,
)
from messenger_client.protocol.wire import Init


def make_cbor() -> File:
    file = File("cbor.json", "Deterministic CBOR (PROTOCOL.md, Encoding): what decodes, and what does not.")
    good: list[tuple[str, Json]] = [
        ("zero", 0),
        ("twenty-three", 23),
        ("twenty-four", 24),
        ("256", 256),
        ("65536", 65536),
        ("2^32", 2**32),
        ("2^53-1", 2**53 - 1),
        ("true", True),
        ("false", False),
        ("null", None),
        ("empty byte string", b""),
        ("bytes", bytes(range(30))),
        ("empty text", ""),
        ("text beyond ASCII", "grüße 👋 \u0000"),
        ("empty array", []),
        ("empty map", {}),
        ("mixed array", [1, b"\x01", "1", True, None, [2]]),
        ("map with keys of several lengths", {0: 1, 23: 2, 24: 3, 255: 4, 256: 5}),
        ("nested maps", {1: {2: {3: b"deep"}}}),
    ]
    deep: Json = []
    for _ in range(15):
        deep = [deep]
    for name, value in [*good, ("depth 16", deep)]:
        file.add(name, "cbor", data=cbor.encode(value).hex())
    for name, data in {
        "no bytes": "",
        "integer longer than needed": "1817",
        "small integer in eight bytes": "1b0000000000000001",
        "byte string length longer than needed": "580141",
        "text length longer than needed": "780161",
        "array length longer than needed": "9800",
        "map length longer than needed": "b800",
        "indefinite array": "9f01ff",
        "indefinite map": "bf0101ff",
        "indefinite byte string": "5f4101ff",
        "indefinite text": "7f6161ff",
        "key twice": "a201010102",
        "keys unsorted": "a202010101",
        "longer key before a shorter one": "a21818010101",
        "text key": "a1616101",
        "byte string key": "a1416101",
        "negative key": "a12001",
        "true as a key": "a1f501",
        "array as a key": "a1810101",
        "half float": "f93c00",
        "single float": "fa3f800000",
        "double float": "fb3ff0000000000000",
        "tag 0": "c074323032352d30312d30315430303a30303a30305a",
        "tag 1": "c101",
        "tag 2": "c24101",
        "tag 4": "c4820001",
        "tag 28": "d81c80",
        "tag 258": "d9010280",
        "tag 55799": "d9d9f701",
        "bytes after the end": "0000",
        "negative integer": "20",
        "2^53": "1b0020000000000000",
        "2^64-1": "1bffffffffffffffff",
        "undefined": "f7",
        "simple value 16": "f0",
        "simple value 32": "f820",
        "false in two bytes": "f814",
        "lone high surrogate": "63eda080",
        "lone low surrogate": "63edb080",
        "invalid utf-8": "62c328",
        "overlong utf-8": "62c080",
        "cut off array": "8201",
        "cut off map": "a101",
        "cut off byte string": "4401",
        "huge array": "9bffffffffffffffff",
        "huge byte string": "5bffffffffffffffff",
        "break alone": "ff",
        "reserved additional information": "1c",
        "depth 17 in arrays": "81" * 16 + "80",
        "depth 17 in maps": "a101" * 16 + "a0",
        "depth 1000": "81" * 1000 + "01",
    }.items():
        file.add(name, "cbor", "malformed", data=data)
    return file


def make_primitives() -> File:
    file = File("primitives.json", "Padding, X25519, labelled signatures, cseal, ML-KEM (PROTOCOL.md, Encoding).")
    for size in (0, 1, 255, 256, 271, 272, 1000):
        data = named("padding", size)
        file.add(f"pad {size} bytes", "pad", data=data.hex())
        file.add(f"unpad to {size} bytes", "unpad", padded=padding.pad(data).hex())
    for name, padded in {
        "nothing": b"",
        "no mark": bytes(256),
        "another mark": b"\x81" + bytes(255),
        "a byte after the zeros": b"\x80" + bytes(254) + b"\x01",
        "shorter than 256": b"\x80" + bytes(254),
        "between two lengths": b"\x80" + bytes(264),
        "a length too many": b"\x80" + bytes(271),
        "mark in the last byte of a wrong length": b"a" * 256 + b"\x80",
    }.items():
        file.add(f"unpad: {name}", "unpad", "malformed", padded=padded.hex())
    private = named("x25519 private", 32)
    public = primitives.DhKey.from_private(named("x25519 peer", 32)).public
    file.add("x25519", "x25519", private=private.hex(), public=public.hex())
    for name, u in {
        "0": 0,
        "1": 1,
        "p-1": 2**255 - 20,
        "p": 2**255 - 19,
        "p+9, which is the base point unreduced": 2**255 - 10,
        "2^255-1": 2**255 - 1,
        "the base point with the high bit": 2**255 + 9,
        "order 8": 325606250916557431795983626356110631294008115727848805560023387167927233504,
    }.items():
        point = u.to_bytes(32, "little").hex()
        file.add(f"x25519 refuses u = {name}", "x25519", "bad_key", private=private.hex(), public=point)
    key = primitives.SigningKey.from_seed(named("signing seed", 32))
    for label in ("spk", "klr", "opk", "okpk", "devlist", "devbind", "session", "groupop", "skmsg", "join"):
        message = named(f"message under {label}", 20)
        signed = file.add(f"sign as {label}", "sign", seed=bytes(key.seed).hex(), label=label, message=message.hex())
        given = {"public": key.public.hex(), "message": message.hex(), "signature": signed["signature"]}
        file.add(f"verify as {label}", "verify", label=label, **given)
        other = "opk" if label == "spk" else "spk"
        file.add(f"{label} is not {other}", "verify", "bad_signature", label=other, **given)
    good = {"public": key.public.hex(), "label": "spk", "message": "00", "signature": key.sign("spk", b"\0").hex()}
    order = 2**252 + 27742317777372353535851937790883648493
    large_s = int.from_bytes(bytes.fromhex(good["signature"])[32:], "little") + order
    for name, change in {
        "another message": {"message": "01"},
        "a changed signature": {"signature": flipped(good["signature"], 0)},
        "s not below the order": {"signature": good["signature"][:64] + large_s.to_bytes(32, "little").hex()},
        "a short signature": {"signature": good["signature"][:-2]},
        "a long signature": {"signature": good["signature"] + "00"},
        "a short key": {"public": good["public"][:-2]},
        "a key of order 1": {"public": "01" + "00" * 31, "signature": "01" + "00" * 63},
        "a key of order 2": {"public": "ec" + "ff" * 30 + "7f", "signature": "01" + "00" * 63},
        "a key of order 4": {"public": "00" * 32, "signature": "01" + "00" * 63},
        "a key of order 8": {
            "public": "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
            "signature": "01" + "00" * 63,
        },
        "a non-canonical key": {"public": "ee" + "ff" * 30 + "7f", "signature": "01" + "00" * 63},
    }.items():
        file.add(f"verify: {name}", "verify", "bad_signature", **{**good, **change})
    sealing = {"key": named("cseal key", 32).hex(), "label": "dr", "ad": "616400"}
    for size in (0, 1, 256):
        plaintext = named("plaintext", size).hex()
        nonce = named(f"nonce {size}", 24).hex()
        sealed = file.add(f"cseal {size} bytes", "cseal", **sealing, plaintext=plaintext, nonce=nonce)["sealed"]
        file.add(f"copen {size} bytes", "copen", **sealing, sealed=sealed)
    for name, change in {
        "another key": {"key": named("another key", 32).hex()},
        "another label": {"label": "sk"},
        "other associated data": {"ad": "616401"},
        "a changed nonce": {"sealed": flipped(sealed, 0)},
        "a changed commitment": {"sealed": flipped(sealed, 24)},
        "a changed ciphertext": {"sealed": flipped(sealed, 56)},
        "a changed tag": {"sealed": flipped(sealed, -1)},
        "71 bytes": {"sealed": sealed[:142]},
        "no bytes": {"sealed": ""},
    }.items():
        file.add(f"copen: {name}", "copen", "undecryptable", **{**sealing, "sealed": sealed, **change})
    seed = named("kem seed", 64)
    ct, _ = ENCAPSULATIONS.at("primitives", kem.public_key(seed))
    file.add("ML-KEM decapsulates", "decapsulate", seed=seed.hex(), ct=ct.hex())
    file.add("ML-KEM rejects implicitly", "decapsulate", seed=seed.hex(), ct=flipped(ct.hex(), 0))
    file.add("ML-KEM refuses a short ciphertext", "decapsulate", "malformed", seed=seed.hex(), ct=ct.hex()[2:])
    ek = kem.public_key(seed)
    file.add("an ML-KEM key", "check_ek", ek=ek.hex())
    file.add("a coefficient of 3329", "check_ek", "bad_key", ek=(b"\x01" + bytes([ek[1] & 0xF0 | 0xD]) + ek[2:]).hex())
    file.add("a short ML-KEM key", "check_ek", "bad_key", ek=ek[1:].hex())
    return file


def relisted(owner: Account, /, **changes: Json) -> bytes:
    """The newest list with changed fields, signed all the same."""
    newest = owner.lists[-1]
    names = ("kind", "account", "account_key", "seq", "previous", "time", "devices")
    rows = [[d.device, d.signing_key, d.identity_key, d.added, 0, d.bind] for d in newest.devices]
    fields = ["devlist", newest.account, newest.account_key, newest.seq, newest.previous, newest.time, rows]
    payload = cbor.encode([changes.get(name, value) for name, value in zip(names, fields, strict=True)])
    return cbor.encode([payload, owner.key.sign("devlist", payload)])


def make_device_list() -> File:
    file = File("device_list.json", "Signed device lists and their chain (PROTOCOL.md, Keys and the device list).")
    alice, charlie = Account("alice"), Account("charlie")
    phone, tablet = Device("alice's phone", alice), Device("alice's tablet", alice)
    outside = Device("charlie's phone", charlie)
    first = alice.publish(phone)
    second = alice.publish(phone, tablet, now=NOW + 1)
    third = alice.publish(phone, now=NOW + 2)
    charlies = charlie.publish(outside)

    def signing(previous: device_list.DeviceList | None, *devices: Device) -> Json:
        return {
            "account_seed": bytes(alice.key.seed).hex(),
            "account": alice.id.hex(),
            "devices": [{**one.own_json(), "added": NOW} for one in devices],
            "previous": None if previous is None else previous.signed.hex(),
            "now": NOW,
        }

    file.add("sign a first list", "sign_list", **signing(None, phone))
    file.add("sign a second list of two devices", "sign_list", **signing(first, tablet, phone))
    file.add("sign an empty list", "sign_list", **signing(first))
    for name, one in {"a first list": first, "two devices": second, "a third list": third}.items():
        file.add(f"open {name}", "open_list", signed=one.signed.hex())
    row = [tablet.own.device, tablet.own.signing.public, tablet.own.identity.public, NOW, 0]
    bind = device_list.bind_device(tablet.own)
    malformed: dict[str, Json] = {
        "another kind": {"kind": "devlisT"},
        "kind as bytes": {"kind": b"devlist"},
        "a short account id": {"account": alice.id[1:]},
        "a short account key": {"account_key": alice.key.public[1:]},
        "seq 0": {"seq": 0},
        "seq true": {"seq": True},
        "no previous": {"previous": None},
        "time as text": {"time": "now"},
        "devices as a map": {"devices": {}},
        "caps 1": {"devices": [[*row[:4], 1, bind]]},
        "caps false": {"devices": [[*row[:4], False, bind]]},
        "a short bind": {"devices": [[*row, bind[1:]]]},
        "six fields too few": {"devices": [row]},
        "a device twice": {"devices": [[*row, bind], [*row, bind]]},
        "devices out of order": {
            "devices": [[d.device, d.signing_key, d.identity_key, d.added, 0, d.bind] for d in reversed(second.devices)]
        },
    }
    for name, change in malformed.items():
        file.add(f"open: {name}", "open_list", "malformed", signed=relisted(alice, **change).hex())
    eleven = [Device(f"device {number}", alice) for number in range(11)]
    many = sorted((device_list.listed(one.own, added=NOW) for one in eleven), key=lambda one: one.device)
    rows = [[d.device, d.signing_key, d.identity_key, d.added, 0, d.bind] for d in many]
    file.add("open: ten devices", "open_list", signed=relisted(alice, devices=rows[:10]).hex())
    file.add("open: eleven devices", "open_list", "malformed", signed=relisted(alice, devices=rows).hex())
    payload, signature = (form.any_octets(one) for one in form.array(cbor.decode(first.signed), 2))
    refused = {
        "signed by somebody else": cbor.encode([payload, charlie.key.sign("devlist", payload)]),
        "signed under another label": cbor.encode([payload, alice.key.sign("devbind", payload)]),
        "a changed signature": cbor.encode([payload, bytes([signature[0] ^ 1]) + signature[1:]]),
        "seq 1 with a previous list": relisted(alice, seq=1),
        "seq 2 with no previous list": relisted(alice, previous=bytes(32)),
        "a device that did not agree": relisted(
            alice,
            devices=[[d.device, d.signing_key, d.identity_key, d.added, 0, d.bind] for d in charlies.devices],
        ),
        "an identity key of somebody else": relisted(
            alice, devices=[[*row[:2], outside.own.identity.public, NOW, 0, bind]]
        ),
        "another device id under the same bind": relisted(alice, devices=[[named("x"), *row[1:], bind]]),
    }
    for name, signed in refused.items():
        file.add(f"open: {name}", "open_list", "list_refused", signed=signed.hex())
    file.add("open: three parts", "open_list", "malformed", signed=cbor.encode([payload, signature, 0]).hex())

    fork = device_list.sign_list(alice.key, alice.id, first.devices, previous=first, now=NOW + 9)
    beyond = device_list.sign_list(alice.key, alice.id, first.devices, previous=fork, now=NOW + 10)
    renewed = Account("alice", "alice's second")
    renewed_list = renewed.publish(Device("alice's phone", renewed))

    def chain(
        name: str,
        fails: str | None,
        pin: device_list.DeviceList | None,
        *objects: device_list.DeviceList,
        account: Account = alice,
    ) -> None:
        file.add(
            f"accept: {name}",
            "accept_lists",
            fails,
            account=account.id.hex(),
            pin=None if pin is None else pin.signed.hex(),
            objects=[one.signed.hex() for one in objects],
        )

    chain("first contact", None, None, first)
    chain("first contact in the middle of a chain", None, None, second)
    chain("first contact with a whole chain", None, None, first, second, third)
    chain("the next list", None, first, second)
    chain("two more lists", None, first, second, third)
    chain("a chain through the pin", None, second, first, second, third)
    chain("the same list again", None, second, second)
    chain("a removed device", None, second, third)
    chain("a rolled back list", "list_refused", second, first)
    chain("a rolled back chain", "list_refused", third, first, second)
    chain("a fork of the pinned list", "list_refused", second, fork)
    chain("a fork before the pin", "list_refused", second, first, fork, beyond)
    chain("the continuation of a fork", "list_refused", second, beyond)
    chain("a gap after the pin", "list_refused", first, third)
    chain("a gap in the chain", "list_refused", None, first, third)
    chain("out of order", "list_refused", None, second, first)
    chain("no lists", "list_refused", first)
    chain("another account's list", "list_refused", None, charlies)
    chain("a new account key", "identity_changed", second, renewed_list)
    chain("a chain of two account keys", "list_refused", first, second, renewed_list)
    given = {"pin": second.signed.hex(), "objects": [renewed_list.signed.hex()]}
    file.add("acknowledge a new account key", "acknowledge_identity", account_key=renewed.key.public.hex(), **given)
    file.add(
        "acknowledge another account key than there is",
        "acknowledge_identity",
        "identity_changed",
        account_key=charlie.key.public.hex(),
        **given,
    )
    return file


def make_prekeys() -> File:
    file = File("prekeys.json", "Prekeys and bundles (PROTOCOL.md, Keys and the device list).")
    alice, bob = Account("alice"), Account("bob")
    phone, tablet, bobs = Device("alice's phone", alice), Device("alice's tablet", alice), Device("bob's phone", bob)
    alice.publish(phone, tablet)
    newest = bob.publish(bobs)
    for label in (prekeys.SPK, prekeys.KLR, prekeys.OPK, prekeys.OKPK):
        private = bobs.private_json(label, 1)["private"]
        given = {"own": bobs.own_json(), "label": label, "key_id": 1, "created": NOW, "private": private}
        file.add(f"sign {label}", "sign_prekey", **given)

    def claim(
        name: str,
        fails: str | None,
        bundle: prekeys.Bundle | bytes,
        *,
        device: Device = bobs,
        one: device_list.DeviceList = newest,
        spk: int = 0,
        klr: int = 0,
        now: int = NOW,
    ) -> None:
        file.add(
            name,
            "verify_bundle",
            fails,
            bundle=(bundle if isinstance(bundle, bytes) else bundle.to_bytes()).hex(),
            list=one.signed.hex(),
            device=device.own.device.hex(),
            seen={"spk": spk, "klr": klr},
            now=now,
        )

    whole, last = bobs.bundle(), bobs.bundle(None, prekeys.KLR)
    claim("one-time keys of both kinds", None, whole)
    claim("no one-time keys", None, last)
    claim("a one-time X25519 key and the last-resort key", None, bobs.bundle(1, prekeys.KLR))
    claim("a one-time ML-KEM key only", None, replace(whole, opk=None))
    claim("the same ids as seen", None, last, spk=1, klr=1)
    claim("the highest id seen stays for the kind that is not in the bundle", None, whole, klr=9)
    claim("a signed prekey rolled back", "bad_key", whole, spk=2)
    claim("a last-resort key rolled back", "bad_key", last, klr=2)
    for name, bundle in {"signed prekey": whole, "last-resort key": last}.items():
        part, label = ("spk", prekeys.SPK) if bundle is whole else ("kem_key", prekeys.KLR)
        for when, created, fails in (
            ("90 days old", NOW - limits.PREKEY_MAX_AGE, None),
            ("a millisecond older than 90 days", NOW - limits.PREKEY_MAX_AGE - 1, "bad_key"),
            ("24 hours ahead", NOW + limits.PREKEY_MAX_AHEAD, None),
            ("a millisecond more than 24 hours ahead", NOW + limits.PREKEY_MAX_AHEAD + 1, "bad_key"),
        ):
            changed = replace(bundle, **{part: bobs.make(label, 1, created)})
            claim(f"a {name} {when}", fails, changed)
    old = replace(whole, opk=bobs.make(prekeys.OPK, 1, 0), kem_key=bobs.make(prekeys.OKPK, 1, 0))
    claim("one-time keys do not expire", None, old)
    claim("a device that is not on the list", "not_listed", phone.bundle(), device=phone)
    claim("another device than asked for", "not_listed", phone.bundle())
    claim(
        "another device of the account than asked for",
        "not_listed",
        tablet.bundle(),
        device=phone,
        one=alice.lists[-1],
    )
    for part in ("spk", "opk", "kem_key"):
        claim(
            f"{part} of another device",
            "bad_signature",
            replace(whole, **{part: getattr(phone.bundle(), part)}),
        )
        one: prekeys.SignedPrekey = getattr(whole, part)
        flipped = replace(one, signature=bytes([one.signature[0] ^ 1]) + one.signature[1:])
        claim(f"{part} with a changed signature", "bad_signature", replace(whole, **{part: flipped}))
        moved = cbor.encode([one.account, tablet.own.device, one.key_id, one.created, one.public])
        label = {"spk": prekeys.SPK, "opk": prekeys.OPK, "kem_key": prekeys.OKPK}[part]
        elsewhere = replace(one, device=tablet.own.device, payload=moved, signature=bobs.own.signing.sign(label, moved))
        claim(f"{part} that names another device", "bad_key", replace(whole, **{part: elsewhere}))
        weak = b"\xff" * len(one.public)
        broken = cbor.encode([one.account, one.device, one.key_id, one.created, weak])
        invalid = replace(one, public=weak, payload=broken, signature=bobs.own.signing.sign(label, broken))
        claim(f"{part} that is no key", "bad_key", replace(whole, **{part: invalid}))
    claim("opk passed off as spk", "bad_signature", replace(whole, spk=bobs.signed(prekeys.OPK)))
    claim("spk passed off as opk", "bad_signature", replace(whole, opk=bobs.signed(prekeys.SPK)))
    claim("klr passed off as okpk", "bad_signature", replace(whole, kem_key=bobs.signed(prekeys.KLR)))
    claim("okpk passed off as klr", "bad_signature", replace(last, kem_key=bobs.signed(prekeys.OKPK)))
    fields = form.array(cbor.decode(whole.to_bytes()))
    _, kem_key = form.array(fields[4], 2)
    for name, bad in {
        "no signed prekey": [fields[0], fields[1], None, *fields[3:]],
        "no kem key": [*fields[:4], None],
        "kem label spk": [*fields[:4], ["spk", kem_key]],
        "kem label as bytes": [*fields[:4], [b"okpk", kem_key]],
        "a short account id": [whole.account[1:], *fields[1:]],
        "four fields": fields[:4],
        "six fields": [*fields, None],
        "a prekey as bytes": [fields[0], fields[1], whole.spk.to_bytes(), *fields[3:]],
        "key id 0": [*fields[:2], *_one_prekey(bobs, 0), *fields[3:]],
        "key id true": [*fields[:2], *_one_prekey(bobs, True), *fields[3:]],
    }.items():
        claim(f"a bundle with {name}", "malformed", cbor.encode(bad))
    return file


def _one_prekey(device: Device, key_id: object) -> list[list[bytes]]:
    payload = cbor.encode([device.own.account, device.own.device, key_id, NOW, bytes(32)])
    return [[payload, device.own.signing.sign("spk", payload)]]


def make_pqxdh() -> File:
    file = File("pqxdh.json", "Session set-up from both sides, and the ratchet's key derivations (PROTOCOL.md).")
    alice, bob, charlie = Account("alice"), Account("bob"), Account("charlie")
    phone, bobs, charlies = (
        Device("alice's phone", alice),
        Device("bob's phone", bob),
        Device("charlie's phone", charlie),
    )
    alices, newest, charlies_list = alice.publish(phone), bob.publish(bobs), charlie.publish(charlies)
    psk = named("psk")
    for number, (name, bundle, secret) in enumerate(
        [
            ("one-time keys", bobs.bundle(), None),
            ("no one-time X25519 key", bobs.bundle(None), None),
            ("the last-resort key", bobs.bundle(1, prekeys.KLR), None),
            ("the last-resort key alone", bobs.bundle(None, prekeys.KLR), None),
            ("one-time keys and a psk", bobs.bundle(), psk),
            ("the last-resort key and a psk", bobs.bundle(None, prekeys.KLR), psk),
        ]
    ):
        recorder = Recorder(f"pqxdh {number}")
        given = {
            "own": phone.own_json(),
            "own_list_hash": alices.hash.hex(),
            "list": newest.signed.hex(),
            "device": bobs.own.device.hex(),
            "bundle": bundle.to_bytes().hex(),
            "psk": secret and secret.hex(),
            "now": NOW,
        }
        run.initiate(given, recorder)
        got = file.add(f"initiate with {name}", "initiate", **given, draws=recorder.draws)
        answering = {
            "own": bobs.own_json(),
            "list": alices.signed.hex(),
            "init": got["init"],
            "spk": bobs.private_json(prekeys.SPK, 1),
            "opk": bobs.private_json(prekeys.OPK, 1) if bundle.opk else None,
            "kem_key": bobs.private_json(bundle.kem_label, 1),
            "psk": secret and secret.hex(),
        }
        answered = file.add(f"respond with {name}", "respond", **answering)
        if answered != {key: value for key, value in got.items() if key != "init"}:
            raise SystemExit("the two sides disagree")
        if number == 0:
            first = answering
    init = Init.from_bytes(bytes.fromhex(first["init"]))
    file.add(
        "a tampered KEM ciphertext gives another session",
        "respond",
        **{**first, "init": replace(init, ct=bytes([init.ct[0] ^ 1]) + init.ct[1:]).to_bytes().hex()},
    )
    for name, point in {"0": bytes(32), "1": b"\x01" + bytes(31), "2^256-1": b"\xff" * 32}.items():
        changed = {**first, "init": replace(init, ek=point).to_bytes().hex()}
        file.add(f"an ephemeral key of {name}", "respond", "bad_key", **changed)
    file.add(
        "an init of a device that is not listed",
        "respond",
        "not_listed",
        **{**first, "list": charlies_list.signed.hex()},
    )
    value = cbor.decode(bytes.fromhex(first["init"]))
    if not isinstance(value, list):
        raise SystemExit("not an init")
    for name, fails, bad in (
        ("suite 2", "unsupported", [2, *value[1:]]),
        ("suite 2 of other fields", "unsupported", [2]),
        ("nothing in it", "malformed", []),
        ("suite true", "malformed", [True, *value[1:]]),
        ("ten fields", "malformed", value[:10]),
        ("a short account id", "malformed", [1, alice.id[1:], *value[2:]]),
        ("spk id 0", "malformed", [*value[:5], 0, *value[6:]]),
        ("kem label opk", "malformed", [*value[:7], "opk", *value[8:]]),
        ("a short ciphertext", "malformed", [*value[:9], init.ct[1:], None]),
        ("a short psk id", "malformed", [*value[:10], bytes(15)]),
    ):
        changed = {**first, "init": cbor.encode(bad).hex()}
        file.add(f"an init with {name}", "respond", fails, **changed)
    parts = {name: named(name, 32).hex() for name in ("root", "share")}
    file.add("a root step", "kdf_rk", **parts, ss=None, ct=None)
    file.add("a root step with a KEM secret", "kdf_rk", **parts, ss=named("ss", 32).hex(), ct=init.ct.hex())
    file.add("a chain step", "chain_step", chain=named("chain", 32).hex())
    return file


def make_content() -> File:
    file = File("content.json", "Contents, padding and franking, and where a content belongs (PROTOCOL.md, Content).")
    alice, bob, charlie = Account("alice"), Account("bob"), Account("charlie")
    for account in (alice, bob, charlie):
        account.publish(Device(f"{account.name}'s phone", account))
    target = ids.MessageId(named("target"))
    attachment = body.Attachment(
        named("blob"), run.Secret(named("file key", 32)), 7, named("file hash", 32), "image/png", "a.png", b"\x01"
    )
    gid = ids.GroupId(ids.ConversationId(named("gid")))
    bodies: dict[str, body.Body] = {
        "text": body.Text("hello"),
        "empty text": body.Text(""),
        "text with everything": body.Text("grüße 👋", target, (bob.id, alice.id), (attachment,), 60),
        "text with an attachment without name and thumbnail": body.Text(
            "", attachments=(replace(attachment, name=None, thumbnail=None),)
        ),
        "edit": body.Edit(target, "better"),
        "delete": body.Delete(target),
        "reaction": body.Reaction(target, "👍"),
        "reaction taken back": body.Reaction(target, "👍", removed=True),
        "timer": body.Timer(3600),
        "sender key": sender_key.SenderKey(
            gid,
            3,
            named("gsh", 32),
            ids.ChainId(named("chain")),
            7,
            run.Secret(named("CK", 32)),
            named("skmsg key", 32),
            sender_key.GroupKey(2, run.Secret(named("group key", 32))),
        ),
        "retry": body.Retry(ids.SessionId(named("session")), named("dh", 32), 7),
        "reset": body.Reset(),
        "account data": account_data.AccountData(),
        "history": account_data.History(bob.id, (), 0),
        "call": body.Opaque(body.CALL, {0: "offer"}),
    }
    text = a_text("hello", alice, bob)
    for name, one in bodies.items():
        made = replace(text, body=one, counter=0 if body.is_control(one.kind) else 3)
        data = content.encode_content(made)
        file.add(name, "content", content=data.hex())
    base = cbor.decode(content.encode_content(text))
    if not isinstance(base, dict):
        raise SystemExit("not a content")

    def changed(**changes: Json) -> str:
        fields = {**base, **{int(key.removeprefix("k")): value for key, value in changes.items()}}
        return cbor.encode({key: value for key, value in fields.items() if value is not ...}).hex()

    file.add("no list hash of the recipient", "content", content=changed(k6=[text.heads.own, None]))
    file.add("unknown keys below 16", "content", content=changed(k8=1, k15=b"x", k5={0: "hello", 15: 1}))
    for name, bad in {
        "version 2": changed(k0=2),
        "kind 0": changed(k1=0),
        "kind 12": changed(k1=12),
        "kind 99": changed(k1=99),
        "key 16": changed(k16=None),
        "key 1000": changed(k1000=0),
        "key 16 in the body": changed(k5={0: "hello", 16: 1}),
        "key 16 in an attachment": changed(k5={0: "", 3: [{**attachment.to_map(), 16: 1}]}),
    }.items():
        file.add(name, "content", "unsupported", content=bad)
    for name, bad in {
        "version as text": changed(k0="1"),
        "version true": changed(k0=True),
        "kind null": changed(k1=None),
        "sent as text": changed(k2="now"),
        "a short message id": changed(k3=bytes(15)),
        "a long conversation id": changed(k4=bytes(17)),
        "body as an array": changed(k5=[]),
        "heads of one": changed(k6=[bytes(32)]),
        "heads without the own one": changed(k6=[None, bytes(32)]),
        "a short head": changed(k6=[bytes(31), None]),
        "counter 0 for a text": changed(k7=0),
        "counter 1 for a reset": changed(k1=8, k5={}, k7=1),
        "counter true": changed(k7=True),
        **{f"no key {key}": changed(**{f"k{key}": ...}) for key in range(8)},
        "text without text": changed(k5={}),
        "text as bytes": changed(k5={0: b"hello"}),
        "reply to null": changed(k5={0: "", 1: None}),
        "a short mention": changed(k5={0: "", 2: [bytes(15)]}),
        "an empty attachment": changed(k5={0: "", 3: [{}]}),
        "expiry as text": changed(k5={0: "", 4: "60"}),
        "edit without text": changed(k1=2, k5={0: target}),
        "delete of nothing": changed(k1=3, k5={}),
        "reaction without removed": changed(k1=4, k5={0: target, 1: "x"}),
        "reaction with removed 1": changed(k1=4, k5={0: target, 1: "x", 2: 1}),
        "timer true": changed(k1=5, k5={0: True}),
        "retry without a number": changed(k1=7, k5={0: bytes(16), 1: bytes(32)}, k7=0),
        "an array": cbor.encode([1]).hex(),
        "bytes after the end": changed() + "00",
    }.items():
        file.add(name, "content", "malformed", content=bad)

    for words in ("hello", "a longer text " * 40):
        data = content.encode_content(a_text(words, alice, bob)).hex()
        fk = named(f"fk of {words}", 32).hex()
        sealed = file.add(f"seal {len(words)} characters", "seal_content", content=data, fk=fk)
        file.add(f"open {len(words)} characters", "open_padded", **sealed)
    padded, tag = sealed["padded"], sealed["tag"]
    file.add("open: another tag", "open_padded", "bad_franking", padded=padded, tag=named("tag", 32).hex())
    file.add("open: another fk", "open_padded", "bad_franking", padded=flipped(padded, 0), tag=tag)
    file.add("open: another content", "open_padded", "bad_franking", padded=flipped(padded, 40), tag=tag)
    file.add("open: longer padding", "open_padded", "bad_franking", padded=padded + "00", tag=tag)
    file.add("open: no fk", "open_padded", "malformed", padded="00" * 31, tag=tag)
    for name, plain in {
        "no padding": bytes.fromhex(padded)[:200],
        "no mark": bytes(256),
        "padding of another length": bytes.fromhex(padded) + bytes(16),
        "no content": padding.pad(named("fk", 32)),
    }.items():
        file.add(f"open: {name}", "open_padded", "malformed", padded=plain.hex(), tag=run.franking.frank(plain).hex())

    for name, one_account, other in (
        ("two accounts", alice, bob),
        ("the other way round", bob, alice),
        ("oneself", bob, bob),
    ):
        given = {"account": one_account.id.hex(), "other": other.id.hex()}
        file.add(f"conversation of {name}", "conversation_id", **given)

    def place(
        name: str, fails: str | None, one: content.Content, own: Account, sender: Account, **known: bytes
    ) -> None:
        file.add(
            f"place: {name}",
            "check_place",
            fails,
            content=content.encode_content(one).hex(),
            own=own.id.hex(),
            sender=sender.id.hex(),
            chat_with=known["chat_with"].hex() if "chat_with" in known else None,
            message_id=known["message_id"].hex() if "message_id" in known else None,
        )

    control = replace(text, body=body.Reset(), counter=0)
    own_chat = content.private_conversation(alice.id, alice.id)
    group_key = replace(control, body=bodies["sender key"], conversation=gid)
    place("a text in its chat", None, text, bob, alice)
    place("a text moved to another chat", "malformed", text, charlie, alice)
    place("a text passed off as another sender's", "malformed", text, bob, charlie)
    place("its message id", None, text, bob, alice, message_id=text.message_id)
    place("another message id", "malformed", text, bob, alice, message_id=named("x"))
    place("a copy for an own device", None, text, alice, alice, chat_with=bob.id)
    place("a copy moved to another chat", "malformed", text, alice, alice, chat_with=charlie.id)
    place("a copy without a chat", "malformed", text, alice, alice)
    place("a note to oneself", None, replace(text, conversation=own_chat), alice, alice)
    place(
        "a peer's text with a chat of somebody else",
        "malformed",
        replace(text, conversation=content.private_conversation(bob.id, charlie.id)),
        bob,
        alice,
        chat_with=charlie.id,
    )
    place("a control content", None, control, bob, alice)
    place("a control content between own devices", None, replace(control, conversation=own_chat), alice, alice)
    place("a control content between own devices in a chat", "malformed", control, alice, alice, chat_with=bob.id)
    place("a sender key carries a group's id", None, group_key, bob, alice)
    file.add(
        "the server's stamp",
        "stamp",
        key=named("Ks", 32).hex(),
        tag=tag,
        sender=alice.id.hex(),
        conversation=text.conversation.hex(),
        accepted=NOW,
    )
    return file


def make_safety_number() -> File:
    file = File("safety_number.json", "Safety numbers; the first case is libsignal's own published one.")
    alice_key = "0506863bc66d02b40d27b8d49ca7c09e9239236f9d7d25d6fcca5ce13c7064d868"
    bob_key = "05f781b6fb32fed9ba1cf2de978d4d5da28dc34046ae814402b5c0dbd96fda907b"
    one, other = (b"+14152222222".hex(), alice_key), (b"+14153333333".hex(), bob_key)
    for name, (mine, theirs) in {"libsignal, Alice": (one, other), "libsignal, Bob": (other, one)}.items():
        given = {"identifier": mine[0], "key": mine[1], "peer_identifier": theirs[0], "peer_key": theirs[1]}
        got = file.add(name, "fingerprint", **given)
        if got["digits"] != "300354477692869396892869876765458257569162576843440918079131":
            raise SystemExit("not libsignal's number")
    for a, b in (("alice", "bob"), ("bob", "alice"), ("alice", "charlie")):
        first, second = Account(a), Account(b)
        file.add(
            f"{a} and {b}",
            "safety_number",
            account=first.id.hex(),
            account_key=first.key.public.hex(),
            peer=second.id.hex(),
            peer_account_key=second.key.public.hex(),
        )
    return file


def make_device_proof() -> File:
    file = File("device_proof.json", "A device's proof to a server (PROTOCOL.md, Keys and the device list).")
    phone = Device("alice's phone", Account("alice"))
    nonce = named("server nonce", 32)
    given = {"origin": "https://chat.example", "nonce": nonce.hex()}
    proof = file.add("prove", "prove_device", own=phone.own_json(), **given)
    good = {
        "signing_key": phone.own.signing.public.hex(),
        "account": phone.own.account.hex(),
        "device": phone.own.device.hex(),
        **given,
        **proof,
    }
    file.add("verify", "verify_proof", **good)
    other = device_proof.proof_payload("https://chat.example", phone.own.account, phone.own.device, nonce)
    for name, change in {
        "another origin": {"origin": "https://evil.example"},
        "another nonce": {"nonce": named("x", 32).hex()},
        "another account": {"account": named("x").hex()},
        "another device": {"device": named("x").hex()},
        "another key": {"signing_key": Account("bob").key.public.hex()},
        "a signature of another kind": {"signature": phone.own.signing.sign("spk", other).hex()},
    }.items():
        file.add(f"verify: {name}", "verify_proof", "bad_signature", **{**good, **change})
    for size in (15, 65):
        file.add(
            f"a nonce of {size} bytes",
            "prove_device",
            "malformed",
            own=phone.own_json(),
            **{**given, "nonce": "00" * size},
        )
    return file


def main() -> None:
    made = [
        make_cbor(),
        make_primitives(),
        make_device_list(),
        make_prekeys(),
        make_pqxdh(),
        make_content(),
        make_safety_number(),
        make_device_proof(),
        conversations.make(),
        linking.make_linking(),
        linking.make_account_data(),
        linking.make_healing(),
        groups.make_groups(),
        sender_keys.make_sender_keys(),
    ]
    for file in made:
        file.save()
    ENCAPSULATIONS.save()
    write("manifest.json", run.manifest())


if __name__ == "__main__":
    main()
