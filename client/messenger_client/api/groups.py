"""The REST calls of group chats (docs/api.md, Group chats), one method a call."""

from __future__ import annotations

from dataclasses import dataclass

from . import answers, forms
from .answers import Accepted
from .forms import Json
from .paging import Call, listed


@dataclass(frozen=True, slots=True)
class GroupInfo:
    """What the server says beside the chain. Of all of it, only `request` is believed."""

    group: bytes
    index: int
    hash: bytes
    request: bool


@dataclass(frozen=True, slots=True)
class Operations:
    """A page of signed operations, and the lists that they name: account and signed object."""

    operations: tuple[bytes, ...]
    lists: tuple[tuple[bytes, bytes], ...]
    more: bool


class GroupCalls:
    def __init__(self, call: Call) -> None:
        self._call = call

    async def known(self) -> list[GroupInfo]:
        """The group chats one is in or waits for, of all pages."""
        return [_info(one) for one in await listed(self._call, "groups", "groups")]

    async def create(self, signed: bytes) -> None:
        await self._call("POST", "groups", {"operation": answers.to_signed_object(signed)})

    async def add_operation(self, group: bytes, signed: bytes) -> None:
        """Raises Refused: `group_changed` where another operation was faster, `devices_changed`, and more."""
        body: Json = {"operation": answers.to_signed_object(signed)}
        await self._call("POST", f"groups/{forms.uuid(group)}/operations", body)

    async def operations(
        self, group: bytes, since: int | None = None, link: tuple[bytes, bytes] | None = None
    ) -> Operations:
        """Those after a number; with `link`, a link's key and its signature for this account, for an outsider."""
        asked = [] if since is None else [f"since={since}"]
        if link is not None:
            asked += [f"link={forms.encode(link[0])}", f"signature={forms.encode(link[1])}"]
        query = f"?{'&'.join(asked)}" if asked else ""
        answer = await self._call("GET", f"groups/{forms.uuid(group)}/operations{query}", None)
        lists = [forms.members(one) for one in forms.items(answer.get("lists", []))]
        return Operations(
            tuple(answers.signed_object(one) for one in forms.items(answer.get("operations"))),
            tuple((forms.identifier(one.get("account")), answers.signed_object(one)) for one in lists),
            answer.get("more") is True,
        )

    async def send(self, group: bytes, message: Json) -> Accepted:
        return answers.accepted(await self._call("POST", f"groups/{forms.uuid(group)}/messages", message))

    async def accept(self, group: bytes) -> None:
        await self._call("POST", f"groups/{forms.uuid(group)}/accept", {})


def members_of_refusal(value: object) -> dict[bytes, bytes]:
    """`members` of `devices_changed`: the hash of each member's newest list, as the server has it."""
    rows = [forms.items(one) for one in forms.items(value)]
    if any(len(row) != 2 for row in rows):
        raise forms.nonsense()
    return {forms.identifier(account): forms.decode(list_hash) for account, list_hash in rows}


def _info(value: object) -> GroupInfo:
    fields = forms.members(value)
    return GroupInfo(
        forms.identifier(fields.get("id")),
        forms.integer(fields.get("index")),
        forms.decode(fields.get("hash")),
        fields.get("request") is True,
    )
