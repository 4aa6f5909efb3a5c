"""The pages in a real browser: sign up, sign in, sign out; no accessibility or policy complaint, light and dark.

Screenshots of every page are kept in DATA_DIR/screenshots for people to judge.
"""

import os
import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from nacl.signing import SigningKey
from playwright.sync_api import Browser, Page, expect, sync_playwright

from messenger.lib import base64url
from tests.axe import no_fault
from tests.browsers import SWITCHES, chromium
from tests.people import PASSWORD
from tests.stacks import ROOT, Stack, running
from tests.tls import TlsProxy

WIDE, NARROW = (1280, 900), (390, 844)
ANONYMOUS = {
    "home": "/",
    "sign-up": "/accounts/signup/",
    "sign-in": "/accounts/login/",
    "reset": "/accounts/password/reset/",
    "missing": "/no-such-page",
    "offline": "/offline/",
}
SIGNED_IN = {
    "settings": "/settings/",
    "password": "/accounts/password/change/",
    "email": "/accounts/email/",
    "sign-out": "/accounts/logout/",
    "sign-out-erase": "/accounts/logout/?store=erase",
}
# What a page keeps in the browser, in each of the places that there are.
FILL = """async () => {
  const folder = await navigator.storage.getDirectory();
  await folder.getFileHandle("kept", { create: true });
  const opened = indexedDB.open("kept");
  await new Promise((done) => { opened.onsuccess = done; });
  opened.result.close();
  localStorage.setItem("kept", "1");
}"""
KEPT = """async () => {
  const names = [];
  for await (const name of (await navigator.storage.getDirectory()).keys()) names.push(name);
  const databases = (await indexedDB.databases()).map((one) => one.name);
  return [...names, ...databases, ...Object.keys(localStorage)].filter((name) => name === "kept");
}"""


@pytest.fixture(scope="module")
def embedded() -> Iterator[Stack]:
    with running("embedded", pages=True) as stack:
        yield stack


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=chromium(), args=SWITCHES)
        yield started
        started.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A page that fails the test when the browser's console or a policy has anything to complain about."""
    context = browser.new_context()
    complaints: list[str] = []
    context.expose_function("complain", lambda text: complaints.append(text))
    context.add_init_script(
        "document.addEventListener('securitypolicyviolation',"
        " (event) => complain(`${event.violatedDirective} ${event.blockedURI} ${event.sourceFile}`))"
    )
    opened = context.new_page()
    opened.on(
        "console",
        lambda said: complaints.append(f"{said.text} {said.location['url']}") if said.type == "error" else None,
    )
    opened.on("pageerror", lambda error: complaints.append(str(error)))
    yield opened
    context.close()
    # A page that is not there is meant to be a 404, and a call without a token a 401.
    assert [text for text in complaints if not re.search("status of 40[14]", text)] == []


def sign_up(page: Page, stack: Stack, name: str) -> None:
    page.goto(f"{stack.url()}/accounts/signup/")
    page.get_by_label("Username").fill(name)
    page.get_by_label(re.compile("^E-?mail", re.I)).fill(f"{name}@example.org")
    for field in page.locator("input[type=password]").all():
        field.fill(PASSWORD)
    page.get_by_role("button", name=re.compile("sign up|create", re.I)).click()
    expect(page).to_have_url(f"{stack.url()}/chats/")


def sign_out(page: Page, stack: Stack, choice: str = "Keep them") -> None:
    page.goto(f"{stack.url()}/accounts/logout/")
    page.get_by_label(choice).check()
    page.get_by_role("main").get_by_role("button", name="Sign out").click()
    expect(page).to_have_url(f"{stack.url()}/")


def look_at(page: Page, stack: Stack, pages: dict[str, str]) -> None:
    """Visit each page in both themes and widths: axe finds nothing, nothing overflows, a picture is kept."""
    pictures = Path(os.environ.get("DATA_DIR", ROOT / "var")) / "screenshots"
    pictures.mkdir(parents=True, exist_ok=True)
    for name, path in pages.items():
        for theme in ("light", "dark"):
            page.emulate_media(color_scheme="dark" if theme == "dark" else "light")
            for width, height in (WIDE, NARROW):
                page.set_viewport_size({"width": width, "height": height})
                page.goto(stack.url() + path)
                page.screenshot(path=pictures / f"{name}-{theme}-{width}.png", full_page=True)
                no_fault(page, f"{name} {theme} {width}")
                overflow = page.evaluate("() => document.documentElement.scrollWidth - window.innerWidth")
                assert overflow <= 0, f"{name} is {overflow} px too wide at {width}"


