"""The key directory over HTTP (docs/api.md, Keys): input, one call, output. Asks for a device token throughout.

But for the account's own devices, which an account token may read too: somebody who lost the last one has no other.
"""

from __future__ import annotations

import math
import uuid
from collections.abc import Callable
from dataclasses import asdict

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.api import Devices, device_answer
from accounts.authentication import credentials_of, user_of
from accounts.models import Device
from keys import directory, fields, services
from keys.cbor import MAX_INTEGER
from keys.values import Bundle, Skipped
from keys.verify import KEY_SIZE, SignedObject
from messenger.lib import base64url, limits
from messenger.lib.clock import Milliseconds, now_ms
from messenger.lib.cursors import page_by_id
from messenger.lib.errors import Malformed, WrongToken
from messenger.lib.paging import page_asked, page_parameters, paged


class KeysView(APIView):
    """A view with a clock that tests can set."""

    clock: Callable[[], Milliseconds] = staticmethod(now_ms)


def asking_device(request: Request) -> Device:
    """The device that the token speaks for."""
    device_id = credentials_of(request).device_id
    device = Device.objects.filter(pk=device_id).first() if device_id else None
    if device is None:
        raise WrongToken()
    return device


class DevicesView(Devices):
    """`devices`, whose registration is sign-in's."""

    @extend_schema(parameters=page_parameters(), responses=fields.OwnDevices)
    def get(self, request: Request) -> Response:
        """List the account's devices, in the order of their registration."""
        user = user_of(request)
        listed = services.listed_devices(user.pk)
        rows, following = page_by_id(user.devices.all(), "id", page_asked(request))
        devices: list[object] = [{**device_answer(one), "listed": one.pk in listed} for one in rows]
        return paged(request, {"devices": devices}, following)


class DeviceListView(KeysView):
    @extend_schema(request=fields.PublishList, responses=fields.Published)
    def put(self, request: Request) -> Response:
        """Publish the next device list of one's own account, or the first one under a new account key."""
        by, body = asking_device(request), fields.PublishList(data=request.data)
        body.is_valid(raise_exception=True)
        members = body.validated_data
        signed = SignedObject(members["payload"], members["signature"])
        if replaces := members.get("replaces"):
            limits.hit("identity", str(by.user_id)).require()
            stored = services.replace_account_key(by=by, signed=signed, replaces=replaces, now=self.clock())
        else:
            stored = services.publish_device_list(by=by, signed=signed, now=self.clock())
        return Response(fields.Published({"seq": stored.seq, "hash": bytes(stored.hash)}).data)


class DirectoryView(KeysView):
    @extend_schema(
        parameters=[
            OpenApiParameter("account", str, many=True, required=True, description="ID, ID:SINCE or ID:SINCE:AK")
        ],
        responses=fields.Directory,
    )
    def get(self, request: Request) -> Response:
        """Read the lists and current prekeys of accounts. Accounts that do not exist are left out."""
        wanted = _wanted(request)
        limits.hit("directory", str(credentials_of(request).account_id)).require()
        return Response(fields.Directory({"accounts": directory.read(wanted)}).data)


class PrekeysView(KeysView):
    @extend_schema(responses=fields.Counts)
    def get(self, request: Request) -> Response:
        """What is left on the server of the asking device's prekeys."""
        return Response(fields.Counts(services.prekey_counts(device_id=asking_device(request).pk)).data)

    @extend_schema(request=fields.PublishPrekeys, responses=fields.Left)
    def post(self, request: Request) -> Response:
        """Publish prekeys of the asking device."""
        body = fields.PublishPrekeys(data=request.data)
        body.is_valid(raise_exception=True)
        counts = services.publish_prekeys(by=asking_device(request), now=self.clock(), **body.validated_data)
        return Response(fields.Left(counts).data)


