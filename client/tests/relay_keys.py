"""The part of the test relay that knows devices and their keys: lists, prekeys, link slots."""

from __future__ import annotations

import base64
import uuid
from collections import defaultdict
from hashlib import sha256
from typing import Any

import cbor2

Json = dict[str, Any]
Answer = tuple[int, Json]


def problem(status: int, code: str, detail: str = "", **more: Any) -> Answer:
    return status, {"type": "about:blank", "title": code, "status": status, "code": code, "detail": detail, **more}


class RelayKeys:
    def __init__(self) -> None:
        self.devices: dict[str, Json] = {}  # by id
        self.tokens: dict[str, tuple[str, str | None]] = {}  # access: account, device
        self.refreshes: dict[str, tuple[str, str | None]] = {}
        self.lists: dict[str, list[Json]] = defaultdict(list)  # by account
        self.ended: dict[str, list[Json]] = defaultdict(list)  # those of identities that were given up
        self.suspended: dict[str, list[str]] = defaultdict(list)
        self.prekeys: dict[str, Json] = defaultdict(lambda: {"one_time": [], "one_time_kem": []})
        self.links: dict[str, Json] = {}  # by device
        self.page = 500  # entries in one answer of a list

    def push(self, device: str, frame: Json | int) -> None:
        raise NotImplementedError

    def paged(self, name: str, entries: list[Json], query: str) -> Answer:
        """A page of a list. Its cursor is how many entries were shown, which no client is to know."""
        asked = dict(part.split("=") for part in query.split("&") if part)
        first = int(asked.get("cursor", "0"))
        end = first + self.page
        return 200, {name: entries[first:end], "next": str(end) if end < len(entries) else None}

    def devices_call(self, path: str, query: str, account: str) -> Answer:
        if path == "devices":
            return self.paged("devices", self._devices(account), query)
        self.suspend(path.split("/")[1])
        return 204, {}

    def keys_call(self, method: str, path: str, query: str, body: Json, who: tuple[str, str]) -> Answer:
        account, device = who
        call = f"{method} {path}"
        if call == "PUT keys/device-list":
            return self._publish(account, body)
        if path.startswith("keys/links/"):
            return self._link(method, path.split("/")[2:], body)
        if call == "GET keys/directory":
            return 200, {"accounts": [self._directory(part.removeprefix("account=")) for part in query.split("&")]}
        if call == "POST keys/prekeys":
            kept = self.prekeys[device]
            for kind in ("one_time", "one_time_kem"):
                kept[kind] += body.get(kind, [])
            kept |= {kind: body[kind] for kind in ("signed_prekey", "last_resort") if kind in body}
            return 200, {"one_time": len(kept["one_time"]), "one_time_kem": len(kept["one_time_kem"])}
        if call == "GET keys/prekeys":
            kept = self.prekeys[device]
            signed = {kind: 1 if kind in kept else None for kind in ("signed_prekey", "last_resort")}
            return 200, {"one_time": len(kept["one_time"]), "one_time_kem": len(kept["one_time_kem"]), **signed}
        if call == "POST keys/claim":
            return 200, self._claim(body["devices"])
        return problem(404, "not_found")

    def _directory(self, asked: str) -> Json:
        account, since, account_key = [*asked.split(":"), "", ""][:3]
        lists = self.lists[account]
        # The relay's lists are one chain from 1 up, or whatever a test has put there.
        shown = lists[int(since) :] if since else lists[-1:]
        if account_key and lists and account_key != b64(_account_key(lists[-1])):
            shown = lists
        devices = [
            {"device": one, "signed_prekey": self.prekeys[one].get("signed_prekey")} for one in self.listed(account)
        ]
        return {"account": account, "lists": shown, "suspended": self.suspended[account], "devices": devices}

    def _newest(self, account: str) -> Json:
        return {"account": account, "lists": self.lists[account][-1:], "suspended": self.suspended[account]}

    def _publish(self, account: str, body: Json) -> Answer:
        lists, replaces = self.lists[account], body.pop("replaces", None)
        if replaces is not None:
            if replaces != list_hash(lists[-1]):
                return problem(409, "list_conflict")
            self.ended[account] += lists
            lists[:] = [body]
        elif body not in lists:
            if _previous(body) != (decode(list_hash(lists[-1])) if lists else bytes(32)):
                return problem(409, "list_conflict")
            lists.append(body)
        for one in self.listed(account):
            self.links.pop(one, None)
        for one in [row for row, kept in self.devices.items() if kept["account"] == account]:
            self.push(one, {"type": "devices.changed", "account": account})
        return 200, {"seq": len(lists), "hash": ""}

    def listed(self, account: str) -> list[str]:
        """Ids of the devices on an account's newest list, as far as it makes sense."""
        try:
            payload = cbor2.loads(decode(self.lists[account][-1]["payload"]))
            return [str(uuid.UUID(bytes=row[0])) for row in payload[6]]
        except (IndexError, KeyError, TypeError, ValueError, AttributeError):
            return []

    def suspend(self, device: str) -> None:
        self.suspended[self.devices[device]["account"]].append(device)
        self.tokens = {token: who for token, who in self.tokens.items() if who[1] != device}
        self.refreshes = {token: who for token, who in self.refreshes.items() if who[1] != device}
        self.push(device, 4403)

    def _devices(self, account: str) -> list[Json]:
        rows = [(key, row) for key, row in self.devices.items() if row["account"] == account]
        return [
            {
                "id": key, "name": row["name"], "platform": row["platform"], "created_at": at, "last_seen_at": None,
                "suspended": key in self.suspended[account], "listed": key in self.listed(account),
            }
            for at, (key, row) in enumerate(rows)
        ]  # fmt: skip

    def _link(self, method: str, path: list[str], body: Json) -> Answer:
        slot = self.links.get(path[0])
        if method == "PUT" and path[1] == "offer":
            self.links[path[0]] = {"offer": body["offer"], "answer": None, "expires_at": 0}
            return 204, {}
        if slot is None:
            return problem(404, "not_found")
        if method == "PUT":
            slot["answer"] = body["answer"]
            return 204, {}
        return 200, slot

    def _claim(self, devices: list[Json]) -> Json:
        bundles, skipped = [], []
        for one in devices:
            kept = self.prekeys[one["device"]]
            if "signed_prekey" not in kept:
                skipped.append({**one, "reason": "no_prekeys"})
                continue
            one_time = kept["one_time"].pop(0) if kept["one_time"] else None
            kem = {"label": "klr", **kept["last_resort"]}
            if kept["one_time_kem"]:
                kem = {"label": "okpk", **kept["one_time_kem"].pop(0)}
            bundles.append({**one, "signed_prekey": kept["signed_prekey"], "one_time": one_time, "kem": kem})
        return {"bundles": bundles, "skipped": skipped}


def b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def decode(value: str) -> bytes:
    return base64.urlsafe_b64decode(value + "=" * (-len(value) % 4))


def _account_key(signed: Json) -> bytes:
    return bytes(cbor2.loads(decode(signed["payload"]))[2])


def list_hash(signed: Json) -> str:
    return b64(sha256(decode(signed["payload"])).digest())


def _previous(signed: Json) -> bytes:
    return bytes(cbor2.loads(decode(signed["payload"]))[4])
