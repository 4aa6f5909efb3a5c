"""A browser that is signed in through the page: its cookies, and what its script asks for."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from django.test import Client
from nacl.signing import SigningKey

from accounts.models import Session
from accounts.tests.people import PASSWORD, Person, Terminal, post
from messenger.lib import base64url


@dataclass
class Browser:
    """One cookie jar. CSRF is checked, as it is for people."""

    owner: Person
    client: Client = field(default_factory=lambda: Client(enforce_csrf_checks=True))

    @classmethod
    def sign_in(cls, owner: Person, password: str = PASSWORD) -> Browser:
        browser = cls(owner)
        answer = browser.send("/accounts/login/", {"login": owner.username, "password": password})
        assert answer.status_code == 302, answer.content
        return browser

    def csrf(self, path: str) -> str:
        found = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', self.client.get(path).content.decode())
        assert found, f"{path} has no form"
        return found[1]

    def send(self, path: str, form: dict[str, str], *, of: str | None = None) -> Any:
        """Send the form of a page."""
        return self.client.post(path, {**form, "csrfmiddlewaretoken": self.csrf(of or path)})

    def sign_out(self, **form: str) -> Any:
        return self.send("/accounts/logout/", form)

    def ask_tokens(self, *, csrf: str | None = None, body: Any = None) -> Any:
        """What the page's script does at its start."""
        return self.client.post(
            "/api/v1/auth/token/session",
            {} if body is None else body,
            content_type="application/json",
            headers={"X-CSRFToken": self.csrf("/accounts/logout/") if csrf is None else csrf},
        )

    def tokens(self) -> dict[str, Any]:
        answer = self.ask_tokens()
        assert answer.status_code == 200, answer.content
        tokens: dict[str, Any] = answer.json()
        return tokens

    def enrol(self, name: str = "browser") -> Terminal:
        """Register a device and prove it, with the account token of this browser."""
        access, key = self.tokens()["access"], SigningKey.generate()
        body = {"name": name, "platform": "web", "signing_key": base64url.encode(bytes(key.verify_key))}
        device = Terminal(self.owner, key, post("devices", body, access).json()["id"])
        device.tokens = device.prove(access=access).json()
        return device

    @property
    def families(self) -> set[Any]:
        """The ids of what was opened from this browser and has not ended."""
        return set(Session.objects.filter(browser__isnull=False, ended="").values_list("id", flat=True))
