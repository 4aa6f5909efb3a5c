"""The cast and what they do over REST, for tests of sign-in."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from typing import Any

import cbor2
from nacl.signing import SigningKey
from rest_framework.test import APIClient

from messenger.lib import base64url

PASSWORD = "a quiet river bends twice"
ORIGIN = "http://testserver"


def api(access: str | None = None) -> APIClient:
    """A client that sends this token, or none."""
    client = APIClient()
    if access is not None:
        client.credentials(HTTP_AUTHORIZATION=f"Bearer {access}")
    return client


def post(path: str, body: Any, access: str | None = None) -> Any:
    return api(access).post(f"/api/v1/{path}", body, format="json")


def get(path: str, access: str | None = None) -> Any:
    return api(access).get(f"/api/v1/{path}")


def session_proof(key: SigningKey, account: str, device: str, nonce: str, origin: str = ORIGIN) -> str:
    """What PROTOCOL asks a device to sign, written out a second time so that the server does not check itself."""
    body = [origin, uuid.UUID(account).bytes, uuid.UUID(device).bytes, base64url.decode(nonce)]
    return base64url.encode(key.sign(b"msgr/1/session\x00" + cbor2.dumps(body, canonical=True)).signature)


@dataclass
class Person:
    """An account that the server knows, and its devices' private keys."""

    username: str
    password: str = PASSWORD
    tokens: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def register(cls, username: str) -> Person:
        person = cls(username)
        answer = post("auth/register", {"username": username, "email": person.email, "password": person.password})
        assert answer.status_code == 201, answer.content
        person.tokens = answer.json()
        return person

    @property
    def email(self) -> str:
        return f"{self.username}@example.org"

    @property
    def id(self) -> str:
        return str(self.tokens["account"]["id"])

    @property
    def access(self) -> str:
        return str(self.tokens["access"])

    def sign_in(self) -> Any:
        return post("auth/token", {"username": self.username, "password": self.password})

    def add_device(self, name: str = "laptop") -> Terminal:
        key = SigningKey.generate()
        body = {"name": name, "platform": "linux", "signing_key": base64url.encode(bytes(key.verify_key))}
        answer = post("devices", body, self.access)
        assert answer.status_code == 201, answer.content
        terminal = Terminal(self, key, answer.json()["id"])
        terminal.tokens = terminal.prove(access=self.access).json()
        return terminal


@dataclass
class Terminal:
    """A device with its signing key and tokens."""

    owner: Person
    key: SigningKey
    id: str
    tokens: dict[str, Any] = field(default_factory=dict)

    @property
    def access(self) -> str:
        return str(self.tokens["access"])

    @property
    def uuid(self) -> uuid.UUID:
        return uuid.UUID(self.id)

    @property
    def refresh(self) -> str:
        return str(self.tokens["refresh"])

    def nonce(self) -> str:
        return str(post("auth/device/challenge", {"device": self.id}).json()["nonce"])

    def proof(self, nonce: str | None = None, origin: str = ORIGIN) -> dict[str, Any]:
        nonce = nonce or self.nonce()
        signature = session_proof(self.key, self.owner.id, self.id, nonce, origin)
        return {"device": self.id, "nonce": nonce, "signature": signature}

    def prove(self, *, access: str | None = None, refresh: str | None = None, **changes: Any) -> Any:
        """Ask for device tokens, with whatever a test wants to be different."""
        body = {**self.proof(), **({} if refresh is None else {"refresh": refresh}), **changes}
        return post("auth/device/token", body, access)


def is_signed_in(access: str) -> bool:
    """Whether a device token works at all."""
    return bool(get("accounts/me", access).status_code == 200)
