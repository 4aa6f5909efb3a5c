"""RFC 9457 problem bodies: the one shape of every error answer of the REST API."""

from __future__ import annotations

import math
from typing import Any

from django.core.exceptions import PermissionDenied
from django.db import InterfaceError, OperationalError
from django.http import Http404
from rest_framework import exceptions as drf
from rest_framework.response import Response

from messenger.lib.errors import (
    DomainError,
    Malformed,
    NotFound,
    NotSignedIn,
    TooManyRequests,
    Unavailable,
    WrongToken,
)

CONTENT_TYPE = "application/problem+json"
# Of an answer that leaves without Django.
RAW_HEADERS = (
    (b"content-type", CONTENT_TYPE.encode()),
    (b"cache-control", b"no-store"),
    (b"x-content-type-options", b"nosniff"),
)


def body(error: DomainError) -> dict[str, object]:
    """The members of a problem body: type, title, status, code, detail, errors, and the error's own extras."""
    return {
        "type": "about:blank",
        "title": error.title,
        "status": error.status,
        "code": error.code,
        "detail": error.detail,
        "errors": error.errors,
        **error.extra,
    }


def response(error: DomainError) -> Response:
    """The answer to a refused request."""
    answer = Response(body(error), status=error.status, content_type=CONTENT_TYPE, headers=error.headers)
    if error.retry_after is not None:
        answer["Retry-After"] = str(max(1, math.ceil(error.retry_after)))
    if error.status == 401:
        answer["WWW-Authenticate"] = "Bearer"
    return answer


def _fields(detail: Any, prefix: str = "") -> list[dict[str, str]]:
    """Flatten DRF's nested error detail to [{"field", "message"}]."""
    if isinstance(detail, dict):
        named = {f"{prefix}.{key}" if prefix else str(key): value for key, value in detail.items()}
        return [row for name, value in named.items() for row in _fields(value, name)]
    if isinstance(detail, list):
        if all(isinstance(item, str) for item in detail):
            return [{"field": prefix, "message": str(item)} for item in detail]
        return [row for index, item in enumerate(detail) for row in _fields(item, f"{prefix}[{index}]")]
    return [{"field": prefix, "message": str(detail)}]


def from_exception(error: Exception) -> DomainError | None:
    """The domain error that says what a framework's exception means, or None for a defect of ours."""
    if isinstance(error, DomainError):
        return error
    if isinstance(error, (OperationalError, InterfaceError)):
        return Unavailable("the database does not answer", retry_after=1)
    if isinstance(error, drf.ValidationError):
        return Malformed(errors=_fields(error.detail))
    if isinstance(error, (Http404, drf.NotFound)):
        return NotFound()
    if isinstance(error, (drf.NotAuthenticated, drf.AuthenticationFailed)):
        return NotSignedIn()
    if isinstance(error, (PermissionDenied, drf.PermissionDenied)):
        return WrongToken()
    if isinstance(error, drf.Throttled):
        return TooManyRequests(retry_after=getattr(error, "wait", None) or 1)
    if isinstance(error, drf.APIException):
        refused = Malformed(str(error.detail))
        refused.status = error.status_code  # type: ignore[misc]  # 405, 406, 413 and 415 keep their status
        return refused
    return None


def exception_handler(error: Exception, context: dict[str, Any]) -> Response | None:
    """REST_FRAMEWORK["EXCEPTION_HANDLER"]."""
    refused = from_exception(error)
    return None if refused is None else response(refused)
