"""What the server answers, as values (docs/api.md, docs/events.md). Form is checked here, nothing is believed."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass

from ..errors import Defect
from ..protocol import cbor, form
from ..protocol.prekeys import SignedPrekey
from . import forms
from .forms import Json

MOST_NUMBER = 2**63 - 1  # of the server's bigint columns, and of SQLite's


@dataclass(frozen=True, slots=True, repr=False)
class TokenPair:
    access: str
    refresh: str
    expires_in: int  # seconds
    account: bytes
    username: str
    device: bytes | None


@dataclass(frozen=True, slots=True)
class Profile:
    account: bytes
    username: str


@dataclass(frozen=True, slots=True)
class Directory:
    account: bytes
    lists: tuple[bytes, ...]  # signed objects, oldest first
    suspended: tuple[bytes, ...]
    keyed: tuple[bytes, ...] = ()  # devices that have published prekeys


@dataclass(frozen=True, slots=True)
class PrekeyCounts:
    one_time: int
    one_time_kem: int
    signed_prekey: int | None
    last_resort: int | None


@dataclass(frozen=True, slots=True)
class Claimed:
    bundles: dict[tuple[bytes, bytes], bytes]  # (account, device): Bundle.to_bytes()
    skipped: dict[tuple[bytes, bytes], tuple[str, int | None]]  # (reason, retry after seconds)


@dataclass(frozen=True, slots=True)
class Accepted:
    accepted_at: int
    skipped: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class ContactState:
    account: bytes
    username: str
    state: str
    changed_at: int


@dataclass(frozen=True, slots=True)
class DeviceInfo:
    """One of the account's own devices, as the server knows it."""

    device: bytes
    name: str
    platform: str
    created_at: int
    last_seen_at: int | None
    suspended: bool
    listed: bool


@dataclass(frozen=True, slots=True)
class LinkSlot:
    offer: bytes | None
    answer: bytes | None


@dataclass(frozen=True, slots=True)
class Status:
    message: bytes
    account: bytes
    device: bytes
    status: str
    at: int
    chat: bytes = b""  # where it is known


@dataclass(frozen=True, slots=True)
class Waiting:
    """An envelope as the server hands it over."""

    number: int
    control: bool
    message_id: bytes
    account: bytes
    device: bytes
    chat: bytes | None
    accepted_at: int
    request: bool
    expired: bool
    body: bytes
    stamp: bytes
    stamp_key: str
    frame: Json
    group: bytes | None = None  # then there is no chat


def token_pair(value: Json) -> TokenPair:
    account = forms.members(value.get("account"))
    device = value.get("device")
    return TokenPair(
        forms.string(value.get("access")),
        forms.string(value.get("refresh")),
        forms.integer(value.get("expires_in")),
        forms.identifier(account.get("id")),
        forms.string(account.get("username")),
        None if device is None else forms.identifier(device),
    )


def profile(value: object) -> Profile:
    fields = forms.members(value)
    return Profile(forms.identifier(fields.get("id")), forms.string(fields.get("username")))


def directory(value: object) -> Directory:
    """One account's lists; none where they make no sense, so that the other accounts' still count."""
    fields = forms.members(value)
    account = forms.identifier(fields.get("account"))
    try:
        devices = [forms.members(one) for one in forms.items(fields.get("devices", []))]
        return Directory(
            account,
            tuple(signed_object(one) for one in forms.items(fields.get("lists"))),
            tuple(forms.identifier(one) for one in forms.items(fields.get("suspended"))),
            tuple(forms.identifier(one.get("device")) for one in devices if one.get("signed_prekey") is not None),
        )
    except Defect:
        return Directory(account, (), ())


def signed_object(value: object) -> bytes:
    """`{"payload", "signature"}` as the protocol's CBOR[payload, signature]."""
    fields = forms.members(value)
    return cbor.encode([forms.decode(fields.get("payload")), forms.decode(fields.get("signature"))])


def to_signed_object(data: bytes) -> Json:
    payload, signature = form.array(cbor.decode(data), 2)
    return {"payload": forms.encode(form.any_octets(payload)), "signature": forms.encode(form.any_octets(signature))}


