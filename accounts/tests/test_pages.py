"""The pages: strict headers, no inline code, one answer for strangers, and every form does what it says."""

from __future__ import annotations

import re
import uuid
from typing import Any

import pytest
from django.test import Client

from accounts import mail as outgoing
from accounts.models import User
from accounts.tests.people import PASSWORD, Person, Terminal, is_signed_in

SIGN_UP, SIGN_IN = "/accounts/signup/", "/accounts/login/"
FOR_ALL = ["/", SIGN_UP, SIGN_IN, "/accounts/password/reset/", "/accounts/password/reset/done/", "/accounts/inactive/"]
SIGNED_IN = ["/chats/", "/settings/", "/accounts/email/", "/accounts/password/change/", "/accounts/logout/"]


@pytest.fixture
def browser(alice: Person, client: Client) -> Client:
    """alice's browser, signed in through the page."""
    answer = client.post(SIGN_IN, {"login": "alice", "password": PASSWORD})
    assert answer.status_code == 302
    return client


def assert_strict(answer: Any) -> None:
    page = answer.content.decode()
    assert not re.search(r"\sstyle=|\son\w+=|<style|javascript:", page, re.I)
    assert not re.search(r"<script(?![^>]*\ssrc=)", page)
    assert not re.search(r"(?:src|href)=\"(?:https?:)?//", page)
    policy = answer["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert answer["Referrer-Policy"] == "same-origin"
    assert answer["Cross-Origin-Opener-Policy"] == "same-origin"
    assert "require-trusted-types-for 'script'" in policy
    assert not re.search(r"<(?:script|link rel=\"(?:stylesheet|modulepreload)\")(?![^>]* integrity=)", page)
    assert len(re.findall("<h1[ >]", page)) == 1
    assert '<a class="skip" href="#main">' in page


@pytest.mark.parametrize("path", FOR_ALL)
def test_pages_for_everybody_are_strict(db: None, client: Client, path: str) -> None:
    answer = client.get(path)

    assert answer.status_code == 200
    assert_strict(answer)


@pytest.mark.parametrize("path", SIGNED_IN)
def test_pages_of_the_signed_in_are_strict_and_theirs_alone(browser: Client, path: str) -> None:
    answer = browser.get(path)

    assert answer.status_code == 200
    assert_strict(answer)
    assert Client().get(path).status_code == 302


def test_who_is_signed_in_goes_on_to_the_chats(browser: Client) -> None:
    answer = browser.get("/")

    assert (answer.status_code, answer["Location"]) == (302, "/chats/")


def test_every_chat_has_an_address_and_the_same_page(browser: Client, alice: Person) -> None:
    chat = f"/chats/{uuid.uuid4()}"

    page = browser.get(chat).content.decode()

    assert f'data-account="{alice.id}"' in page
    assert 'data-known-device=""' in page
    assert "no-store" in browser.get(chat)["Cache-Control"]
    assert browser.get("/chats/not-an-id").status_code == 404
    assert Client().get(chat)["Location"] == f"{SIGN_IN}?next={chat}"


def test_signing_up_and_in_leads_to_the_chats(db: None, client: Client) -> None:
    answer = client.post(SIGN_UP, {"username": "dora", "email": "dora@example.org", "password1": PASSWORD})
    assert answer["Location"] == "/chats/"
    client.post("/accounts/logout/")
    assert client.post(SIGN_IN, {"login": "dora", "password": PASSWORD})["Location"] == "/chats/"


def test_what_the_server_has_to_say_is_said_at_the_chats_once(db: None, client: Client) -> None:
    client.post(SIGN_UP, {"username": "dora", "email": "dora@example.org", "password1": PASSWORD})

    page = client.get("/chats/")

    assert page.content.count(b"A link to verify dora@example.org is on its way.") == 1
    assert_strict(page)
    for path in ("/chats/", "/settings/"):
        assert b"is on its way" not in client.get(path).content


def test_the_manifest_installs_the_chats(db: None, client: Client) -> None:
    answer = client.get("/manifest.webmanifest")

    assert answer["Content-Type"] == "application/manifest+json"
    assert answer.json()["start_url"] == "/chats/"


def test_missing_pages_look_like_the_others_and_calls_get_a_problem(client: Client, db: None) -> None:
    page = client.get("/no/such/page")
    assert page.status_code == 404
    assert_strict(page)

    call = client.get("/api/v1/no-such-call")
    assert call.status_code == 404
    assert call["Content-Type"] == "application/problem+json"
    assert call.json()["code"] == "not_found"


def test_a_defect_gets_a_page_and_a_problem(client: Client, alice: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    client.raise_request_exception = False
    monkeypatch.setattr("accounts.api.services.find_user", lambda name: 1 / 0)

    call = client.post("/api/v1/auth/token", {"username": "a", "password": "b"}, content_type="application/json")
    assert (call.status_code, call.json()["code"]) == (500, "internal_error")

    monkeypatch.setattr("accounts.adapter.services.find_user", lambda name: 1 / 0)
    page = client.post(SIGN_IN, {"login": "alice", "password": PASSWORD})
    assert page.status_code == 500
    assert b"Something went wrong here" in page.content


def test_a_person_signs_up_and_out_and_in(db: None, client: Client) -> None:
    answer = client.post(SIGN_UP, {"username": "Dora", "email": "Dora@Example.org", "password1": PASSWORD})
    assert answer.status_code == 302, answer.content
    user = User.objects.get()
    assert (user.username, user.email) == ("dora", "dora@example.org")

    client.post("/accounts/logout/")
    assert client.get("/accounts/email/").status_code == 302
    assert client.post(SIGN_IN, {"login": "DORA@example.org", "password": PASSWORD}).status_code == 302
    assert client.get("/accounts/email/").status_code == 200


@pytest.mark.parametrize(
    "change",
    [
        {"username": "alice"},
        {"username": "a1ice"},
        {"username": "admin"},
        {"username": "<b>x</b>"},
        {"email": "ALICE@example.org"},
        {"email": "x"},
        {"password1": "too short"},
    ],
)
def test_the_sign_up_page_refuses_what_the_api_refuses(alice: Person, client: Client, change: dict[str, str]) -> None:
    form = {"username": "dora", "email": "dora@example.org", "password1": PASSWORD, **change}
    answer = client.post(SIGN_UP, form)

    assert answer.status_code == 200
    assert b"field-errors" in answer.content
    assert b"<b>x" not in answer.content
    assert User.objects.count() == 1


@pytest.mark.parametrize("login", ["alice", "nobody", "nobody@example.org"])
def test_the_sign_in_page_says_one_thing_to_strangers(alice: Person, client: Client, login: str) -> None:
    answer = client.post(SIGN_IN, {"login": login, "password": "not the password"})

    assert answer.status_code == 200
    assert b"The name or the password is not correct." in answer.content


def test_wrong_passwords_on_the_page_count_with_those_of_the_api(alice: Person, client: Client) -> None:
    for _ in range(10):
        client.post(SIGN_IN, {"login": "alice", "password": "wrong"})

    assert b"Too many wrong passwords" in client.post(SIGN_IN, {"login": "alice", "password": PASSWORD}).content
    assert alice.sign_in().status_code == 429


def test_forms_of_an_address_are_counted(db: None, client: Client, settings: Any) -> None:
    settings.LIMITS = {**settings.LIMITS, "sign_up": "2/hour"}
    answers = [client.post(SIGN_UP, {}) for _ in range(3)]

    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert int(answers[2]["Retry-After"]) > 0
    assert_strict(answers[2])
    assert client.get(SIGN_UP).status_code == 200, "looking is free"


def test_a_form_without_its_token_changes_nothing(alice: Person) -> None:
    strict = Client(enforce_csrf_checks=True)
    answer = strict.post(SIGN_IN, {"login": "alice", "password": PASSWORD})

    assert answer.status_code == 403
    assert b"This form has expired" in answer.content
    assert "_auth_user_id" not in strict.session


def test_a_new_password_signs_out_every_device_and_other_browser(
    browser: Client, laptop: Terminal, alice: Person
) -> None:
    other = Client()
    other.post(SIGN_IN, {"login": "alice", "password": PASSWORD})
    new = "another river bends thrice"

    answer = browser.post("/accounts/password/change/", {"oldpassword": PASSWORD, "password1": new, "password2": new})

    assert answer.status_code == 302
    assert not is_signed_in(laptop.access)
    assert other.get("/accounts/email/").status_code == 302
    assert browser.get("/accounts/email/").status_code == 200, "the browser that did it stays"
    assert alice.sign_in().status_code == 401


def test_a_forgotten_password_is_replaced_by_mail_and_the_page_tells_nobody(
    alice: Person, laptop: Terminal, client: Client, mailoutbox: list[Any]
) -> None:
    outgoing.wait()
    mailoutbox.clear()
    known = client.post("/accounts/password/reset/", {"email": "Alice@example.org"})
    unknown = Client().post("/accounts/password/reset/", {"email": "nobody@example.org"})
    outgoing.wait()
    assert (known.status_code, known["Location"]) == (unknown.status_code, unknown["Location"])
    assert [message.to for message in mailoutbox] == [["alice@example.org"]]

    link = next(word for word in mailoutbox[0].body.split() if "/password/reset/key/" in word)
    page = client.get(link, follow=True)
    assert_strict(page)
    new = "another river bends thrice"
    client.post(page.request["PATH_INFO"], {"password1": new, "password2": new})

    alice.password = new
    assert alice.sign_in().status_code == 200
    assert not is_signed_in(laptop.access)
    assert b"does not work any more" in Client().get(link, follow=True).content


def test_an_operator_can_require_verification_on_the_page(
    db: None, client: Client, settings: Any, mailoutbox: list[Any]
) -> None:
    settings.ACCOUNT_EMAIL_VERIFICATION = "mandatory"
    client.post(SIGN_UP, {"username": "dora", "email": "dora@example.org", "password1": PASSWORD})
    assert client.get("/accounts/email/").status_code == 302
    outgoing.wait()

    link = next(word for word in mailoutbox[0].body.split() if "/confirm-email/" in word)
    assert_strict(client.get(link))
    client.post(link)
    client.post(SIGN_IN, {"login": "dora", "password": PASSWORD})
    assert client.get("/accounts/email/").status_code == 200


def test_mail_to_an_address_is_counted(alice: Person, client: Client, mailoutbox: list[Any], settings: Any) -> None:
    outgoing.wait()
    mailoutbox.clear()
    settings.LIMITS = {**settings.LIMITS, "mail": "2/hour"}
    for _ in range(4):
        assert client.post("/accounts/password/reset/", {"email": "alice@example.org"}).status_code == 302
    outgoing.wait()

    assert len(mailoutbox) == 2


def test_a_suspended_account_is_told_so_on_the_page(alice: Person, client: Client) -> None:
    User.objects.update(is_active=False)
    answer = client.post(SIGN_IN, {"login": "alice", "password": PASSWORD}, follow=True)

    assert b"This account is suspended" in answer.content


def test_the_schema_names_every_call_of_sign_in_and_the_bearer_token(db: None, client: Client) -> None:
    schema = client.get("/api/v1/schema", HTTP_ACCEPT="application/vnd.oai.openapi+json").json()

    assert schema["components"]["securitySchemes"]["bearer"]["scheme"] == "bearer"
    assert {path for path in schema["paths"] if "/auth/" in path} == {
        f"/api/v1/auth/{call}"
        for call in (
            "register",
            "token",
            "token/session",
            "token/refresh",
            "logout",
            "logout-everywhere",
            "device/challenge",
            "device/token",
        )
    }
    assert schema["paths"]["/api/v1/devices"]["post"]["security"] == [{"bearer": []}]