class ClaimView(KeysView):
    @extend_schema(request=fields.Claim, responses=fields.Bundles)
    def post(self, request: Request) -> Response:
        """Take one prekey bundle for each of the named devices."""
        body = fields.Claim(data=request.data)
        body.is_valid(raise_exception=True)
        claimed = services.claim(by=asking_device(request), targets=body.validated_data["devices"], now=self.clock())
        answer = {
            "bundles": [_bundle(bundle) for bundle in claimed.bundles],
            "skipped": [_skipped(skipped) for skipped in claimed.skipped],
        }
        return Response(fields.Bundles(answer).data)


class LinkView(KeysView):
    @extend_schema(responses=fields.Link)
    def get(self, request: Request, device: uuid.UUID) -> Response:
        """Read the relay slot of a device that is to be linked."""
        slot = services.read_link(by=asking_device(request), device_id=device, now=self.clock())
        answer = bytes(slot.answer) or None
        return Response(fields.Link({"offer": bytes(slot.offer), "answer": answer, "expires_at": slot.expires_at}).data)

    @extend_schema(responses={204: None})
    def delete(self, request: Request, device: uuid.UUID) -> Response:
        """Give the linking of a device up."""
        services.end_link(by=asking_device(request), device_id=device, now=self.clock())
        return Response(status=204)


class LinkOfferView(KeysView):
    @extend_schema(request=fields.LinkOffer, responses={204: None})
    def put(self, request: Request, device: uuid.UUID) -> Response:
        """Leave an offer for a device of one's own that is not listed yet."""
        by, body = asking_device(request), fields.LinkOffer(data=request.data)
        body.is_valid(raise_exception=True)
        limits.hit("link", str(by.user_id)).require()
        services.offer_link(by=by, device_id=device, now=self.clock(), **body.validated_data)
        return Response(status=204)


class LinkAnswerView(KeysView):
    @extend_schema(request=fields.LinkAnswer, responses={204: None})
    def put(self, request: Request, device: uuid.UUID) -> Response:
        """Answer the offer that was left for the asking device."""
        by, body = asking_device(request), fields.LinkAnswer(data=request.data)
        body.is_valid(raise_exception=True)
        services.answer_link(by=by, device_id=device, now=self.clock(), **body.validated_data)
        return Response(status=204)


def _wanted(request: Request) -> dict[uuid.UUID, directory.Since | None]:
    """The accounts of the query, each with what is known of its lists already."""
    if set(request.query_params) != {"account"}:
        raise Malformed("the query names accounts and nothing else")
    named = request.query_params.getlist("account")
    if len(named) > directory.MOST_ACCOUNTS:
        raise Malformed(f"at most {directory.MOST_ACCOUNTS} accounts at once")
    wanted: dict[uuid.UUID, directory.Since | None] = {}
    for text in named:
        account, *since = text.split(":", 2)
        try:
            wanted[fields.read_id(account)] = _since(*since) if since else None
        except ValueError as error:
            raise Malformed("an account is an id, an id with the seq of a list, or also with an account key") from error
    if len(wanted) != len(named):
        raise Malformed("an account is named twice")
    return wanted


def _since(seq: str, account_key: str | None = None) -> directory.Since:
    return directory.Since(_seq(seq), None if account_key is None else _account_key(account_key))


def _account_key(text: str) -> bytes:
    key = base64url.decode(text)
    if len(key) != KEY_SIZE:
        raise ValueError("not an account key")
    return key


def _seq(digits: str) -> int:
    # int() also reads signs, spaces, underscores and other scripts' digits.
    if not (digits.isascii() and digits.isdigit() and len(digits) <= len(str(MAX_INTEGER))):
        raise ValueError("not a seq")
    seq = int(digits)
    if seq > MAX_INTEGER:
        raise ValueError("not a seq")
    return seq


def _bundle(bundle: Bundle) -> dict[str, object]:
    return {
        **asdict(bundle.target),
        "signed_prekey": bundle.signed_prekey,
        "one_time": bundle.one_time,
        "kem": {"label": bundle.kem_label, **asdict(bundle.kem)},
    }


def _skipped(skipped: Skipped) -> dict[str, object]:
    answer: dict[str, object] = {**asdict(skipped.target), "reason": skipped.reason}
    if skipped.retry_after is not None:
        answer["retry_after"] = math.ceil(skipped.retry_after)
    return answer
