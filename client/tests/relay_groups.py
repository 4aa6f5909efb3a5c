"""The relay's group chats: operations in order, and messages for every member's devices.

Who is in it, the relay takes from the operations; a test changes `ghosts` or the operations themselves to have it lie.
"""

from __future__ import annotations

import contextlib
import time
import uuid
from dataclasses import dataclass, field
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import cbor2
from relay_keys import Answer, Json, b64, decode, list_hash, problem

from messenger_client.protocol import cbor
from messenger_client.protocol.errors import ProtocolError
from messenger_client.protocol.group_operation import open_operation
from messenger_client.protocol.group_rules import step
from messenger_client.protocol.group_state import GroupState

if TYPE_CHECKING:
    from relay import Relay


@dataclass
class Group:
    operations: list[Json] = field(default_factory=list)
    withheld: dict[str, int] = field(default_factory=dict)  # how many operations an account is shown
    ghosts: list[str] = field(default_factory=list)  # accounts that the server counts in, and no operation did
    requests: set[str] = field(default_factory=set)

    @property
    def state(self) -> GroupState:
        """As far as the operations make sense."""
        state = None
        for signed in self.operations:
            with contextlib.suppress(ProtocolError):
                operation = open_operation(cbor.encode([decode(signed["payload"]), decode(signed["signature"])]))
                if operation.index == (0 if state is None else state.index + 1):
                    state = step(state, operation, ())
        assert state is not None
        return state

    @property
    def members(self) -> list[str]:
        return [str(uuid.UUID(bytes=one.account)) for one in self.state.roster] + self.ghosts

    @property
    def waiting(self) -> list[str]:
        return [str(uuid.UUID(bytes=one)) for one in self.state.pending]

    def shown(self, account: str) -> list[Json]:
        return self.operations[: self.withheld.get(account, len(self.operations))]


class Groups:
    def __init__(self, relay: Relay) -> None:
        self._relay = relay
        self.of: dict[str, Group] = {}
        self.page = 100  # operations in one answer

    @property
    def only(self) -> Group:
        (group,) = self.of.values()
        return group

    def answer(self, method: str, path: list[str], query: str, body: Json, who: tuple[str, str]) -> Answer:
        account = who[0]
        if not path:
            if method == "POST":
                return self._create(body, who)
            return self._relay.paged("groups", self._listed(account), query)
        group = self.of.get(path[0])
        if group is None:
            return problem(404, "not_found")
        rest = path[1] if len(path) > 1 else ""
        is_in = account in group.members or account in group.waiting
        asked = dict(part.split("=") for part in query.split("&") if part)
        by_link = any(b64(one.key) == asked.get("link") for one in group.state.links)
        is_join = rest == "operations" and method == "POST" and _fields(body["operation"])[8] == 8
        if not is_in and not is_join and not by_link:
            return problem(404, "not_found")
        if rest == "operations" and method == "GET":
            return 200, self._page(group, account, int(asked.get("since", -1)))
        if rest == "operations":
            return self._add(path[0], group, body["operation"], who)
        if rest == "messages":
            return self.send(path[0], body, who)
        if rest == "accept":
            group.requests.discard(account)
            return 204, {}
        return 200, self._info(path[0], group, account)

    def send(self, group_id: str, body: Json, who: tuple[str, str | None]) -> Answer:
        relay, group = self._relay, self.of.get(group_id)
        if body["message_id"] in relay.answers:
            return 201, relay.answers[body["message_id"]]
        if group is None or who[0] not in group.members:
            return problem(404, "not_found")
        shown = group.shown(who[0])
        if body["gsh"] != _hash(shown[-1]):
            known = [_hash(one) for one in shown]
            since = known.index(body["gsh"]) + 1 if body["gsh"] in known else 0
            return problem(409, "group_changed", index=len(shown) - 1, hash=known[-1], operations=shown[since:])
        rows = sorted([uuid.UUID(one).bytes, decode(list_hash(relay.lists[one][-1]))] for one in group.members)
        if body["lists"] != b64(sha256(cbor2.dumps(rows, canonical=True)).digest()):
            named = [[str(uuid.UUID(bytes=account)), b64(one)] for account, one in rows]
            return problem(409, "devices_changed", members=named)
        for member in group.members:
            for device in relay.listed(member):
                if device != who[1] and device not in relay.suspended[member]:
                    relay.deliver(
                        device, who, body["message_id"], body["body"], group=group_id,
                        request=member in group.requests,
                    )  # fmt: skip
        answer = {"message_id": body["message_id"], "accepted_at": int(time.time() * 1000), "skipped": []}
        relay.answers[body["message_id"]] = answer
        return 201, answer

    def _create(self, body: Json, who: tuple[str, str]) -> Answer:
        signed = body["operation"]
        group_id = str(uuid.UUID(bytes=_fields(signed)[1]))
        group = self.of.setdefault(group_id, Group([signed]))
        for member in group.members:
            if member != who[0] and self._relay.contacts[member].get(who[0]) != "accepted":
                group.requests.add(member)
        self._tell(group_id, group, who[1])
        return 201, self._head(group_id, group)

    def _add(self, group_id: str, group: Group, signed: Json, who: tuple[str, str]) -> Answer:
        if signed in group.operations:
            return 201, self._head(group_id, group)
        fields = _fields(signed)
        if b64(fields[3]) != _hash(group.operations[-1]):
            return problem(409, "group_changed", **self._head(group_id, group), operations=[])
        before = {*group.members, *group.waiting}
        group.operations.append(signed)
        after = {*group.members, *group.waiting}
        for gone in before - after:
            for device in self._relay.listed(gone):
                if device != who[1]:
                    self._relay.push(
                        device, {"type": "group.changed", **self._changed(group_id, group), "removed": True}
                    )
        self._tell(group_id, group, who[1])
        return 201, self._head(group_id, group)

    def _tell(self, group_id: str, group: Group, but: str) -> None:
        for member in group.members:
            for device in self._relay.listed(member):
                if device != but:
                    self._relay.push(device, {"type": "group.changed", **self._changed(group_id, group)})

    def _changed(self, group_id: str, group: Group) -> Json:
        return {"group": group_id, "index": len(group.operations) - 1, "hash": _hash(group.operations[-1])}

    def _head(self, group_id: str, group: Group) -> Json:
        return self._changed(group_id, group)

    def _page(self, group: Group, account: str, since: int) -> Json:
        lists = [
            {"account": account, **signed}
            for kept in (self._relay.ended, self._relay.lists)
            for account, shown in kept.items()
            for signed in shown
        ]
        behind = group.shown(account)[since + 1 :]
        return {"operations": behind[: self.page], "lists": lists, "more": len(behind) > self.page}

    def _listed(self, account: str) -> list[Json]:
        return [
            self._info(group_id, group, account)
            for group_id, group in self.of.items()
            if account in group.members or account in group.waiting
        ]

    def _info(self, group_id: str, group: Group, account: str) -> Json:
        shown = group.shown(account)
        return {
            "id": group_id, "index": len(shown) - 1, "hash": _hash(shown[-1]), "member_count": len(group.members),
            "role": 0, "pending": account in group.waiting, "request": account in group.requests,
            "added_by": account, "created_at": 0,
        }  # fmt: skip


def _fields(signed: Json) -> list[Any]:
    fields: list[Any] = cbor2.loads(decode(signed["payload"]))
    return fields


def _hash(signed: Json) -> str:
    return b64(sha256(decode(signed["payload"])).digest())