def test_pages_for_everyone_have_no_fault(page: Page, embedded: Stack) -> None:
    look_at(page, embedded, ANONYMOUS)


def test_pages_of_a_signed_in_person_have_no_fault(page: Page, embedded: Stack) -> None:
    sign_up(page, embedded, "iris")
    look_at(page, embedded, SIGNED_IN)


def test_another_device_is_signed_out_after_one_question(page: Page, embedded: Stack) -> None:
    sign_up(page, embedded, "petunia")
    page.goto(f"{embedded.url()}/accounts/logout/")
    registered = page.evaluate(
        """async (signing_key) => {
          const csrf = document.querySelector("[name=csrfmiddlewaretoken]").value;
          const post = async (path, headers, body) => (await fetch(`/api/v1/${path}`, {
            method: "POST", headers: { "Content-Type": "application/json", ...headers }, body: JSON.stringify(body),
          })).json();
          const { access } = await post("auth/token/session", { "X-CSRFToken": csrf }, {});
          const device = { name: "an old laptop", platform: "linux", signing_key };
          return (await post("devices", { Authorization: `Bearer ${access}` }, device)).id;
        }""",
        base64url.encode(bytes(SigningKey.generate().verify_key)),
    )
    path = f"/settings/devices/{registered}"
    look_at(page, embedded, {"settings-devices": "/settings/", "sign-out-device": path})
    page.goto(f"{embedded.url()}/settings/#devices")
    page.get_by_role("link", name="Sign out an old laptop").click()
    page.get_by_role("link", name="Keep it").click()
    expect(page).to_have_url(f"{embedded.url()}/settings/#devices")
    page.get_by_role("link", name="Sign out an old laptop").click()
    page.get_by_role("button", name="Sign it out").click()
    expect(page).to_have_url(f"{embedded.url()}/settings/#devices")
    expect(page.get_by_role("status").first).to_contain_text("an old laptop is signed out.")
    expect(page.locator("#devices")).to_contain_text("ended")
    expect(page.get_by_role("link", name="Sign out an old laptop")).to_have_count(0)


def test_a_person_signs_up_out_and_in_by_either_name(page: Page, embedded: Stack) -> None:
    sign_up(page, embedded, "juniper")
    for name in ("juniper", "juniper@example.org"):
        sign_out(page, embedded)
        page.goto(f"{embedded.url()}/accounts/login/")
        page.get_by_label(re.compile("username", re.I)).fill(name)
        page.get_by_label("Password", exact=True).fill(PASSWORD)
        page.get_by_role("main").get_by_role("button", name=re.compile("sign in", re.I)).click()
        expect(page).to_have_url(f"{embedded.url()}/chats/")
        page.goto(f"{embedded.url()}/settings/")
        expect(page.get_by_role("main")).to_contain_text("juniper")


def test_a_wrong_password_says_so_and_signs_nobody_in(page: Page, embedded: Stack) -> None:
    sign_up(page, embedded, "laurel")
    page.context.clear_cookies()
    page.goto(f"{embedded.url()}/accounts/login/")
    page.get_by_label(re.compile("username", re.I)).fill("laurel")
    page.get_by_label("Password", exact=True).fill("not the right password")
    page.get_by_role("main").get_by_role("button", name=re.compile("sign in", re.I)).click()
    expect(page.get_by_role("main")).to_contain_text(re.compile("not correct|wrong|do not match", re.I))
    page.goto(f"{embedded.url()}/accounts/password/change/")
    expect(page).to_have_url(re.compile("/accounts/login/"))


