"""The bytes of a message and of its parts. Reads form only: no key is touched here.

PROTOCOL.md, Session set-up and Messages.
"""

from __future__ import annotations

from dataclasses import dataclass

from . import cbor, form, kem
from .errors import Malformed, Unsupported
from .ids import AccountId, DeviceId, SessionId
from .prekeys import PrekeyLabel, read_kem_label
from .primitives import CSEAL_OVERHEAD, HASH_SIZE, KEY_SIZE

PAIRWISE = 1  # outer type of a pairwise message; 2 is a group's
SUITE = 1
PSK_ID_SIZE = 16


@dataclass(frozen=True, slots=True)
class Header:
    """hdr = CBOR[dh, pn, n, ek|null, ct|null]."""

    dh: bytes
    pn: int
    n: int
    ek: bytes | None
    ct: bytes | None

    def to_bytes(self) -> bytes:
        return cbor.dump([self.dh, self.pn, self.n, self.ek, self.ct])

    @classmethod
    def from_bytes(cls, data: bytes) -> Header:
        dh, pn, n, ek, ct = form.array(cbor.decode(data), 5)
        return cls(
            form.octets(dh, KEY_SIZE),
            form.unsigned(pn),
            form.unsigned(n),
            None if ek is None else form.octets(ek, kem.PUBLIC_SIZE),
            None if ct is None else form.octets(ct, kem.CIPHERTEXT_SIZE),
        )


@dataclass(frozen=True, slots=True)
class Init:
    """init: what starts a session, riding on A's messages until A has decrypted an answer."""

    account: AccountId
    device: DeviceId
    list_hash: bytes  # of A's list
    ek: bytes  # EK, X25519
    spk_id: int
    opk_id: int | None
    kem_label: PrekeyLabel
    kem_id: int
    ct: bytes
    psk_id: bytes | None

    def to_bytes(self) -> bytes:
        return cbor.dump(
            [
                SUITE,
                self.account,
                self.device,
                self.list_hash,
                self.ek,
                self.spk_id,
                self.opk_id,
                self.kem_label,
                self.kem_id,
                self.ct,
                self.psk_id,
            ]
        )

    @classmethod
    def from_bytes(cls, data: bytes) -> Init:
        """Read an init. Raises Malformed, Unsupported (another suite)."""
        fields = form.array(cbor.decode(data))
        # Another suite may have other fields: only the first one is ours to judge.
        if not fields:
            raise Malformed("init")
        if form.unsigned(fields[0]) != SUITE:
            raise Unsupported("suite")
        _, account, device, list_hash, ek, spk_id, opk_id, label, kem_id, ct, psk = form.array(fields, 11)
        return cls(
            AccountId(form.identifier(account)),
            DeviceId(form.identifier(device)),
            form.octets(list_hash, HASH_SIZE),
            form.octets(ek, KEY_SIZE),
            form.unsigned(spk_id, 1),
            None if opk_id is None else form.unsigned(opk_id, 1),
            read_kem_label(label),
            form.unsigned(kem_id, 1),
            form.octets(ct, kem.CIPHERTEXT_SIZE),
            None if psk is None else form.octets(psk, PSK_ID_SIZE),
        )


@dataclass(frozen=True, slots=True)
class Message:
    """msg = CBOR[1, session id, hdr bytes, body, F, init bytes|null]."""

    session_id: SessionId
    header: bytes
    body: bytes
    tag: bytes  # F
    init: bytes | None

    def to_bytes(self) -> bytes:
        return cbor.dump([PAIRWISE, self.session_id, self.header, self.body, self.tag, self.init])

    @classmethod
    def from_bytes(cls, data: bytes) -> Message:
        """Read a pairwise message. Raises Malformed, Unsupported (another outer type)."""
        fields = form.array(cbor.decode(data))
        if not fields:
            raise Malformed("message")
        if form.unsigned(fields[0]) != PAIRWISE:
            raise Unsupported("outer type")
        _, session_id, header, body, tag, init = form.array(fields, 6)
        return cls(
            SessionId(form.identifier(session_id)),
            form.any_octets(header),
            form.any_octets(body, CSEAL_OVERHEAD),
            form.octets(tag, HASH_SIZE),
            None if init is None else form.any_octets(init),
        )


@dataclass(frozen=True, slots=True)
class Peek:
    """What a message says of itself before anything is checked: enough to fetch what `receive` will need."""

    session_id: SessionId
    dh: bytes  # with n: how a `retry` names the message
    n: int
    tag: bytes  # F, which is what a send is known by to moderators
    init: Init | None


def peek(wire: bytes) -> Peek:
    """Read a message's outside. Raises Malformed, Unsupported."""
    message = Message.from_bytes(wire)
    header = Header.from_bytes(message.header)
    init = None if message.init is None else Init.from_bytes(message.init)
    return Peek(message.session_id, header.dh, header.n, message.tag, init)
