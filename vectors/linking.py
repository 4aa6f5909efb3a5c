"""Makes `linking.json`, `account_data.json` and `healing.json`: what a second device needs, and a damaged session."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from conversations import Script
from making import NOW, Account, Device, File, Json, Recorder, a_padded, a_text, flipped, named

from messenger_client.protocol import account_data, base32, body, cbor, content, form, ids, linking, padding, primitives
from messenger_client.protocol.secret import Secret

GID = ids.GroupId(ids.ConversationId(named("gid")))


def make_linking() -> File:
    file = File("linking.json", "Base 32, the link code, offer and answer (PROTOCOL.md, Linking).")
    _base32(file)
    alice, charlie = Account("alice"), Account("charlie")
    phone, laptop = Device("alice's phone", alice), Device("alice's laptop", alice)
    newest, charlies = alice.publish(phone), charlie.publish(Device("charlie's phone", charlie))
    secret = named("link secret")
    made = file.add("a code", "link_code", own=laptop.own_json(), secret=secret.hex())
    text = str(made["text"])
    grouped = "-".join(text[start : start + 5] for start in range(0, 200, 5))
    for name, read in {
        "as shown": text,
        "in groups": grouped,
        "in lower case with line ends": grouped.lower().replace("-", "\r\n\t "),
        "with I, L and O": text.replace("1", "I", 1).replace("1", "l", 1).replace("0", "o"),
    }.items():
        file.add(f"read a code {name}", "read_link_code", text=read)
    for name, broken in {
        "no text": "",
        "a character too few": text[:-1],
        "a character too many": f"{text}0",
        "a U in it": f"U{text[1:]}",
        "an address": f"https://chat.example/{text}",
        "zeros": "0" * 200,
    }.items():
        file.add(f"read a code: {name}", "read_link_code", "malformed", text=broken)
    code = linking.LinkCode.from_text(text)
    fields = ["link", code.account, code.device, code.signing_key, code.identity_key, bytes(code.secret)]
    for name, bad in {
        "another kind": ["linK", *fields[1:]],
        "kind as bytes": [b"link", *fields[1:]],
        "a short secret and a long account id": ["link", bytes(17), *fields[2:5], bytes(15)],
        "a key as text": [*fields[:4], "x" * 32, fields[5]],
        "five fields": [*fields[:4], bytes(49)],
    }.items():
        written = base32.encode(cbor.encode(bad))
        file.add(f"read a code: {name}", "read_link_code", "malformed", text=written)
    _offers(file, code, newest.signed, charlies.signed)
    _answers(file, code, laptop, charlie)
    return file


def _base32(file: File) -> None:
    for size in (1, 2, 3, 4, 5, 16, 125):
        data = named("base 32", size)
        got = file.add(f"base 32 of {size} bytes", "base32_encode", data=data.hex())
        file.add(f"{size} bytes of base 32", "base32_decode", text=got["text"], size=size)
    file.add("all ones", "base32_encode", data="ff" * 5)
    for name, text in {
        "lower case": "abcdefgh",
        "I and L as 1, O as 0": "IiLlOo10",
        "hyphens, spaces, line ends": " 01-23\t45\r\n67-",
    }.items():
        file.add(f"base 32: {name}", "base32_decode", text=text, size=5)
    for name, (text, size) in {
        "a character too few": ("0000000", 5),
        "a character too many": ("000000000", 5),
        "U": ("0000000U", 5),
        "a check symbol": ("0000000*", 5),
        "padding": ("000000==", 4),
        "a dotless i": ("0000000\u0131", 5),
        "a no-break space": ("0000\u00a00000", 5),
        "a dash": ("0000\u20130000", 5),
        "one bit left over": ("00001", 3),
        "two bits left over": ("01", 1),
        "three bits left over": ("0000004", 4),
        "four bits left over": ("0008", 2),
    }.items():
        file.add(f"base 32: {name}", "base32_decode", "malformed", text=text, size=size)


def _offers(file: File, code: linking.LinkCode, signed: bytes, charlies: bytes) -> None:
    data = bytes(code.to_bytes()).hex()
    sealing = {"code": data, "nonce": named("offer nonce", 24).hex()}
    sealed = str(file.add("an offer", "seal_offer", list=signed.hex(), **sealing)["sealed"])
    file.add("an offer to another account's device", "seal_offer", "list_refused", list=charlies.hex(), **sealing)
    file.add("open an offer", "open_offer", code=data, sealed=sealed)
    other = bytes(replace(code, device=ids.DeviceId(named("x"))).to_bytes()).hex()
    secret = bytes(replace(code, secret=Secret(named("x"))).to_bytes()).hex()
    for name, given in {
        "for another device": {"code": other, "sealed": sealed},
        "under another secret": {"code": secret, "sealed": sealed},
        "with a changed byte": {"code": data, "sealed": flipped(sealed, -1)},
        "that is an answer": {"code": data, "sealed": _sealed(code, "link2", signed)},
        "that is empty": {"code": data, "sealed": ""},
    }.items():
        file.add(f"open an offer {name}", "open_offer", "undecryptable", **given)
    account_key = Account("alice").key.public
    payload, signature = _pair(signed)
    for name, fails, fields in (
        ("of another account's list", "list_refused", [Account("charlie").key.public, cbor.decode(charlies)]),
        ("under another AK than its list", "list_refused", [Account("charlie").key.public, [payload, signature]]),
        ("of a list that does not verify", "list_refused", [account_key, [payload, signature[:-1] + b"\x00"]]),
        ("with a list as bytes", "malformed", [account_key, signed]),
        ("with a short AK", "malformed", [account_key[1:], [payload, signature]]),
        ("without a list", "malformed", [account_key, None]),
        ("of three parts", "malformed", [account_key, [payload, signature], None]),
    ):
        file.add(
            f"open an offer {name}", "open_offer", fails, code=data, sealed=_sealed(code, "link1", cbor.encode(fields))
        )


def _answers(file: File, code: linking.LinkCode, laptop: Device, charlie: Account) -> None:
    data = bytes(code.to_bytes()).hex()
    sealing = {"code": data, "nonce": named("answer nonce", 24).hex()}
    sealed = str(file.add("an answer", "seal_answer", own=laptop.own_json(), **sealing)["sealed"])
    given = {"code": data, "account_key": laptop.own.account_key.hex(), "sealed": sealed, "added": NOW}
    file.add("open an answer", "open_answer", **given)
    forger = Device("forger", laptop.account, laptop.name)
    own = laptop.own
    for name, answering in {
        "of other keys": forger.own,
        "of another identity key": replace(own, identity=forger.own.identity),
        "of another signing key": replace(own, signing=forger.own.signing),
        "to another AK": replace(own, account_key=charlie.key.public),
    }.items():
        bad = linking.seal_answer(code, answering, Recorder(f"answer {name}")).hex()
        file.add(f"open an answer {name}", "open_answer", "bad_signature", **{**given, "sealed": bad})
    other = bytes(replace(code, device=ids.DeviceId(named("x"))).to_bytes()).hex()
    for name, change in {
        "for another device": {"code": other},
        "with a changed byte": {"sealed": flipped(sealed, -1)},
        "that is an offer": {"sealed": _sealed(code, "link1", bytes(64))},
    }.items():
        file.add(f"open an answer {name}", "open_answer", "undecryptable", **{**given, **change})
    for size in (0, 63, 65):
        bad = _sealed(code, "link2", bytes(size))
        file.add(f"open an answer of {size} bytes", "open_answer", "malformed", **{**given, "sealed": bad})


def _sealed(code: linking.LinkCode, label: str, plaintext: bytes) -> str:
    return primitives.cseal(code.secret, label, code.device, plaintext, Recorder(f"{label} {plaintext.hex()}")).hex()


def _pair(signed: bytes) -> tuple[bytes, bytes]:
    payload, signature = form.array(cbor.decode(signed), 2)
    return form.any_octets(payload), form.any_octets(signature)


def make_account_data() -> File:
    file = File("account_data.json", "Account data and history (PROTOCOL.md, Linking): kinds 9 and 10.")
    alice, bob, charlie = Account("alice"), Account("bob"), Account("charlie")
    phone, tablet, bobs = Device("alice's phone", alice), Device("alice's tablet", alice), Device("bob's phone", bob)
    alice.publish(phone, tablet)
    bob.publish(bobs)
    charlie.publish(Device("charlie's phone", charlie))
    own_chat = content.private_conversation(alice.id, alice.id)
    heads = content.Heads(alice.lists[-1].hash, alice.lists[-1].hash)
    blank = content.Content(NOW, ids.MessageId(named("m")), own_chat, body.Reset(), heads, 0)
    contact = account_data.SharedContact(bob.id, "bob", bob.lists[-1].signed, verified=True)
    entry = account_data.HistoryEntry(
        bob.id, bobs.own.device, NOW, Secret(a_padded("hello", bob, alice)), named("stamp", 32), "k1", account_data.READ
    )
    managing = tuple(sorted((phone.own.device, tablet.own.device)))
    whole = account_data.AccountData((contact, replace(contact, verified=False)), alice.key.seed, managing, 3)
    bare = replace(entry, stamp=None, stamp_key=None, state=account_data.ACCEPTED)
    part = account_data.History(bob.id, (entry, bare), 2)
    for name, one in {
        "account data: everything": whole,
        "account data: contacts": account_data.AccountData((contact,)),
        "account data: an AK": account_data.AccountData(account_key_seed=alice.key.seed, managing=managing),
        "account data: no managing devices, no history": account_data.AccountData(managing=(), history=0),
        "history: two messages": part,
        "history: no message": account_data.History(bob.id, (), 0),
        "history: of a group chat": account_data.History(None, (entry, bare), 2, GID),
        "history: no message of a group chat": account_data.History(None, (), 0, GID),
    }.items():
        file.add(name, "content", content=content.encode_content(replace(blank, body=one)).hex())
    _forms(file, blank, contact, entry)
    for name, fails, sender, chat in (
        ("from a device of one's own", None, alice, own_chat),
        ("from another account", "malformed", bob, content.private_conversation(alice.id, bob.id)),
        ("from another account in one's own chat", "malformed", bob, own_chat),
        ("in another chat", "malformed", alice, content.private_conversation(alice.id, bob.id)),
    ):
        of_a_group = replace(part, account=None, group=GID)
        for what, shared in (("account data", whole), ("history", part), ("history of a group chat", of_a_group)):
            file.add(
                f"place: {what} {name}",
                "check_place",
                fails,
                content=content.encode_content(replace(blank, body=shared, conversation=chat)).hex(),
                own=alice.id.hex(),
                sender=sender.id.hex(),
                chat_with=None,
                message_id=None,
            )
    _keys_and_pins(file, alice, bob, charlie)
    _history(file, alice, bob, charlie)
    _group_history(file, alice, bob)
    return file


def _forms(
    file: File, blank: content.Content, contact: account_data.SharedContact, entry: account_data.HistoryEntry
) -> None:
    base = cbor.decode(content.encode_content(blank))
    if not isinstance(base, dict):
        raise SystemExit("not a content")

    def form(name: str, fails: str, kind: int, fields: Json) -> None:
        file.add(name, "content", fails, content=cbor.encode({**base, 1: kind, 5: fields}).hex())

    row = contact.to_value()
    payload, signature = _pair(contact.device_list)
    for name, fields in {
        "contacts null": {0: None},
        "contacts as a map": {0: {}},
        "an empty contact": {0: [[]]},
        "a contact of three parts": {0: [row[:3]]},
        "a contact with a short account id": {0: [[bytes(15), *row[1:]]]},
        "a username as bytes": {0: [[row[0], b"bob", *row[2:]]]},
        "a list as bytes": {0: [[*row[:2], contact.device_list, True]]},
        "a list with a short signature": {0: [[*row[:2], [payload, signature[1:]], True]]},
        "verified 1": {0: [[*row[:3], 1]]},
        "AK null": {1: None},
        "a short AK": {1: bytes(31)},
        "managing devices null": {2: None},
        "a short device id": {2: [bytes(15)]},
        "a managing device twice": {2: [bytes(16), bytes(16)]},
        "managing devices out of order": {2: [b"\x02" * 16, b"\x01" * 16]},
        "history null": {3: None},
        "history true": {3: True},
    }.items():
        form(f"account data: {name}", "malformed", 9, fields)
    line, good = entry.to_value(), {0: contact.account, 1: [entry.to_value()], 2: 0}
    for name, changed in {
        "no account and no group chat": {0: ...},
        "an account and a group chat": {3: GID},
        "account null": {0: None},
        "account null and a group chat": {0: None, 3: GID},
        "an account and group chat null": {3: None},
        "group chat null": {0: ..., 3: None},
        "a short group id": {0: ..., 3: bytes(15)},
        "a group id as text": {0: ..., 3: "x" * 16},
        "a short account id": {0: bytes(15)},
        "no messages": {1: ...},
        "messages null": {1: None},
        "no index": {2: ...},
        "index true": {2: True},
        "a message of six parts": {1: [line[:6]]},
        "a short sender id": {1: [[bytes(15), *line[1:]]]},
        "a short device id": {1: [[line[0], bytes(15), *line[2:]]]},
        "accepted null": {1: [[*line[:2], None, *line[3:]]]},
        "padded as text": {1: [[*line[:3], "x", *line[4:]]]},
        "a short stamp": {1: [[*line[:4], bytes(31), *line[5:]]]},
        "a stamp key as bytes": {1: [[*line[:5], b"k1", line[6]]]},
        "state 3": {1: [[*line[:6], 3]]},
        "state null": {1: [[*line[:6], None]]},
    }.items():
        fields = {key: value for key, value in {**good, **changed}.items() if value is not ...}
        form(f"history: {name}", "malformed", 10, fields)
    form("account data: key 16", "unsupported", 9, {16: 0})
    form("history: key 16", "unsupported", 10, {**good, 16: 0})


def _keys_and_pins(file: File, alice: Account, bob: Account, charlie: Account) -> None:
    seed = bytes(alice.key.seed).hex()
    file.add("an AK that is pinned", "shared_key", seed=seed, pinned=alice.key.public.hex())
    file.add("an AK that is not pinned", "shared_key", "bad_key", seed=seed, pinned=charlie.key.public.hex())
    first, second = bob.lists[-1], bob.publish(Device("bob's phone", bob), now=NOW + 1)
    renewed = Account("bob", "bob's second")
    renewed.publish()
    payload, signature = _pair(second.signed)
    forged = cbor.encode([payload, signature[:-1] + b"\x00"])
    for name, fails, signed, held in (
        ("that is not known here", None, second.signed, None),
        ("whose newer list is pinned", None, first.signed, second.signed),
        ("whose older list is pinned", None, second.signed, first.signed),
        ("under another AK than pinned", "identity_changed", renewed.lists[-1].signed, first.signed),
        ("with a list of somebody else", "list_refused", charlie.lists[-1].signed, None),
        ("with a list that does not verify", "list_refused", forged, None),
        ("with a list that is none", "malformed", cbor.encode([b"", signature]), None),
    ):
        file.add(
            f"a contact {name}",
            "shared_pin",
            fails,
            account=bob.id.hex(),
            list=signed.hex(),
            held=None if held is None else held.hex(),
        )


def _history(file: File, alice: Account, bob: Account, charlie: Account) -> None:
    text = a_text("hello", bob, alice)
    value = cbor.decode(content.encode_content(text))
    if not isinstance(value, dict):
        raise SystemExit("not a content")
    fk = named("fk", 32)
    from_bob, own = a_padded("hello", bob, alice), a_padded("hi", alice, bob)
    control = padding.pad(fk + content.encode_content(replace(text, body=body.Reset(), counter=0)))
    for name, fails, padded, sender, chat in (
        ("of the other account", None, from_bob, bob, bob),
        ("of one's own", None, own, alice, bob),
        ("of somebody else", "malformed", from_bob, charlie, bob),
        ("of another chat", "malformed", a_padded("hello", charlie, alice), bob, bob),
        ("of a chat of others", "malformed", a_padded("hello", charlie, bob), bob, bob),
        ("in the history of another chat", "malformed", from_bob, charlie, charlie),
        ("that is a control content", "malformed", control, bob, bob),
        ("with longer padding", "malformed", from_bob + bytes(16), bob, bob),
        ("without a content", "malformed", padding.pad(fk), bob, bob),
        ("of nothing", "malformed", b"", bob, bob),
        ("of a kind that is not known", "unsupported", padding.pad(fk + cbor.encode({**value, 1: 40})), bob, bob),
    ):
        file.add(
            f"a message {name}",
            "read_history",
            fails,
            padded=padded.hex(),
            sender=sender.id.hex(),
            own=alice.id.hex(),
            chat=chat.id.hex(),
            group=None,
        )


def _group_history(file: File, alice: Account, bob: Account) -> None:
    text = replace(a_text("hello all", bob, alice), conversation=GID)
    text = replace(text, heads=replace(text.heads, recipient=None))
    value = cbor.decode(content.encode_content(text))
    if not isinstance(value, dict):
        raise SystemExit("not a content")
    fk = named("fk", 32)

    def padded(**changes: Any) -> bytes:
        return padding.pad(fk + content.encode_content(replace(text, **changes)))

    good = padded()
    for name, fails, one, sender in (
        ("of a member", None, good, bob),
        ("of one's own", None, good, alice),
        ("that mentions", None, padded(body=body.Text("@alice, @bob", mentions=(alice.id, bob.id))), bob),
        ("that is an edit", None, padded(body=body.Edit(ids.MessageId(named("m")), "x")), bob),
        ("of another group chat", "malformed", padded(conversation=ids.ConversationId(named("another gid"))), bob),
        ("of a private chat", "malformed", a_padded("hello", bob, alice), bob),
        ("with a head of one recipient", "malformed", padded(heads=replace(text.heads, recipient=bytes(32))), bob),
        ("that is a control content", "malformed", padded(body=body.Reset(), counter=0), bob),
        ("with longer padding", "malformed", good + bytes(16), bob),
        ("without a content", "malformed", padding.pad(fk), bob),
        ("of nothing", "malformed", b"", bob),
        ("of a kind that is not known", "unsupported", padding.pad(fk + cbor.encode({**value, 1: 40})), bob),
    ):
        file.add(
            f"a message of a group chat's history {name}",
            "read_history",
            fails,
            padded=one.hex(),
            sender=sender.id.hex(),
            own=alice.id.hex(),
            chat=None,
            group=GID.hex(),
        )


def make_healing() -> File:
    file = File("healing.json", "Sessions that are lost, asked for and given up (PROTOCOL.md, Unable to decrypt).")
    alice, bob = Account("alice"), Account("bob")
    phone, bobs = Device("alice's phone", alice), Device("bob's phone", bob)
    chains = ([alice.publish(phone)], [bob.publish(bobs)])
    parties = {one.name: one.party_json(*chains) for one in (phone, bobs)}
    padded = a_padded("lost", alice, bob)

    def control(one: body.Body, sender: Account, other: Account) -> bytes:
        made = replace(a_text(f"control {one.kind}", sender, other), body=one, counter=0)
        return bytes(content.seal(made, Recorder(f"fk of control {one.kind}")).padded)

    retry = Script(file, "a lost session, a retry, and the message again", parties)
    retry.start(phone.name, bobs, bobs.bundle())
    retry.read(bobs.name, phone.name, retry.send(phone.name, bobs.name, a_padded("before", alice, bob)))
    retry.step(None, do="forget", who=bobs.name, peer=phone.name)
    lost = retry.send(phone.name, bobs.name, padded)
    retry.read(bobs.name, phone.name, lost, "replayed")
    seen = file.add("a message is named by its outside", "peek", wire=retry.wire(lost))
    fresh = retry.start(bobs.name, phone, phone.bundle())
    place = body.Retry(ids.SessionId(bytes.fromhex(seen["session_id"])), bytes.fromhex(seen["dh"]), seen["n"])
    asked = retry.send(bobs.name, phone.name, control(place, bob, alice), session=fresh)
    retry.read(phone.name, bobs.name, asked)
    retry.read(bobs.name, phone.name, retry.send(phone.name, bobs.name, padded))
    retry.read(bobs.name, phone.name, lost, "replayed")
    retry.save()

    reset = Script(file, "a reset leaves the session it came on", parties)
    reset.start(phone.name, bobs, bobs.bundle())
    reset.read(bobs.name, phone.name, reset.send(phone.name, bobs.name, a_padded("before", alice, bob)))
    late = reset.send(bobs.name, phone.name, a_padded("late", bob, alice))
    fresh = reset.start(bobs.name, phone, phone.bundle(2))
    told = reset.send(bobs.name, phone.name, control(body.Reset(), bob, alice), session=fresh)
    reset.read(phone.name, bobs.name, told)
    reset.step(None, do="only", who=phone.name, peer=bobs.name, session=fresh)
    reset.read(phone.name, bobs.name, late, "unknown_session")
    reset.read(bobs.name, phone.name, reset.send(phone.name, bobs.name, padded))
    reset.save()
    broken = flipped(retry.wire(lost), -40)
    file.add("a damaged message is named by its outside", "peek", wire=broken)
    file.add("an outside that does not read", "peek", "malformed", wire=broken[:-2])
    file.add("a message of another type is not named", "peek", "unsupported", wire=f"8602{broken[4:]}")
    return file
