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
