"""A page exchanges its cookie for a token. What it opens ends with the browser's session, and nothing else does."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.sessions.models import Session as StoredSession
from django.test import Client, RequestFactory
from django.utils import timezone

from accounts import services
from accounts.adapter import AccountAdapter
from accounts.models import Session, User
from accounts.services.sessions import lock_user
from accounts.tests.browsers import Browser
from accounts.tests.people import PASSWORD, Person, Terminal, is_signed_in, post
from messenger.lib.errors import NotSignedIn

NEW = "another river bends thrice"


@pytest.fixture
def browser(alice: Person) -> Browser:
    return Browser.sign_in(alice)


def assert_over(device: Terminal) -> None:
    """Nothing that this device holds works any more, and no proof makes it work."""
    assert not is_signed_in(device.access)
    assert post("auth/token/refresh", {"refresh": device.refresh}).status_code == 401
    assert device.prove(refresh=device.refresh).status_code == 401
    ids = set(Session.objects.filter(device=device.uuid).values_list("id", flat=True))
    assert ids
    assert services.ended_sessions(ids) == ids, "its socket would stay"


def test_a_signed_in_page_gets_an_account_token_that_enrols_a_device(browser: Browser, alice: Person) -> None:
    tokens = browser.tokens()

    assert tokens["account"] == {"id": alice.id, "username": "alice"}
    assert tokens["device"] is None
    device = browser.enrol()
    assert is_signed_in(device.access)
    bound = Session.objects.filter(browser__isnull=False)
    assert bound.count() == 3, "two account families and the device's"
    assert bound.values("browser").distinct().count() == 1
    assert services.authenticate_device(device.access).browser == bound[0].browser


def test_the_answer_is_kept_by_nothing_on_the_way(browser: Browser) -> None:
    assert browser.ask_tokens()["Cache-Control"] == "no-store"


def test_a_stranger_gets_nothing(db: None, alice: Person, laptop: Terminal) -> None:
    for client in (Client(), Client(headers={"Authorization": f"Bearer {laptop.access}"})):
        answer = client.post("/api/v1/auth/token/session", {}, content_type="application/json")
        assert (answer.status_code, answer.json()["code"]) == (401, "not_signed_in")
    made_up = Client()
    made_up.cookies["sessionid"] = "a" * 32
    assert made_up.post("/api/v1/auth/token/session", {}, content_type="application/json").status_code == 401
    assert not Session.objects.filter(browser__isnull=False).exists()


@pytest.mark.parametrize("csrf", ["", "nonsense", "a" * 64])
def test_another_page_cannot_ask_with_the_cookie(browser: Browser, csrf: str) -> None:
    answer = browser.ask_tokens(csrf=csrf)

    assert (answer.status_code, answer.json()["code"]) == (403, "csrf_failed")
    assert answer["Content-Type"] == "application/problem+json"
    assert not browser.families


def test_another_origin_cannot_ask_with_cookie_and_token(browser: Browser) -> None:
    csrf = browser.csrf("/accounts/logout/")
    answer = browser.client.post(
        "/api/v1/auth/token/session",
        {},
        content_type="application/json",
        headers={"X-CSRFToken": csrf, "Origin": "https://elsewhere.example"},
    )

    assert (answer.status_code, answer.json()["code"]) == (403, "csrf_failed")


@pytest.mark.parametrize("body", [{"device": "x"}, [], "x"])
def test_a_malformed_body_opens_nothing(browser: Browser, body: Any) -> None:
    answer = browser.ask_tokens(body=body)

    assert (answer.status_code, answer.json()["code"]) == (400, "malformed")
    assert not browser.families


def test_the_cookie_opens_no_other_call(browser: Browser) -> None:
    for path in ("accounts/me", "devices", "accounts?prefix=al"):
        assert browser.client.get(f"/api/v1/{path}").status_code == 401


def test_signing_out_of_the_page_ends_what_it_opened_and_no_other(
    browser: Browser, alice: Person, laptop: Terminal
) -> None:
    device, other = browser.enrol(), Browser.sign_in(alice)
    second = other.enrol("another browser")

    assert browser.sign_out().status_code == 302

    assert_over(device)
    assert is_signed_in(second.access)
    assert is_signed_in(laptop.access)
    assert browser.client.post("/api/v1/auth/token/session", {}, content_type="application/json").status_code == 401


def test_a_family_that_was_refreshed_or_recovered_ends_too(browser: Browser) -> None:
    device = browser.enrol()
    device.tokens = post("auth/token/refresh", {"refresh": device.refresh}).json()
    device.tokens = device.prove(refresh=device.refresh).json()
    assert Session.objects.filter(device=device.uuid, browser__isnull=False).count() == 2

    browser.sign_out()

    assert_over(device)


def test_a_new_password_ends_what_every_browser_opened(browser: Browser, alice: Person) -> None:
    device, other = browser.enrol(), Browser.sign_in(alice)
    second = other.enrol("another browser")
    form = {"oldpassword": PASSWORD, "password1": NEW, "password2": NEW}

    assert browser.send("/accounts/password/change/", form).status_code == 302

    assert_over(device)
    assert_over(second)
    answer = other.client.post("/api/v1/auth/token/session", {}, content_type="application/json")
    assert answer.status_code == 401
    assert browser.tokens()["device"] is None, "the browser that did it stays, and proves its device again"


def test_signing_out_everywhere_ends_the_browser_and_what_it_opened(browser: Browser, laptop: Terminal) -> None:
    device = browser.enrol()
    csrf = browser.csrf("/accounts/logout/")

    post("auth/logout-everywhere", {}, laptop.access)

    assert_over(device)
    assert browser.ask_tokens(csrf=csrf).status_code == 401


def test_a_suspended_person_gets_nothing_from_the_cookie(browser: Browser) -> None:
    device, csrf = browser.enrol(), browser.csrf("/accounts/logout/")
    services.suspend_user(user=User.objects.get())

    assert_over(device)
    assert browser.ask_tokens(csrf=csrf).status_code == 401


def test_signing_out_of_the_admin_ends_what_the_browser_opened(browser: Browser) -> None:
    device = browser.enrol()
    User.objects.update(is_staff=True, is_superuser=True)

    browser.send("/admin/logout/", {}, of="/admin/")

    assert_over(device)


def test_a_browser_session_that_expires_takes_its_families_along(browser: Browser) -> None:
    device = browser.enrol()
    expiry = StoredSession.objects.get().expire_date
    device.tokens = post("auth/token/refresh", {"refresh": device.refresh}).json()

    families = Session.objects.filter(browser__isnull=False)
    assert {family.expires_at for family in families} == {expiry}, "refreshing does not outlive the browser"
    ids = {family.id for family in families}
    assert services.ended_sessions(ids, now=expiry - timedelta(seconds=1)) == set()
    assert services.ended_sessions(ids, now=expiry) == ids


def test_an_expired_browser_gets_nothing(browser: Browser) -> None:
    key = browser.client.session.session_key
    StoredSession.objects.update(expire_date=timezone.now())

    with pytest.raises(NotSignedIn):
        services.open_browser_session(session_key=key, now=timezone.now())


def test_opening_the_chats_keeps_the_browser_and_its_families(browser: Browser) -> None:
    device = browser.enrol()
    soon = timezone.now() + timedelta(hours=1)
    StoredSession.objects.update(expire_date=soon)
    Session.objects.filter(browser__isnull=False).update(expires_at=soon)

    assert browser.client.get("/chats/").status_code == 200

    assert StoredSession.objects.get().expire_date > soon + timedelta(days=20)
    assert Session.objects.get(device=device.uuid).expires_at > soon + timedelta(days=20)


def test_a_sign_out_during_the_exchange_wins(browser: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    key = browser.client.session.session_key

    def signing_out_first(user_id: Any) -> User:
        browser.client.logout()
        return lock_user(user_id)

    monkeypatch.setattr("accounts.services.browsers.lock_user", signing_out_first)
    with pytest.raises(NotSignedIn):
        services.open_browser_session(session_key=key, now=timezone.now())
    assert not browser.families


def test_a_sign_out_that_fails_leaves_nothing_half_done(browser: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    device = browser.enrol()
    browser.client.raise_request_exception = False
    with monkeypatch.context() as patch:
        patch.setattr("accounts.services.browsers.end", lambda *_: 1 / 0)
        assert browser.sign_out().status_code == 500
    assert is_signed_in(device.access)
    assert browser.client.get("/settings/").status_code == 200, "and can be tried again"

    browser.sign_out()

    assert_over(device)


def test_signing_in_as_somebody_else_ends_what_was_open(browser: Browser, charlie: Person) -> None:
    device = browser.enrol()
    request = RequestFactory().post("/accounts/login/")
    request.session, request.user = browser.client.session, User.objects.get(username="alice")
    before = services.browser_of(request.session)

    AccountAdapter(request).login(request, User.objects.get(username="charlie"))

    assert_over(device)
    assert services.browser_of(request.session) not in (None, before)


def test_a_session_from_before_there_were_ids_gets_one_with_the_chats(alice: Person, client: Client) -> None:
    client.force_login(User.objects.get(), backend="allauth.account.auth_backends.AuthenticationBackend")
    with pytest.raises(NotSignedIn):
        services.recognise_browser(client.session.session_key, now=timezone.now())

    client.get("/chats/")

    assert services.recognise_browser(client.session.session_key, now=timezone.now())[0].username == "alice"


def test_a_browser_knows_the_device_that_it_spoke_for_last(browser: Browser, alice: Person, laptop: Terminal) -> None:
    assert services.known_device(browser.client.session) is None
    first, second = browser.enrol("first"), browser.enrol("second")
    assert services.known_device(browser.client.session) == second.uuid
    assert first.uuid != second.uuid

    Browser.sign_in(alice).enrol("elsewhere")
    assert services.known_device(browser.client.session) == second.uuid
    services.change_password(user=User.objects.get(), password=NEW)
    assert services.known_device(browser.client.session) == second.uuid, "also of a family that has ended"


def test_where_the_operator_asks_for_it_the_address_has_to_be_verified(browser: Browser, settings: Any) -> None:
    settings.ACCOUNT_EMAIL_VERIFICATION = "mandatory"

    answer = browser.ask_tokens()

    assert (answer.status_code, answer.json()["code"]) == (403, "email_not_verified")


def test_requests_with_a_cookie_count_for_their_address(browser: Browser, settings: Any) -> None:
    csrf = browser.csrf("/accounts/logout/")
    settings.LIMITS = {**settings.LIMITS, "address": "2/minute"}
    answers = [browser.ask_tokens(csrf=csrf).status_code for _ in range(3)]

    assert answers == [200, 200, 429]