def claimed(value: Json) -> Claimed:
    bundles: dict[tuple[bytes, bytes], bytes] = {}
    for one in forms.items(value.get("bundles")):
        fields = forms.members(one)
        account, device = forms.identifier(fields.get("account")), forms.identifier(fields.get("device"))
        kem = forms.members(fields.get("kem"))
        one_time = fields.get("one_time")
        bundles[account, device] = cbor.encode(
            [
                account,
                device,
                cbor.decode(signed_object(fields.get("signed_prekey"))),
                None if one_time is None else cbor.decode(signed_object(one_time)),
                [forms.string(kem.get("label")), cbor.decode(signed_object(kem))],
            ]
        )
    skipped: dict[tuple[bytes, bytes], tuple[str, int | None]] = {}
    for one in forms.items(value.get("skipped")):
        fields = forms.members(one)
        retry = fields.get("retry_after")
        key = forms.identifier(fields.get("account")), forms.identifier(fields.get("device"))
        skipped[key] = forms.string(fields.get("reason")), None if retry is None else forms.integer(retry)
    return Claimed(bundles, skipped)


def accepted(value: Json) -> Accepted:
    return Accepted(
        forms.integer(value.get("accepted_at")),
        tuple(forms.identifier(one) for one in forms.items(value.get("skipped", []))),
    )


def contact(value: object) -> ContactState:
    fields = forms.members(value)
    account = profile(fields.get("account"))
    return ContactState(
        account.account,
        account.username,
        forms.string(fields.get("state")),
        forms.integer(fields.get("changed_at")),
    )


def device(value: object) -> DeviceInfo:
    fields = forms.members(value)
    last_seen = fields.get("last_seen_at")
    return DeviceInfo(
        forms.identifier(fields.get("id")),
        forms.string(fields.get("name")),
        forms.string(fields.get("platform")),
        forms.integer(fields.get("created_at")),
        None if last_seen is None else forms.integer(last_seen),
        fields.get("suspended") is True,
        fields.get("listed") is True,
    )


def link_slot(value: Json) -> LinkSlot:
    offer, answer = value.get("offer"), value.get("answer")
    return LinkSlot(
        None if offer is None else forms.decode(offer),
        None if answer is None else forms.decode(answer),
    )


def chat(value: object) -> tuple[bytes, Profile]:
    fields = forms.members(value)
    return forms.identifier(fields.get("id")), profile(fields.get("account"))


def status(value: object, chat: bytes = b"") -> Status:
    fields = forms.members(value)
    return Status(
        forms.identifier(fields.get("message")),
        forms.identifier(fields.get("account")),
        forms.identifier(fields.get("device")),
        forms.string(fields.get("status")),
        forms.integer(fields.get("at")),
        chat,
    )


def statuses_of_frame(frame: Json, status_name: str) -> list[Status]:
    """`message.delivered`, `message.read`, `message.expired`: one status a message and device."""
    devices = [_target(one) for one in forms.items(frame["devices"])] if "devices" in frame else [_target(frame)]
    at = forms.integer(frame.get("at"))
    chat = forms.identifier(frame["group"] if "group" in frame else frame.get("chat"))
    messages = [forms.identifier(one) for one in forms.items(frame.get("messages"))]
    return [Status(one, account, device, status_name, at, chat) for account, device in devices for one in messages]


def _target(value: object) -> tuple[bytes, bytes]:
    fields = forms.members(value)
    return forms.identifier(fields.get("account")), forms.identifier(fields.get("device"))


def waiting(frame: Json) -> Waiting:
    sender = forms.members(frame.get("sender"))
    chat, body, stamp = frame.get("chat"), frame.get("body"), frame.get("stamp")
    stamp_key = frame.get("stamp_key")
    return Waiting(
        _number(frame.get("envelope")),
        frame.get("kind") == "control",
        forms.identifier(frame.get("message_id")),
        forms.identifier(sender.get("account")),
        forms.identifier(sender.get("device")),
        None if chat is None else forms.identifier(chat),
        _number(frame.get("accepted_at")),
        frame.get("request") is True,
        frame.get("expired") is True,
        b"" if body is None else forms.decode(body),
        b"" if stamp is None else forms.decode(stamp),
        "" if stamp_key is None else str(stamp_key),
        frame,
        forms.identifier(frame.get("group")) if frame.get("kind") == "group" else None,
    )


def waiting_or_none(frame: Json) -> Waiting | int | None:
    """The envelope; its number alone where the rest makes no sense; None where not even that does."""
    with contextlib.suppress(Defect):
        return waiting(frame)
    with contextlib.suppress(Defect):
        return _number(frame.get("envelope"))
    return None


def _number(value: object) -> int:
    """A number that a column of the store can hold, too."""
    number = forms.integer(value)
    if not 0 <= number <= MOST_NUMBER:
        raise forms.nonsense()
    return number


def prekey_object(prekey: SignedPrekey) -> Json:
    return to_signed_object(prekey.to_bytes())
