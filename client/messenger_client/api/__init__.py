"""The REST API (docs/api.md), one method a call. Decides nothing; keeps nothing."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from urllib.parse import quote

import httpx

from ..protocol.prekeys import SignedPrekey
from . import answers, forms
from .answers import (
    Accepted,
    Claimed,
    ContactState,
    DeviceInfo,
    Directory,
    LinkSlot,
    PrekeyCounts,
    Profile,
    Status,
    TokenPair,
    Waiting,
)
from .forms import Json
from .groups import GroupCalls
from .http import Credentials, Http, origin_of
from .open_chats import OpenCalls
from .paging import listed

MOST_ENVELOPES = 256  # a call

__all__ = [
    "Accepted", "Api", "Claimed", "ContactState", "Credentials", "DeviceInfo", "Directory", "LinkSlot", "PrekeyCounts",
    "Profile", "Status", "TokenPair", "Waiting", "origin_of",
]  # fmt: skip


class Api:
    """One server. `credentials` gives device tokens; the calls of Sign-in take theirs as arguments."""

    def __init__(
        self, origin: str, credentials: Credentials, transport: httpx.AsyncBaseTransport | None = None
    ) -> None:
        self.origin = origin
        self._http = Http(origin, transport)
        self._credentials = credentials
        self.groups = GroupCalls(self._call)
        self.open_chats = OpenCalls(self._call)

    async def close(self) -> None:
        await self._http.close()

    # Sign-in

    async def register(self, username: str, email: str, password: str) -> TokenPair:
        body: Json = {"username": username, "email": email, "password": password}
        return answers.token_pair(await self._http.call("POST", "auth/register", body))

    async def sign_in(self, username: str, password: str) -> TokenPair:
        body: Json = {"username": username, "password": password}
        return answers.token_pair(await self._http.call("POST", "auth/token", body))

    async def refresh(self, refresh: str) -> TokenPair:
        return answers.token_pair(await self._http.call("POST", "auth/token/refresh", {"refresh": refresh}))

    async def register_device(self, token: str, name: str, platform: str, signing_key: bytes) -> bytes:
        body: Json = {"name": name, "platform": platform, "signing_key": forms.encode(signing_key)}
        answer = await self._http.call("POST", "devices", body, token=token)
        return forms.identifier(answer.get("id"))

    async def challenge(self, device: bytes, token: str | None) -> bytes:
        answer = await self._http.call("POST", "auth/device/challenge", {"device": forms.uuid(device)}, token=token)
        return forms.decode(answer.get("nonce"))

    async def prove(
        self, device: bytes, nonce: bytes, signature: bytes, *, token: str | None = None, refresh: str | None = None
    ) -> TokenPair:
        body: Json = {"device": forms.uuid(device), "nonce": forms.encode(nonce), "signature": forms.encode(signature)}
        if refresh is not None:
            body["refresh"] = refresh
        return answers.token_pair(await self._http.call("POST", "auth/device/token", body, token=token))

    async def sign_out(self) -> None:
        await self._call("POST", "auth/logout", {})

    async def devices(self) -> list[DeviceInfo]:
        return [answers.device(one) for one in await listed(self._call, "devices", "devices")]

    async def suspend(self, device: bytes) -> None:
        await self._call("POST", f"devices/{forms.uuid(device)}/suspend", {})

    async def account(self, username_or_id: str) -> Profile:
        return answers.profile(await self._call("GET", f"accounts/{quote(username_or_id, safe='')}"))

    # Keys

    async def publish_list(self, signed: bytes, *, replaces: bytes | None = None) -> None:
        """Publish the next list of a chain; or the first of a new one, with the hash of the list that it replaces."""
        body = answers.to_signed_object(signed)
        if replaces is not None:
            body["replaces"] = forms.encode(replaces)
        await self._call("PUT", "keys/device-list", body)

    async def directory(self, accounts: Iterable[tuple[bytes, int | None, bytes]]) -> list[Directory]:
        """Read lists: those above a seq, of the chain of an account key if one is named; or the newest one."""
        asked = [_asked(*one) for one in accounts]
        answer = await self._call("GET", "keys/directory?" + "&".join(f"account={one}" for one in asked))
        return [answers.directory(one) for one in forms.items(answer.get("accounts"))]

    async def publish_prekeys(
        self,
        *,
        signed_prekey: SignedPrekey | None = None,
        last_resort: SignedPrekey | None = None,
        one_time: Sequence[SignedPrekey] = (),
        one_time_kem: Sequence[SignedPrekey] = (),
    ) -> None:
        body: Json = {}
        if signed_prekey:
            body["signed_prekey"] = answers.prekey_object(signed_prekey)
        if last_resort:
            body["last_resort"] = answers.prekey_object(last_resort)
        if one_time:
            body["one_time"] = [answers.prekey_object(one) for one in one_time]
        if one_time_kem:
            body["one_time_kem"] = [answers.prekey_object(one) for one in one_time_kem]
        await self._call("POST", "keys/prekeys", body)

    async def prekey_counts(self) -> PrekeyCounts:
        answer = await self._call("GET", "keys/prekeys")
        signed, last = answer.get("signed_prekey"), answer.get("last_resort")
        return PrekeyCounts(
            forms.integer(answer.get("one_time")),
            forms.integer(answer.get("one_time_kem")),
            None if signed is None else forms.integer(signed),
            None if last is None else forms.integer(last),
        )

    async def claim(self, devices: Sequence[tuple[bytes, bytes]]) -> Claimed:
        asked = [{"account": forms.uuid(account), "device": forms.uuid(device)} for account, device in devices]
        return answers.claimed(await self._call("POST", "keys/claim", {"devices": asked}))

    # Linking

    async def offer_link(self, device: bytes, offer: bytes) -> None:
        await self._call("PUT", f"keys/links/{forms.uuid(device)}/offer", {"offer": forms.encode(offer)})

    async def link_slot(self, device: bytes) -> LinkSlot:
        """Raises Refused (404) while nothing was offered."""
        return answers.link_slot(await self._call("GET", f"keys/links/{forms.uuid(device)}"))

    async def answer_link(self, device: bytes, answer: bytes) -> None:
        await self._call("PUT", f"keys/links/{forms.uuid(device)}/answer", {"answer": forms.encode(answer)})

    # Chats

    async def send(self, message: Json) -> Accepted:
        return answers.accepted(await self._call("POST", "messages", message))

    async def send_to_devices(self, frame: Json) -> None:
        await self._call("POST", "device-messages", frame)

    async def envelopes(self, limit: int = MOST_ENVELOPES) -> tuple[list[Json], bool]:
        """The oldest envelopes as frames, and whether there are more."""
        answer = await self._call("GET", f"envelopes?limit={limit}")
        return [forms.members(one) for one in forms.items(answer.get("envelopes"))], answer.get("more") is True

    async def ack(self, frame: Json) -> None:
        await self._call("POST", "envelopes/ack", frame)

    async def mark_read(self, chat: bytes, messages: Sequence[bytes], *, is_group: bool = False) -> None:
        place = "group" if is_group else "chat"
        await self._call(
            "POST", "messages/read", {place: forms.uuid(chat), "messages": [forms.uuid(one) for one in messages]}
        )

    async def statuses(
        self, messages: Sequence[bytes], chat: bytes | None = None, *, is_group: bool = False
    ) -> list[Status]:
        """The statuses of own messages; with a chat also which of its received ones were read on own devices."""
        body: Json = {"messages": [forms.uuid(one) for one in messages]}
        if chat is not None:
            body["group" if is_group else "chat"] = forms.uuid(chat)
        answer = await self._call("POST", "messages/statuses", body)
        return [answers.status(one, chat or b"") for one in forms.items(answer.get("statuses"))]

    async def chats(self) -> list[tuple[bytes, Profile]]:
        return [answers.chat(one) for one in await listed(self._call, "chats", "chats")]

    async def contacts(self) -> list[ContactState]:
        return [answers.contact(one) for one in await listed(self._call, "contacts", "contacts")]

    async def answer_contact(self, account: bytes, verb: str) -> None:
        await self._call("POST", f"contacts/{forms.uuid(account)}/{verb}", {})

    async def _call(self, method: str, path: str, body: Json | None = None) -> Json:
        return await self._http.call_signed_in(self._credentials, method, path, body)


def _asked(account: bytes, since: int | None, account_key: bytes) -> str:
    if since is None:
        return forms.uuid(account)
    chain = f":{forms.encode(account_key)}" if account_key else ""
    return f"{forms.uuid(account)}:{since}{chain}"