def test_a_moderator_suspends_somebody_under_the_strict_policy(page: Page, embedded: Stack) -> None:
    sign_up(page, embedded, "nettle")
    page.context.clear_cookies()
    sign_up(page, embedded, "olive")
    embedded.manage(
        "shell",
        "-c",
        "from accounts.models import User; User.objects.filter(username='olive')"
        ".update(is_staff=True, is_superuser=True)",
    )
    page.goto(f"{embedded.url()}/admin/accounts/user/?q=nettle")
    page.locator("input.action-select").check()
    page.locator("select[name=action]").select_option("suspend")
    page.get_by_role("button", name=re.compile("run|go", re.I)).click()
    expect(page.locator(".messagelist")).to_contain_text("Suspended")
    page.get_by_role("link", name="nettle", exact=True).click()
    expect(page.locator(".field-is_active img")).to_have_attribute("alt", "False")


def test_a_name_with_markup_is_refused_and_shown_as_text(page: Page, embedded: Stack) -> None:
    page.goto(f"{embedded.url()}/accounts/signup/")
    page.get_by_label("Username").fill("<img src=x>")
    page.get_by_label(re.compile("^E-?mail", re.I)).fill("markup@example.org")
    for field in page.locator("input[type=password]").all():
        field.fill(PASSWORD)
    page.get_by_role("button", name=re.compile("sign up|create", re.I)).click()
    expect(page.locator("main img[src=x]")).to_have_count(0)
    expect(page).to_have_url(re.compile("/accounts/signup/"))


def test_a_chosen_theme_holds_against_the_system(page: Page, embedded: Stack) -> None:
    sign_up(page, embedded, "poppy")
    page.emulate_media(color_scheme="light")
    page.goto(f"{embedded.url()}/settings/")
    light = page.evaluate("getComputedStyle(document.body).backgroundColor")
    page.get_by_label("Dark").check()
    page.get_by_role("button", name="Use this theme").click()
    expect(page).to_have_url(f"{embedded.url()}/settings/#appearance")
    expect(page.get_by_label("Dark")).to_be_checked()
    dark = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert dark != light

    sign_out(page, embedded)
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == dark
    page.emulate_media(color_scheme="dark")
    page.context.clear_cookies(name="theme")
    page.goto(f"{embedded.url()}/")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == dark, "the system's choice is the same"


def test_signing_out_erases_what_the_browser_keeps_only_if_asked(page: Page, embedded: Stack) -> None:
    sign_up(page, embedded, "quince")
    page.goto(f"{embedded.url()}/settings/")
    page.evaluate(FILL)
    sign_out(page, embedded)
    assert page.evaluate(KEPT) == ["kept"] * 3

    page.goto(f"{embedded.url()}/accounts/login/?next=/settings/")
    page.get_by_label(re.compile("username", re.I)).fill("quince")
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("main").get_by_role("button", name=re.compile("sign in", re.I)).click()
    sign_out(page, embedded, "Erase them")
    page.wait_for_function(f"async () => (await ({KEPT})()).length === 0")


def test_no_markup_from_a_string_and_no_script_from_elsewhere(browser: Browser, embedded: Stack) -> None:
    context = browser.new_context()
    page = context.new_page()
    page.goto(f"{embedded.url()}/")
    refused = page.evaluate(
        """() => [
          () => { document.body.innerHTML = "<p>markup</p>"; },
          () => { document.createElement("script").src = "https://elsewhere.example/x.js"; },
          () => { document.body.append(document.createRange().createContextualFragment("<b>x</b>")); },
          () => trustedTypes.createPolicy("another", {}),
          () => new Worker("https://elsewhere.example/x.js"),
        ].map((attempt) => { try { attempt(); return false; } catch { return true; } })"""
    )
    context.close()
    assert refused == [True] * 5


