"""A page's socket: its cookie and its origin let it ask, and only a token of its own session lets it speak."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import orjson
import pytest
from asgiref.sync import sync_to_async
from channels.testing import WebsocketCommunicator
from django.conf import settings
from django.contrib.sessions.models import Session as StoredSession
from django.test import Client
from django.utils import timezone

from accounts import services
from accounts.models import Session
from accounts.services.sessions import Browser, open_session
from chats import buckets, handshake
from chats.delivery.delivery import Delivery
from chats.models import Envelope
from chats.tests.people import Phone, Socket
from messenger.asgi import application

pytestmark = pytest.mark.usefixtures("delivery")
HOST, ORIGIN = b"testserver", b"http://testserver"


@dataclass
class Page:
    """A browser that is signed in, and one device of its account that it has proved."""

    phone: Phone
    client: Client
    browser: Browser
    access: str

    @classmethod
    def sign_in(cls, phone: Phone) -> Page:
        client = Client()
        client.force_login(phone.member.user, backend=settings.AUTHENTICATION_BACKENDS[0])
        session = client.session
        services.mark_browser(session)
        session.save()
        _, browser = services.recognise_browser(session.session_key, now=timezone.now())
        now = timezone.now()
        access = open_session(user=phone.member.user, device=phone.device, now=now, browser=browser).access
        return cls(phone, client, browser, access)

    def headers(self, **changes: bytes | None) -> list[tuple[bytes, bytes]]:
        cookie = f"theme=dark; {settings.SESSION_COOKIE_NAME}={self.client.session.session_key}".encode()
        sent = {"host": HOST, "origin": ORIGIN, "cookie": cookie, **changes}
        return [(name.encode(), value) for name, value in sent.items() if value is not None]

    def socket(self, **changes: bytes | None) -> Socket:
        return Socket(self.phone, self.headers(**changes))

    def token(self, access: str | None = None) -> dict[str, Any]:
        return {"type": "token", "id": "first", "access": access or self.access}

    async def online(self) -> Socket:
        """A socket past `hello` and `queue.empty`."""
        socket = self.socket()
        await socket.open()
        assert await socket.ask(self.token()) == {"type": "done", "id": "first"}
        await socket.get("hello")
        await socket.get("queue.empty")
        return socket


@pytest.fixture
def page(alice: Phone) -> Page:
    return Page.sign_in(alice)


async def refusal(socket: Socket) -> tuple[int, str]:
    """The status and the code of the answer to a handshake."""
    communicator = await _handshake(socket)
    start, body = await communicator.receive_output(5), await communicator.receive_output(5)
    assert start["type"] == "websocket.http.response.start", start
    assert (b"content-type", b"application/problem+json") in start["headers"]
    assert (b"x-content-type-options", b"nosniff") in start["headers"]
    return start["status"], orjson.loads(body["body"])["code"]


async def _handshake(socket: Socket) -> Any:
    communicator = WebsocketCommunicator(
        application, "/ws/v1", headers=socket.headers, subprotocols=list(socket.subprotocols)
    )
    communicator.scope["extensions"] = {"websocket.http.response": {}}
    await communicator.send_input({"type": "websocket.connect"})
    return communicator


async def closed_after(socket: Socket, frame: dict[str, Any] | str) -> tuple[str, int]:
    """The code of the answer to a first frame, and of the closing that follows it."""
    await socket.open()
    assert socket.opened
    await socket.say(frame)
    rejected = await socket.get("rejected")
    closed = await socket.next()
    assert closed["type"] == "closed"
    return rejected["code"], closed["code"]


async def test_a_page_speaks_for_its_device_once_it_has_shown_its_token(page: Page, bob: Phone) -> None:
    socket = page.socket()
    await socket.open()
    assert socket.opened
    assert await socket.silent(), "nothing is said to a cookie alone"
    await socket.say(page.token())
    assert await socket.next() == {"type": "done", "id": "first"}
    assert (await socket.get("hello"))["device"] == page.phone.id
    await socket.get("queue.empty")

    async with bob.online() as b:
        assert (await socket.ask(page.phone.message_to(bob)))["type"] == "message.accepted"
        await b.get("envelope")
        assert await socket.silent()
        assert await b.silent()
    await socket.leave()


async def test_what_waits_is_delivered_to_a_page(page: Page, bob: Phone) -> None:
    async with bob.online() as b:
        await b.ask(bob.message_to(page.phone))
    socket = page.socket()
    await socket.open()
    assert await socket.silent()
    await socket.ask(page.token())
    await socket.get("hello")
    await socket.get("envelope")
    await socket.get("queue.empty")
    assert await socket.silent()
    await socket.leave()


async def test_nobody_asks_without_a_session(page: Page) -> None:
    for cookie in (None, b"", b"theme=dark", b"sessionid=" + b"a" * 32, b"sessionid=x", b"\xff\xfe"):
        assert await refusal(page.socket(cookie=cookie)) == (401, "not_signed_in")


@pytest.mark.parametrize(
    "origin",
    [
        None,
        b"",
        b"null",
        b"https://elsewhere.example",
        b"https://testserver",
        b"http://testserver:8000",
        b"http://testserver.elsewhere.example",
        b"http://testserver/",
        b"testserver",
    ],
)
async def test_another_origin_opens_nothing_with_the_cookie(page: Page, origin: bytes | None) -> None:
    assert await refusal(page.socket(origin=origin)) == (403, "wrong_origin")


async def test_two_origins_are_none(page: Page) -> None:
    socket = Socket(page.phone, [*page.headers(), (b"origin", ORIGIN)])
    assert await refusal(socket) == (403, "wrong_origin")


async def test_a_host_that_is_not_ours_is_refused(page: Page) -> None:
    headers = page.headers(host=b"elsewhere.example", origin=b"http://elsewhere.example")
    assert await refusal(Socket(page.phone, headers)) == (400, "malformed")


@pytest.mark.parametrize("scheme", [b"https", b"wss"])
async def test_behind_a_proxy_the_origin_is_the_one_that_people_see(scheme: bytes, page: Page, settings: Any) -> None:
    forwarded = {"x-forwarded-proto": scheme, "origin": b"https://testserver"}
    assert await refusal(page.socket(**forwarded)) == (403, "wrong_origin")

    settings.SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    socket = page.socket(**forwarded)
    await socket.open()
    assert (await socket.ask(page.token()))["type"] == "done"
    await socket.leave()


async def test_a_session_that_has_ended_asks_in_vain(page: Page) -> None:
    headers = page.headers()
    await sync_to_async(page.client.logout)()

    assert await refusal(Socket(page.phone, headers)) == (401, "not_signed_in")


async def test_a_session_that_ran_out_asks_in_vain(page: Page) -> None:
    await StoredSession.objects.aupdate(expire_date=timezone.now() - timedelta(seconds=1))

    assert await refusal(page.socket()) == (401, "not_signed_in")


async def test_a_suspended_person_asks_in_vain(page: Page) -> None:
    await sync_to_async(services.suspend_user)(user=page.phone.member.user)

    assert await refusal(page.socket()) == (401, "not_signed_in")


async def test_a_page_may_open_only_so_many_sockets(page: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(buckets, "sockets", buckets.Buckets(1, 0.001))
    socket = page.socket()
    await socket.open()
    assert socket.opened
    assert await refusal(page.socket()) == (429, "too_many_requests")
    await socket.leave()


async def test_a_device_may_open_only_so_many_sockets_from_pages_too(
    page: Page, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(buckets, "sockets", buckets.Buckets(1, 0.001))
    async with page.phone.online():
        pass
    assert await closed_after(page.socket(), page.token()) == ("too_many_requests", 1013)


@pytest.mark.parametrize("whose", ["bearer", "other browser", "account", "bob", "bob's browser", "nobody"])
async def test_only_a_token_of_the_same_session_is_taken(whose: str, page: Page, alice: Phone, bob: Phone) -> None:
    now = timezone.now()

    def token() -> str:
        if whose == "bearer":
            return alice.access
        if whose == "other browser":
            return Page.sign_in(alice).access
        if whose == "account":
            return open_session(user=alice.member.user, device=None, now=now, browser=page.browser).access
        if whose == "bob's browser":
            return Page.sign_in(bob).access
        return bob.access if whose == "bob" else "nonsense"

    code = "wrong_token" if whose == "account" else "not_signed_in"
    socket = page.socket()
    assert await closed_after(socket, page.token(await sync_to_async(token)())) == (code, 4401)
    assert await socket.silent()


async def test_a_stranger_with_our_token_and_a_cookie_of_their_own_gets_nothing(page: Page, charlie: Phone) -> None:
    stranger = await sync_to_async(Page.sign_in)(charlie)
    assert await closed_after(stranger.socket(), page.token()) == ("not_signed_in", 4401)


MALFORMED = [
    "{",
    "[]",
    '{"type":"token"}',
    '{"type":"token","id":"1"}',
    '{"type":"token","id":"1","access":""}',
    '{"type":"token","id":"1","access":7}',
    '{"type":"token","type":"token","id":"1","access":"x"}',
    '{"type":"token","id":"1","access":"x","more":1}',
    '{"type":"nothing","id":"1"}',
]


@pytest.mark.parametrize("raw", MALFORMED)
async def test_a_malformed_first_frame_closes_the_socket(raw: str, page: Page) -> None:
    socket = page.socket()
    assert await closed_after(socket, raw) == ("malformed", 4401)
    assert await socket.silent()


async def test_another_first_frame_does_nothing(page: Page, bob: Phone) -> None:
    async with bob.online() as b:
        socket = page.socket()
        assert await closed_after(socket, page.phone.message_to(bob)) == ("not_signed_in", 4401)
        assert await b.silent()
    assert not await Envelope.objects.aexists()


async def test_a_first_frame_that_is_no_text_or_too_large_closes_the_socket(page: Page) -> None:
    binary, large = page.socket(), page.socket()
    await binary.open()
    await binary.wire.send_to(bytes_data=b"\x00")
    assert await binary.next() == {"type": "closed", "code": 4400}
    await large.open()
    await large.say('{"type":"token","id":"1","access":"' + "x" * 20_000 + '"}')
    assert await large.next() == {"type": "closed", "code": 4413}


async def test_a_page_that_stays_silent_is_closed(page: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(handshake, "HANDSHAKE_SECONDS", 0.1)
    socket = page.socket()
    await socket.open()
    assert await socket.next() == {"type": "closed", "code": 4401}


async def test_the_same_first_frame_again_is_another_socket_of_the_device(page: Page) -> None:
    older = await page.online()
    newer = await page.online()
    assert await older.next() == {"type": "closed", "code": 4409}
    assert await newer.silent()
    await newer.leave()


async def test_a_fresh_token_of_the_same_session_keeps_the_socket(page: Page, bob: Phone, delivery: Delivery) -> None:
    def prove() -> str:
        return open_session(
            user=page.phone.member.user, device=page.phone.device, now=timezone.now(), browser=page.browser
        ).access

    socket = await page.online()
    delivery.hub.devices[page.phone.id].expires_at = 0
    fresh = await sync_to_async(prove)()
    assert (await socket.ask({"type": "token", "id": "2", "access": fresh}))["type"] == "done"
    assert (await socket.ask(page.phone.message_to(bob)))["type"] == "message.accepted"
    await socket.leave()


async def test_a_token_of_another_session_does_not_take_the_socket_over(page: Page, alice: Phone) -> None:
    socket = await page.online()
    answer = await socket.ask({"type": "token", "id": "2", "access": alice.access})
    assert (answer["type"], answer["code"]) == ("rejected", "not_signed_in")
    assert await socket.silent()
    await socket.leave()


async def test_the_socket_of_a_page_ends_with_its_session_and_no_other(page: Page, tablet: Phone) -> None:
    socket = await page.online()
    async with tablet.online() as t:
        await sync_to_async(services.end_browser)(user=page.phone.member.user, browser=page.browser.id)
        assert await socket.next() == {"type": "closed", "code": 4403}
        assert await t.silent()


async def test_the_sweep_closes_the_socket_of_a_session_that_ran_out(page: Page, delivery: Delivery) -> None:
    socket = await page.online()
    await delivery.sweep()
    assert await socket.silent()
    past = timezone.now() - timedelta(seconds=1)
    await Session.objects.filter(browser=page.browser.id).aupdate(expires_at=past)
    await delivery.sweep()
    assert await socket.next() == {"type": "closed", "code": 4403}


async def test_a_bearer_token_needs_no_origin_and_no_cookie(page: Page) -> None:
    bearer = (b"authorization", b"Bearer " + page.phone.access.encode())
    for headers in ([bearer], [bearer, (b"origin", b"https://elsewhere.example")], [bearer, *page.headers()]):
        socket = Socket(page.phone, headers)
        await socket.open()
        await socket.get("hello")
        await socket.leave()
