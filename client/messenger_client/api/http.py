"""HTTP: one request, one answer or one error. Knows tokens only as what a header carries."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import NoReturn
from urllib.parse import urlsplit

import httpx

from ..errors import ClientError, Refused, SignInNeeded, Unreachable, WrongCredentials, WrongUse
from . import forms
from .forms import Json

# Called with the token that was refused, or None: returns one that should work.
Credentials = Callable[[str | None], Awaitable[str]]

_DEFAULT_PORTS = {"http": 80, "https": 443}
_TIMEOUT = httpx.Timeout(20.0, connect=5.0)
_LARGEST = 64 * 1024 * 1024

# What signing in cures; any other 403 is a refusal of this one call.
_SESSION_CODES = frozenset({"not_signed_in", "wrong_token", "session_ended", "wrong_proof", "email_not_verified"})


def origin_of(server: str) -> str:
    """Scheme, host and port of a server's URL as it is used: what a device's proof names. Raises WrongUse."""
    try:
        parts = urlsplit(server.strip())
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise WrongUse(f"{server!r} is not a server's address.") from error
    if parts.scheme not in _DEFAULT_PORTS or not host or parts.path.strip("/") or parts.query or parts.username:
        raise WrongUse(f"{server!r} is not a server's address; one looks like https://chat.example.")
    if ":" in host:
        host = f"[{host}]"
    suffix = "" if port in (None, _DEFAULT_PORTS[parts.scheme]) else f":{port}"
    return f"{parts.scheme}://{host}{suffix}"


class Http:
    """A connection pool to one server."""

    def __init__(self, origin: str, transport: httpx.AsyncBaseTransport | None = None) -> None:
        self.origin = origin
        self._transport = transport
        self._opened: httpx.AsyncClient | None = None

    @property
    def _pool(self) -> httpx.AsyncClient:
        # Made at first use: reading the certificates takes longer than many a command.
        if self._opened is None:
            self._opened = httpx.AsyncClient(
                base_url=f"{self.origin}/api/v1/",
                timeout=_TIMEOUT,
                transport=self._transport,
                verify=self.origin.startswith("https:"),
                follow_redirects=False,
                headers={"Accept": "application/json"},
            )
        return self._opened

    async def close(self) -> None:
        if self._opened is not None:
            await self._opened.aclose()

    async def call(self, method: str, path: str, body: Json | None = None, *, token: str | None = None) -> Json:
        """Make one request. Raises Unreachable, SignInNeeded, Refused, and WrongUse for what no URL can carry."""
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        content = None
        if body is not None:
            content = json.dumps(body, separators=(",", ":")).encode()
            headers["Content-Type"] = "application/json"
        try:
            response = await self._pool.request(method, path, content=content, headers=headers)
        except httpx.HTTPError as error:
            raise Unreachable(f"The server {self.origin} cannot be reached.") from error
        except httpx.InvalidURL as error:
            raise WrongUse("That is nothing that a server can be asked for.") from error
        if response.status_code == 204:
            return {}
        value = _json(response)
        if response.is_success:
            return forms.members(value)
        _raise(response, value if isinstance(value, dict) else {})

    async def call_signed_in(self, credentials: Credentials, method: str, path: str, body: Json | None = None) -> Json:
        """The same with a device token; one that was refused is renewed once."""
        token = await credentials(None)
        try:
            return await self.call(method, path, body, token=token)
        except SignInNeeded as error:
            if error.code != "not_signed_in":
                raise
        return await self.call(method, path, body, token=await credentials(token))


def _json(response: httpx.Response) -> object:
    if len(response.content) > _LARGEST:
        raise forms.nonsense()
    try:
        return json.loads(response.content)
    except (ValueError, RecursionError) as error:
        if response.is_success:
            raise forms.nonsense() from error
        return {}


def _raise(response: httpx.Response, problem: Json) -> NoReturn:
    status = response.status_code
    code = problem.get("code")
    code = code if isinstance(code, str) else ""
    sentence = _sentence(problem)
    if status == 429:
        raise Unreachable(sentence or "The server asks to go more slowly.", "too_many_requests", _retry_after(response))
    if status >= 500:
        raise Unreachable("The server cannot answer just now.", code or "unavailable", _retry_after(response))
    if code == "wrong_credentials":
        raise WrongCredentials("The name or the password is wrong.")
    if status == 401 or (status == 403 and code in _SESSION_CODES):
        raise SignInNeeded(sentence or "Sign in again.", code or "not_signed_in")
    error: ClientError = Refused(sentence or "The server refused.", code or "refused", status=status, problem=problem)
    raise error


def _sentence(problem: Json) -> str:
    """The problem's fields or its detail, as one plain sentence."""
    found = []
    errors = problem.get("errors")
    for one in errors if isinstance(errors, list) else []:
        if isinstance(one, dict) and isinstance(one.get("message"), str):
            field = one.get("field")
            found.append(f"{field}: {one['message']}" if field else str(one["message"]))
    detail = problem.get("detail")
    return " ".join(found) or (detail if isinstance(detail, str) else "")


def _retry_after(response: httpx.Response) -> float | None:
    try:
        return max(0.0, float(response.headers["Retry-After"]))
    except (KeyError, ValueError):
        return None
