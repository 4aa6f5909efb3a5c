"""The calls of group chats: what comes in pages is asked for to the last one."""

from __future__ import annotations

import uuid

import pytest

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
