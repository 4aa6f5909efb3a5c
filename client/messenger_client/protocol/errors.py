"""The closed set of failures. Nothing else is raised for anything that came from the outside."""

from __future__ import annotations

from typing import ClassVar


class ProtocolError(Exception):
    """A failure of the protocol; `code` is its name in PROTOCOL.md (Messages) and in the vectors."""

    code: ClassVar[str]

    def __init__(self, detail: str = "") -> None:
        super().__init__(f"{self.code}: {detail}" if detail else self.code)
        self.detail = detail


class Malformed(ProtocolError):
    """The form is wrong: encoding, types, ranges, padding, or a content that belongs elsewhere."""

    code = "malformed"


class Unsupported(ProtocolError):
    """A newer version is needed to read this: keep it, acknowledge it, show "update needed"."""

    code = "unsupported"


class UnknownSession(ProtocolError):
    """No session of that id, and nothing in the message to start one from."""

    code = "unknown_session"


class UnknownPrekey(ProtocolError):
    """The private half of a prekey, or the pre-shared key, that a first message names is not here."""

    code = "unknown_prekey"


class BadSignature(ProtocolError):
    """A prekey or a proof is not signed by the key that should have signed it."""

    code = "bad_signature"


class BadKey(ProtocolError):
    """A public key is no valid point or matrix, or a prekey is rolled back, too old or too new."""

    code = "bad_key"


class NotListed(ProtocolError):
    """The device is not on the account's signed device list."""

    code = "not_listed"


class ListRefused(ProtocolError):
    """A device list is rolled back, forked, has a gap, or is not signed as it must be."""

    code = "list_refused"


class IdentityChanged(ProtocolError):
    """The account shows another account key; sending stops until the person has acknowledged it."""

    code = "identity_changed"


class Replayed(ProtocolError):
    """A first message whose ephemeral key has been used before."""

    code = "replayed"


class Duplicate(ProtocolError):
    """This message was read before, or its key is gone. Acknowledge it, show nothing."""

    code = "duplicate"


class TooFar(ProtocolError):
    """A counter jumps further than a receiver is willing to compute keys for."""

    code = "too_far"


class KemStep(ProtocolError):
    """A new chain lacks the KEM answer that is due, or carries one that nobody asked for."""

    code = "kem_step"


class Undecryptable(ProtocolError):
    """The authenticated encryption does not open, or a first message derives another session."""

    code = "undecryptable"


class BadFranking(ProtocolError):
    """The franking tag does not belong to the plaintext: it could not be reported, so it is not shown."""

    code = "bad_franking"


FAILURES: dict[str, type[ProtocolError]] = {
    failure.code: failure
    for failure in (
        Malformed,
        Unsupported,
        UnknownSession,
        UnknownPrekey,
        BadSignature,
        BadKey,
        NotListed,
        ListRefused,
        IdentityChanged,
        Replayed,
        Duplicate,
        TooFar,
        KemStep,
        Undecryptable,
        BadFranking,
    )
}
