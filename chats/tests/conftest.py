"""alice has two devices, bob and charlie one each; charlie is the outsider. All of it is committed for real."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from asgiref.sync import sync_to_async
from django.db import connections
from django.test import Client

from chats import buckets, services
from chats.delivery import delivery as deliveries
from chats.delivery.delivery import Delivery
from chats.tests.asking import Ask, rest
from chats.tests.groups import MEMBER, Group
from chats.tests.people import Phone
from messenger.lib import limits
from tests.cast import make_member


@pytest.fixture
def alice(transactional_db: None) -> Phone:
    return Phone.sign_in(make_member("alice", devices=2))


@pytest.fixture
def tablet(alice: Phone) -> Phone:
    """The other device of alice's."""
    return Phone.sign_in(alice.member, 1)


@pytest.fixture
def bob(transactional_db: None) -> Phone:
    return Phone.sign_in(make_member("bob"))


@pytest.fixture
def charlie(transactional_db: None) -> Phone:
    return Phone.sign_in(make_member("charlie"))


@pytest.fixture
def friends(alice: Phone, bob: Phone) -> None:
    """alice and bob have accepted each other."""
    services.open_chat(sender=alice.member.id, recipient=bob.member.id)
    services.accept_contact(owner=bob.member.id, other=alice.member.id)


@pytest.fixture
def group(alice: Phone, bob: Phone, friends: None) -> Group:
    """A group chat of alice, who owns it, and bob."""
    return Group.made(alice, (bob, MEMBER))


@pytest.fixture
def ask(client: Client) -> Ask:
    """`await ask(phone, "post", "messages", body)` gives (status, body)."""
    limits.reset()
    return sync_to_async(rest(client))


@pytest.fixture(autouse=True)
def _full_buckets(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each test starts with a full share."""
    for name in ("sends", "sockets", "typing"):
        monkeypatch.setattr(getattr(buckets, name), "_levels", {})
        monkeypatch.setattr(getattr(buckets, name), "_untold", {})


@pytest_asyncio.fixture
async def delivery(alice: Phone, bob: Phone, charlie: Phone) -> AsyncIterator[Delivery]:
    """The delivery of this test's event loop, ended with it. It starts after the cast: nobody hears of that."""
    yield await deliveries.running()
    await deliveries.stop_running()
    # The thread in which the test itself asked the database: an open connection would keep it from being dropped.
    await sync_to_async(connections.close_all)()