def test_a_pages_cookie_opens_a_socket_that_wants_a_device_token(page: Page, embedded: Stack) -> None:
    sign_up(page, embedded, "rowan")
    page.goto(f"{embedded.url()}/accounts/logout/")
    heard = page.evaluate(
        """async () => {
          const csrf = document.querySelector("[name=csrfmiddlewaretoken]").value;
          const headers = { "X-CSRFToken": csrf, "Content-Type": "application/json" };
          const answer = await fetch("/api/v1/auth/token/session", { method: "POST", headers, body: "{}" });
          const { access, device } = await answer.json();
          const socket = new WebSocket(`ws://${location.host}/ws/v1`, ["messenger.v1"]);
          const heard = [answer.status, device];
          socket.onopen = () => socket.send(JSON.stringify({ type: "token", id: "1", access }));
          socket.onmessage = (event) => heard.push(JSON.parse(event.data).code);
          return new Promise((done) => { socket.onclose = (event) => done([...heard, event.code]); });
        }"""
    )
    assert heard == [200, None, "wrong_token", 4401]


def test_what_the_server_says_at_the_chats_goes_away_without_a_script(browser: Browser, embedded: Stack) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    sign_up(page, embedded, "saffron")
    notice = page.get_by_role("dialog", name="Notice")
    expect(notice).to_contain_text("A link to verify saffron@example.org is on its way.")
    expect(page.locator("noscript")).to_be_visible()
    notice.get_by_role("button", name="Got it").click()
    expect(notice).to_be_hidden()
    expect(page).to_have_url(f"{embedded.url()}/chats/")
    context.close()


def test_behind_a_proxy_with_tls_everything_works_and_cookies_are_bound_to_it(browser: Browser, tmp_path: Path) -> None:
    with (
        running("embedded", pages=True, HTTPS="1", TRUST_X_FORWARDED_PROTO="1") as stack,
        TlsProxy(stack.servers[0].port, tmp_path) as proxy,
    ):
        trusting = browser.browser_type.launch(
            executable_path=chromium(), args=[*SWITCHES, "--ignore-certificate-errors"]
        )
        page = trusting.new_page()
        page.goto(f"{proxy.url}/accounts/signup/")
        page.get_by_label("Username").fill("sorrel")
        page.get_by_label(re.compile("^E-?mail", re.I)).fill("sorrel@example.org")
        page.locator("input[type=password]").fill(PASSWORD)
        page.get_by_role("button", name=re.compile("sign up|create", re.I)).click()
        expect(page).to_have_url(f"{proxy.url}/chats/")
        expect(page.locator("messenger-app .panes")).to_be_visible(timeout=30_000)
        deadline = time.monotonic() + 30
        while b'"hello"' not in proxy.said_on_sockets and time.monotonic() < deadline:
            page.wait_for_timeout(100)
        assert b'"hello"' in proxy.said_on_sockets

        page.goto(f"{proxy.url}/settings/")
        page.get_by_label("Dark").check()
        page.get_by_role("button", name="Use this theme").click()
        expect(page.locator("html")).to_have_attribute("data-theme", "dark")
        cookies = {cookie.get("name"): cookie for cookie in page.context.cookies()}
        assert {"__Host-session", "__Host-csrf", "theme"} <= set(cookies)
        assert all(cookie.get("secure") and cookie.get("httpOnly") for cookie in cookies.values())
        trusting.close()


def test_the_servers_log_names_nobody_and_shows_no_secret(page: Page, embedded: Stack) -> None:
    sign_up(page, embedded, "tansy")
    secrets = {str(cookie.get("value")) for cookie in page.context.cookies()}
    expect(page.locator("messenger-app .panes")).to_be_visible(timeout=30_000)
    page.goto(f"{embedded.url()}/settings/")
    for path in ("/chats/tansy", "/static/tansy.js", "/api/v1/accounts/tansy"):
        page.evaluate("(path) => fetch(path).then((answer) => answer.status)", path)
    sign_out(page, embedded)
    page.goto(f"{embedded.url()}/accounts/login/")
    page.get_by_label(re.compile("username", re.I)).fill("tansy")
    page.get_by_label("Password", exact=True).fill("not the right password")
    page.get_by_role("main").get_by_role("button", name=re.compile("sign in", re.I)).click()
    expect(page.get_by_role("main")).to_contain_text("not correct")

    log = embedded.servers[0].log.read_text()
    assert "jobs_done" in log
    told = log.replace(f"Messenger is at {embedded.url()}", "")
    for word in ("tansy", "example.org", "127.0.0.1", "eyJ", "/chats", PASSWORD, "not the right password", *secrets):
        assert word not in told, word
