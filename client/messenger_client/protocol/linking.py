"""Linking a new device N with a managing device M: the code that N shows, M's offer, N's answer.

PROTOCOL.md, Linking. The code passes from screen to camera or hand, offer and answer through the server, which
can open neither. Whoever has seen the code could answer it: it is used once and forgotten.
"""

from __future__ import annotations

from dataclasses import dataclass

from . import base32, cbor, form
from .device_list import DeviceList, ListedDevice, bind_device, check_bind, open_list
from .entropy import SYSTEM, Entropy
from .errors import ListRefused, Malformed
from .ids import AccountId, DeviceId
from .keys import OwnDevice
from .pqxdh import psk_id
from .primitives import KEY_SIZE, SIGNATURE_SIZE, copen, cseal
from .secret import Secret

SECRET_SIZE = 16
CODE_SIZE = 125  # bytes of the encoded code: 200 characters, no bit left over
_KIND = "link"
_OFFER, _ANSWER = "link1", "link2"


@dataclass(frozen=True, slots=True)
class LinkCode:
    """What N shows: who it is, and a secret s that only whoever sees the code knows."""

    account: AccountId
    device: DeviceId
    signing_key: bytes  # DSK
    identity_key: bytes  # IK
    secret: Secret  # s, also the pre-shared key of M's first session to N

    @property
    def psk_id(self) -> bytes:
        return psk_id(self.secret)

    def to_text(self) -> str:
        """Write the code as its 200 characters. Hazard: s is in them; they belong on a screen, not in a log."""
        return base32.encode(self.to_bytes())

    @classmethod
    def from_text(cls, text: str) -> LinkCode:
        """Read what was scanned, pasted or typed. Raises Malformed. Whose it is, the caller checks."""
        return cls.from_bytes(base32.decode(text, CODE_SIZE))

    def to_bytes(self) -> Secret:
        """CBOR["link", account, device, DSK, IK, s]."""
        fields = [_KIND, self.account, self.device, self.signing_key, self.identity_key, bytes(self.secret)]
        return Secret(cbor.encode(fields))

    @classmethod
    def from_bytes(cls, data: bytes) -> LinkCode:
        kind, account, device, signing_key, identity_key, secret = form.array(cbor.decode(bytes(data)), 6)
        if kind != _KIND:
            raise Malformed("not a link code")
        return cls(
            AccountId(form.identifier(account)),
            DeviceId(form.identifier(device)),
            form.octets(signing_key, KEY_SIZE),
            form.octets(identity_key, KEY_SIZE),
            Secret(form.octets(secret, SECRET_SIZE)),
        )


def new_link_code(own: OwnDevice, entropy: Entropy = SYSTEM) -> LinkCode:
    """Make N's code, with a fresh s. `own.account_key` is not looked at: N learns AK from the offer."""
    secret = Secret(entropy.random(SECRET_SIZE))
    return LinkCode(own.account, own.device, own.signing.public, own.identity.public, secret)


def seal_offer(code: LinkCode, newest: DeviceList, entropy: Entropy = SYSTEM) -> bytes:
    """M's offer: AK and the account's newest list, for the device that showed the code.

    Raises ListRefused when the code is another account's.
    """
    if newest.account != code.account:
        raise ListRefused("another account")
    offer = cbor.encode([newest.account_key, cbor.decode(newest.signed)])
    return cseal(code.secret, _OFFER, code.device, offer, entropy)


def open_offer(code: LinkCode, sealed: bytes) -> DeviceList:
    """Open M's offer at N, which then pins the list. Raises Undecryptable, Malformed, ListRefused.

    ListRefused: the list does not verify, is another account's, or is not signed by the AK that M named.
    """
    account_key, signed = form.array(cbor.decode(copen(code.secret, _OFFER, code.device, sealed)), 2)
    form.octets(account_key, KEY_SIZE)
    newest = open_list(cbor.encode(signed))
    if newest.account != code.account:
        raise ListRefused("another account")
    if newest.account_key != account_key:
        raise ListRefused("another account key")
    return newest


def seal_answer(code: LinkCode, own: OwnDevice, entropy: Entropy = SYSTEM) -> bytes:
    """N's answer: its `bind` under the AK of the offer, which `own.account_key` must be by now."""
    if (own.account, own.device) != (code.account, code.device):
        raise ValueError("the code is another device's")  # the caller's mistake
    return cseal(code.secret, _ANSWER, code.device, bind_device(own), entropy)


def open_answer(code: LinkCode, account_key: bytes, sealed: bytes, *, added: int) -> ListedDevice:
    """Open N's answer at M: N's entry for the next list. Raises Undecryptable, Malformed, BadSignature.

    BadSignature: who answered does not hold the keys of the code, or agreed to another AK.
    """
    bind = form.octets(copen(code.secret, _ANSWER, code.device, sealed), SIGNATURE_SIZE)
    entry = ListedDevice(code.device, code.signing_key, code.identity_key, added, bind)
    check_bind(account_key, code.account, entry)
    return entry
