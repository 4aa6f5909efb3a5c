"""Names are text, whatever they hold: on pages, in the admin, and in answers."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import Device, User
from accounts.tests.people import PASSWORD, Person, Terminal, get

MARKUP = "<img src=x onerror=alert(1)>"
QUOTES = "\"'><b>x</b>{{7*7}}"


@pytest.fixture
def odd(alice: Person, laptop: Terminal) -> Person:
    """Names that no form takes, written past them: what is shown must not rely on the forms."""
    User.objects.filter(id=alice.id).update(username="<b>al</b>", display_name=MARKUP, email="<i>a</i>@example.org")
    Device.objects.update(name=MARKUP, platform=QUOTES)
    return alice


def signed_in(user: User) -> Client:
    client = Client()
    client.force_login(user, backend="allauth.account.auth_backends.AuthenticationBackend")
    return client


def assert_text(page: str) -> None:
    for markup in ("<img src=x", "<b>al", "<b>x", "<i>a", "x</b>49"):
        assert markup not in page


@pytest.mark.parametrize("path", ["/chats/", "/settings/", "/accounts/logout/", "/accounts/email/", "/"])
def test_pages_show_names_as_text(odd: Person, path: str) -> None:
    answer = signed_in(User.objects.get(id=odd.id)).get(path, follow=True)

    assert answer.status_code == 200
    assert_text(answer.content.decode())


def test_the_settings_show_the_names_in_full(odd: Person) -> None:
    page = signed_in(User.objects.get(id=odd.id)).get("/settings/").content.decode()

    for shown in ("&lt;b&gt;al&lt;/b&gt;", "&lt;i&gt;a&lt;/i&gt;@example.org", "&lt;img src=x onerror=alert(1)&gt;"):
        assert shown in page
    assert "{{7*7}}" in page


@pytest.mark.parametrize("query", ["", "?q=%3Cb%3E", "?q=%3Cscript%3Ealert(1)%3C/script%3E"])
def test_the_admin_shows_names_as_text(odd: Person, laptop: Terminal, query: str) -> None:
    User.objects.create_superuser("warden", "warden@example.org", PASSWORD)
    moderator = signed_in(User.objects.get(username="warden"))
    paths = [
        reverse("admin:accounts_user_changelist") + query,
        reverse("admin:accounts_user_change", args=[odd.id]),
        reverse("admin:accounts_device_changelist") + query,
        reverse("admin:accounts_device_change", args=[laptop.id]),
        reverse("admin:index"),
    ]
    for path in paths:
        answer = moderator.get(path)
        assert answer.status_code == 200, path
        assert_text(answer.content.decode())
        assert "<script>alert" not in answer.content.decode()


def test_actions_of_the_admin_say_names_as_text(odd: Person, laptop: Terminal) -> None:
    User.objects.create_superuser("warden", "warden@example.org", PASSWORD)
    moderator = signed_in(User.objects.get(username="warden"))
    for model, one in (("user", odd.id), ("device", laptop.id)):
        path = reverse(f"admin:accounts_{model}_changelist")
        answer = moderator.post(path, {"action": "suspend", "_selected_action": [one]}, follow=True)
        assert_text(answer.content.decode())


def test_answers_are_json_that_no_browser_takes_for_a_page(odd: Person, laptop: Terminal, charlie: Person) -> None:
    User.objects.filter(id=odd.id).update(username="al<b>")
    tablet = charlie.add_device()
    for answer in (get("accounts?prefix=al", tablet.access), get(f"accounts/{odd.id}", tablet.access)):
        assert answer.status_code == 200
        assert answer["Content-Type"] == "application/json"
        assert answer["X-Content-Type-Options"] == "nosniff"
    (found,) = get("accounts?prefix=al", tablet.access).json()["accounts"]
    assert (found["username"], found["display_name"]) == ("al<b>", MARKUP)


def test_an_error_does_not_repeat_markup_as_markup(laptop: Terminal, client: Any) -> None:
    problem = get("accounts/%3Cscript%3Ealert(1)%3C%2Fscript%3E", laptop.access)
    assert problem["Content-Type"] == "application/problem+json"
    page = client.get("/%3Cscript%3Ealert(1)%3C/script%3E")
    assert page.status_code == 404
    assert b"<script>alert" not in page.content


def test_a_sign_up_page_repeats_what_was_typed_as_text(db: None, client: Client) -> None:
    answer = client.post("/accounts/signup/", {"username": MARKUP, "email": QUOTES, "password1": PASSWORD})

    assert answer.status_code == 200
    assert_text(answer.content.decode())


def test_the_chats_page_carries_the_name_in_an_attribute_and_not_out_of_it(alice: Person) -> None:
    User.objects.filter(id=alice.id).update(username='a" onload="alert(1)')

    page = signed_in(User.objects.get(id=alice.id)).get("/chats/").content.decode()

    assert 'data-username="a&quot; onload=&quot;alert(1)"' in page
    assert 'onload="alert' not in page
