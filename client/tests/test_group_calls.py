"""The calls and frames of group chats: what comes in pages, and of many devices, is read to the last one."""

from __future__ import annotations

import uuid

import pytest

from messenger_client.api.answers import statuses_of_frame
from messenger_client.api.forms import Json
from messenger_client.api.groups import GroupCalls
from messenger_client.errors import Defect


def listed(group: uuid.UUID) -> Json:
    return {"id": str(group), "index": 0, "hash": "AQID", "request": False}


async def test_group_chats_are_listed_to_the_last_page() -> None:
    groups = [uuid.uuid4() for _ in range(2)]
    asked: list[str] = []
    answers: list[Json] = [{"groups": [listed(groups[0])], "next": "a-b/c"}, {"groups": [listed(groups[1])]}]

    async def call(method: str, path: str, body: Json | None) -> Json:
        asked.append(path)
        return answers[len(asked) - 1]

    assert [one.group for one in await GroupCalls(call).known()] == [one.bytes for one in groups]
    assert asked == ["groups", "groups?cursor=a-b%2Fc"]


async def test_pages_without_end_are_refused() -> None:
    async def call(method: str, path: str, body: Json | None) -> Json:
        return {"groups": [], "next": "again"}

    with pytest.raises(Defect):
        await GroupCalls(call).known()


async def test_a_page_without_end_is_refused() -> None:
    async def call(method: str, path: str, body: Json | None) -> Json:
        return {"groups": [listed(uuid.uuid4()) for _ in range(501)], "next": None}

    with pytest.raises(Defect):
        await GroupCalls(call).known()


def test_one_frame_says_of_many_devices_that_they_have_messages() -> None:
    group, *ids = (uuid.uuid4() for _ in range(7))
    accounts, devices, messages = ids[:2], ids[2:4], ids[4:]
    pairs = list(zip(accounts, devices, strict=True))
    having = [{"account": str(account), "device": str(device)} for account, device in pairs]
    frame: Json = {"group": str(group), "messages": [str(one) for one in messages], "devices": having, "at": 5}
    assert [(one.message, one.account, one.device) for one in statuses_of_frame(frame, "delivered")] == [
        (message.bytes, account.bytes, device.bytes) for account, device in pairs for message in messages
    ]
    with pytest.raises(Defect):
        statuses_of_frame(frame | {"devices": [7]}, "delivered")
