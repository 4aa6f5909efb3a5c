"""Why a send is refused. The codes are those of docs/events.md."""

from __future__ import annotations

from messenger.lib.errors import DomainError


class DevicesChanged(DomainError):
    """The envelopes fit an older set of devices. `accounts` carries the newest signed lists and suspensions."""

    code = "devices_changed"
    status = 409
    title = "The devices of one of the accounts changed"


class ContactBlocked(DomainError):
    code = "contact_blocked"
    status = 403
    title = "You blocked this account"


class WrongOrigin(DomainError):
    """A page of another site opened the socket, and the browser added the cookie of ours."""

    code = "wrong_origin"
    status = 403
    title = "Sockets are opened by pages of this server alone"


class Unsupported(DomainError):
    """Made by a newer client than this server knows."""

    code = "unsupported"
    title = "This server does not know that"


class ListRefused(DomainError):
    """A chain of operations would break: a fork, a gap, a replay."""

    code = "list_refused"
    status = 409
    title = "The chain of operations does not go on like this"


class GroupChanged(DomainError):
    """The group chat has gone on. `index` and `hash` name its newest operation, `operations` lead there."""

    code = "group_changed"
    status = 409
    title = "The group chat has changed"


class TooManyDevices(DomainError):
    code = "too_many_devices"
    status = 409
    title = "The members have more devices than a group chat can have"


class NotAllowed(DomainError):
    """Somebody who is in a chat does there what takes another role."""

    code = "not_allowed"
    status = 403
    title = "You may not do that in this chat"


class TooManyMembers(DomainError):
    code = "too_many_members"
    status = 409
    title = "The chat can have no more members"
