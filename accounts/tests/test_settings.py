"""The settings page: what is shown of account and devices, the theme, and signing out with or without what is kept."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.test import Client

from accounts.models import Device, User
from accounts.tests.browsers import Browser
from accounts.tests.people import PASSWORD, Person, Terminal, is_signed_in

SETTINGS, THEME, SIGN_OUT = "/settings/", "/settings/theme", "/accounts/logout/"
END = "/settings/devices/{}"


@pytest.fixture
def browser(alice: Person) -> Browser:
    return Browser.sign_in(alice)


def page_of(browser: Browser, path: str = SETTINGS) -> str:
    answer = browser.client.get(path)
    assert answer.status_code == 200
    return str(answer.content.decode())


def test_the_account_and_its_devices_are_shown(browser: Browser, laptop: Terminal, phone: Terminal) -> None:
    browser.enrol("this very browser")
    Device.objects.filter(id=phone.id).update(suspended=True)

    page = page_of(browser)

    for word in ("alice", "alice@example.org", "not verified", "laptop", "phone", "this very browser"):
        assert word in page
    assert page.count(">this browser<") == 1
    assert page.count(">ended<") == 1
    assert page.index("this very browser") < page.index(">this browser<") < page.index("laptop") < page.index("phone")
    assert [one in page for one in (END.format(laptop.id), END.format(phone.id))] == [True, False]
    assert page.count("/settings/devices/") == 1, "not this browser"
    assert 'href="/chats/#link"' in page


def test_a_device_is_asked_about_once_and_signed_out(browser: Browser, laptop: Terminal, phone: Terminal) -> None:
    browser.enrol("this very browser")
    asked = page_of(browser, END.format(laptop.id))
    assert "Sign out laptop?" in asked
    assert is_signed_in(laptop.access)

    answer = browser.send(END.format(laptop.id), {})

    assert (answer.status_code, answer["Location"]) == (302, "/settings/#devices")
    assert not is_signed_in(laptop.access)
    assert is_signed_in(phone.access)
    page = page_of(browser)
    assert "laptop is signed out." in page
    assert page.count(">ended<") == 1
    assert browser.client.get(END.format(laptop.id)).status_code == 302, "there is nothing to ask any more"
    assert browser.send(END.format(laptop.id), {}, of=SETTINGS).status_code == 302


def test_this_browser_is_not_signed_out_as_a_device(browser: Browser) -> None:
    own = browser.enrol()

    assert browser.client.get(END.format(own.id)).status_code == 404
    assert browser.send(END.format(own.id), {}, of=SETTINGS).status_code == 404
    assert is_signed_in(own.access)


def test_strangers_and_other_sites_sign_no_device_out(browser: Browser, laptop: Terminal, charlie: Person) -> None:
    path, stranger = END.format(laptop.id), Browser.sign_in(charlie)
    assert stranger.client.get(path).status_code == 404
    assert stranger.send(path, {}, of=SETTINGS).status_code == 404
    assert Client().get(path).status_code == 302
    assert browser.client.post(path, {}).status_code == 403
    assert browser.client.get("/settings/devices/all").status_code == 404
    assert is_signed_in(laptop.access)


def test_signing_devices_out_is_limited(browser: Browser, laptop: Terminal, phone: Terminal, settings: Any) -> None:
    settings.LIMITS = {**settings.LIMITS, "suspend": "1/hour"}
    browser.send(END.format(laptop.id), {})
    answer = browser.send(END.format(phone.id), {})

    assert answer.status_code == 429
    assert int(answer["Retry-After"]) > 0
    assert is_signed_in(phone.access)


def test_a_name_is_text_wherever_it_is_shown(browser: Browser, alice: Person) -> None:
    device = alice.add_device("<b>bold</b>")
    for path in (SETTINGS, END.format(device.id)):
        assert "<b>bold" not in page_of(browser, path)
    browser.send(END.format(device.id), {})
    assert "<b>bold" not in page_of(browser)


def test_without_a_device_it_says_how_to_get_one(browser: Browser) -> None:
    page = page_of(browser)

    assert "this browser becomes the first" in page
    assert ">this browser<" not in page


def test_the_settings_are_kept_by_no_cache(browser: Browser) -> None:
    assert "no-store" in browser.client.get(SETTINGS)["Cache-Control"]


def test_a_stranger_sees_no_settings_and_others_see_their_own(browser: Browser, charlie: Person) -> None:
    assert Client().get(SETTINGS).status_code == 302
    page = page_of(Browser.sign_in(charlie))
    assert "alice" not in page


@pytest.mark.parametrize("theme", ["light", "dark", "auto"])
def test_a_chosen_theme_is_on_every_page(browser: Browser, theme: str) -> None:
    answer = browser.send(THEME, {"theme": theme}, of=SETTINGS)

    assert (answer.status_code, answer["Location"]) == (302, "/settings/#appearance")
    assert answer.cookies["theme"]["httponly"]
    assert answer.cookies["theme"]["samesite"] == "Lax"
    for path in ("/settings/", "/chats/", "/no/such/page"):
        assert f'data-theme="{theme}"' in browser.client.get(path).content.decode()
    assert re.search(rf'value="{theme}"[^>]* checked', page_of(browser))


def test_a_theme_that_is_none_changes_nothing(browser: Browser) -> None:
    browser.send(THEME, {"theme": "dark"}, of=SETTINGS)
    for theme in ("", "purple", '"><script>'):
        assert "theme" not in browser.send(THEME, {"theme": theme}, of=SETTINGS).cookies
    assert browser.client.get(THEME).status_code == 405

    browser.client.cookies["theme"] = '"><script>alert(1)</script>'
    page = page_of(browser)
    assert 'data-theme="auto"' in page
    assert "alert(1)" not in page


def test_another_site_chooses_no_theme(browser: Browser) -> None:
    assert browser.client.post(THEME, {"theme": "dark"}).status_code == 403


def test_a_page_for_a_defect_keeps_the_theme(browser: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    browser.send(THEME, {"theme": "dark"}, of=SETTINGS)
    browser.client.raise_request_exception = False
    monkeypatch.setattr("accounts.pages.known_device", lambda session: 1 / 0)

    answer = browser.client.get(SETTINGS)

    assert answer.status_code == 500
    assert b'data-theme="dark"' in answer.content


def test_signing_out_keeps_what_the_browser_keeps(browser: Browser) -> None:
    answer = browser.sign_out(store="keep")

    assert answer.status_code == 302
    assert "Clear-Site-Data" not in answer


@pytest.mark.parametrize("form", [{}, {"store": ""}, {"store": "ERASE "}])
def test_nothing_is_erased_that_nobody_asked_for(browser: Browser, form: dict[str, str]) -> None:
    assert "Clear-Site-Data" not in browser.sign_out(**form)


def test_signing_out_erases_what_the_browser_keeps(browser: Browser) -> None:
    answer = browser.sign_out(store="erase")

    assert answer.status_code == 302
    assert answer["Clear-Site-Data"] == '"storage"'
    assert browser.client.get(SETTINGS).status_code == 302


def test_the_page_to_sign_out_says_what_is_lost_and_keeps_by_default(browser: Browser) -> None:
    assert 'value="keep" id="store_keep" aria-describedby="store_keep_help" checked' in page_of(browser, SIGN_OUT)
    page = page_of(browser, f"{SIGN_OUT}?store=erase")
    assert 'id="store_erase" aria-describedby="store_erase_help" checked' in page
    assert "its keys are gone" in page


def test_another_site_neither_signs_out_nor_erases(browser: Browser) -> None:
    answer = browser.client.post(SIGN_OUT, {"store": "erase"})

    assert answer.status_code == 403
    assert "Clear-Site-Data" not in answer
    assert browser.client.get(SETTINGS).status_code == 200


def test_a_new_password_leads_back_to_the_settings(browser: Browser) -> None:
    new = "another river bends thrice"
    form: dict[str, Any] = {"oldpassword": PASSWORD, "password1": new, "password2": new}

    assert browser.send("/accounts/password/change/", form)["Location"] == SETTINGS
    assert User.objects.get().check_password(new)
