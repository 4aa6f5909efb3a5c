"""Requests as a device makes them, once its token has been checked."""

from __future__ import annotations

from typing import Any

from rest_framework.test import APIClient

from accounts.models import User
from accounts.services import Credentials
from accounts.tokens import Kind
from keys.tests.cast import Handset
from messenger.lib.ids import new_id

BASE = "/api/v1/keys"


class As:
    """What one device, or one account that has proved none, asks of the key directory."""

    def __init__(self, handset: Handset | None = None, *, user: User | None = None) -> None:
        self.client = APIClient()
        owner = handset.row.user if handset else user
        if owner:
            kind = Kind.DEVICE if handset else Kind.ACCOUNT
            device = handset.row.pk if handset else None
            credentials = Credentials(owner.pk, new_id(), device, kind, expires_at=2**53 - 1)
            self.client.force_authenticate(owner, credentials)  # type: ignore[arg-type]  # DRF takes any

    def put(self, path: str, body: Any) -> Any:
        return self.client.put(f"{BASE}/{path}", body, format="json")

    def post(self, path: str, body: Any) -> Any:
        return self.client.post(f"{BASE}/{path}", body, format="json")

    def get(self, path: str) -> Any:
        return self.client.get(f"{BASE}/{path}")

    def delete(self, path: str) -> Any:
        return self.client.delete(f"{BASE}/{path}")


def problem(answer: Any) -> tuple[int, str]:
    """Status and code of an error, which has the one body that all errors have."""
    assert answer["Content-Type"] == "application/problem+json", answer.content
    body = answer.json()
    assert {"type", "title", "status", "code", "detail", "errors"} <= set(body)
    assert body["status"] == answer.status_code
    return answer.status_code, body["code"]
