"""Errors that a caller can act on. One class a cause, one body for all of them (RFC 9457, see problem.py)."""

from collections.abc import Mapping, Sequence
from typing import ClassVar


class DomainError(Exception):
    """Base of every refusal. `code` is stable and documented in docs/api.md; `detail` is for people.

    `extra` members are added to the problem body (and to a `rejected` frame) beside `code`, `headers` to the answer.
    """

    code: ClassVar[str] = "error"
    status: ClassVar[int] = 400
    title: ClassVar[str] = "The request could not be carried out"

    def __init__(
        self,
        detail: str = "",
        *,
        errors: Sequence[Mapping[str, str]] = (),
        extra: Mapping[str, object] | None = None,
        retry_after: float | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail or self.title)
        self.detail = detail or self.title
        self.errors = [dict(error) for error in errors]
        self.extra = dict(extra or {})
        self.retry_after = retry_after
        self.headers = dict(headers or {})


class Malformed(DomainError):
    """The input has the wrong shape. `errors` names the fields: [{"field", "message"}]."""

    code = "malformed"
    title = "The input is malformed"


class TooLarge(Malformed):
    status = 413
    title = "The body is too large"


class NotSignedIn(DomainError):
    code = "not_signed_in"
    status = 401
    title = "Sign in first"


class WrongToken(DomainError):
    """A good token of the wrong kind: an account token where a device has to speak, or the reverse."""

    code = "wrong_token"
    status = 403
    title = "This token cannot do that"


class NotFound(DomainError):
    """Also what a stranger is told about things that exist."""

    code = "not_found"
    status = 404
    title = "There is no such thing, or it is not yours"


class Conflict(DomainError):
    code = "conflict"
    status = 409
    title = "This conflicts with what is stored"


class TooManyRequests(DomainError):
    """`retry_after` says in seconds when to try again."""

    code = "too_many_requests"
    status = 429
    title = "Too many requests"


class Unavailable(DomainError):
    code = "unavailable"
    status = 503
    title = "Temporarily unavailable"
