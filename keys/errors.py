"""What the key directory refuses, and by which name. docs/api.md lists the same codes."""

from messenger.lib.errors import DomainError


class BadSignature(DomainError):
    """Not signed by the key that should have signed it, or signed as something else."""

    code = "bad_signature"
    title = "A signature does not verify"


class BadKey(DomainError):
    """A public key is no valid point or matrix, or a prekey is too old or ahead of time."""

    code = "bad_key"
    title = "A key is not usable"


class ListConflict(DomainError):
    """The list is not the successor of the newest one, which `list` shows (null where there is none)."""

    code = "list_conflict"
    status = 409
    title = "Another device list is the newest"


class NotListed(DomainError):
    """The device is not on the newest device list of its account."""

    code = "not_listed"
    status = 409
    title = "This device is not on its account's device list"
