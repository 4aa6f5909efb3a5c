"""Sign-in over REST (docs/api.md): shapes in, one call, shapes out."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any

from allauth.account.internal.flows.email_verification import send_verification_email_for_user
from django.conf import settings
from django.utils import timezone
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts import attempts, serializers, services, signing_key
from accounts.authentication import (
    BearerAuthentication,
    BrowserAuthentication,
    browser_session_of,
    credentials_of,
    user_of,
)
from accounts.errors import WrongCredentials
from accounts.models import Device, User
from accounts.permissions import IsAccount, IsSignedIn
from accounts.services import Tokens
from messenger.lib import base64url, limits
from messenger.lib.addresses import address_of, own_origin
from messenger.lib.errors import NotFound, NotSignedIn

MOST_FOUND = 10  # people that a search shows: more are found by typing on
JWKS_SECONDS = 300  # for which a reader may keep the public keys


def tokens_answer(tokens: Tokens, code: int = status.HTTP_200_OK) -> Response:
    """*tokens* of docs/api.md. Never stored by anything on the way."""
    body = {
        "access": tokens.access,
        "refresh": tokens.refresh,
        "expires_in": tokens.expires_in,
        "account": {"id": str(tokens.account_id), "username": tokens.username},
        "device": None if tokens.device_id is None else str(tokens.device_id),
    }
    return Response(body, status=code, headers={"Cache-Control": "no-store"})


def _body(serializer: type[serializers.StrictSerializer], request: Request) -> dict[str, Any]:
    checked = serializer(data=request.data)
    checked.is_valid(raise_exception=True)
    return dict(checked.validated_data)


def _ms(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)


def device_answer(device: Device) -> dict[str, object]:
    """What the owner is told of a device."""
    return {
        "id": str(device.id),
        "name": device.name,
        "platform": device.platform,
        "created_at": _ms(device.created_at),
        "last_seen_at": _ms(device.last_seen_at),
        "suspended": device.suspended,
    }


def _profile(user: User) -> dict[str, object]:
    return {"id": str(user.id), "username": user.username, "display_name": user.display_name}


class Register(APIView):
    authentication_classes = []
    permission_classes = []

    @extend_schema(request=serializers.Registration, responses={201: serializers.TokensAnswer})
    def post(self, request: Request) -> Response:
        """Make an account."""
        body = _body(serializers.Registration, request)
        limits.hit("sign_up", address_of(request._request)).require()
        user = services.register_user(**body)
        if settings.ACCOUNT_EMAIL_VERIFICATION != "none":
            send_verification_email_for_user(request._request, user)
        tokens = services.open_account_session(user=user, now=timezone.now())
        return tokens_answer(tokens, status.HTTP_201_CREATED)


class SignIn(APIView):
    authentication_classes = []
    permission_classes = []

    @extend_schema(request=serializers.NameAndPassword, responses=serializers.TokensAnswer)
    def post(self, request: Request) -> Response:
        """Exchange a username or an e-mail address and a password for an account token."""
        body = _body(serializers.NameAndPassword, request)
        address = address_of(request._request)
        user = services.find_user(body["username"])
        key = attempts.key_for(user, body["username"])
        attempts.charge(key, address)
        try:
            tokens = services.sign_in(user=user, password=body["password"], now=timezone.now())
        except WrongCredentials:
            attempts.was_wrong(key)
            raise
        attempts.was_right(key, address)
        return tokens_answer(tokens)


class SignInBrowser(APIView):
    authentication_classes = [BrowserAuthentication]
    permission_classes = []

    @extend_schema(
        request=serializers.Nothing,
        parameters=[OpenApiParameter("X-CSRFToken", str, OpenApiParameter.HEADER, required=True)],
        responses=serializers.TokensAnswer,
    )
    def post(self, request: Request) -> Response:
        """Exchange the session of a signed-in page for an account token that ends with it."""
        _body(serializers.Nothing, request)
        key = browser_session_of(request)
        return tokens_answer(services.open_browser_session(session_key=key, now=timezone.now()))


class RefreshTokens(APIView):
    authentication_classes = []
    permission_classes = []

    @extend_schema(request=serializers.Refresh, responses=serializers.TokensAnswer)
    def post(self, request: Request) -> Response:
        """Exchange a refresh token for its successor."""
        body = _body(serializers.Refresh, request)
        return tokens_answer(services.refresh_session(refresh=body["refresh"], now=timezone.now()))


class SignOut(APIView):
    permission_classes = [IsSignedIn]

    @extend_schema(request=serializers.Nothing, responses={204: None})
    def post(self, request: Request) -> Response:
        """End this session."""
        _body(serializers.Nothing, request)
        services.end_session(session_id=credentials_of(request).session_id)
        return Response(status=status.HTTP_204_NO_CONTENT)


class SignOutEverywhere(APIView):
    permission_classes = [IsSignedIn]

    @extend_schema(request=serializers.Nothing, responses={204: None})
    def post(self, request: Request) -> Response:
        """End every session of the account."""
        _body(serializers.Nothing, request)
        services.end_all_sessions(user=user_of(request))
        return Response(status=status.HTTP_204_NO_CONTENT)


class Devices(APIView):
    """Reading them is the key directory's (keys/api.py), which knows the ones that are listed."""

    def get_permissions(self) -> list[Any]:
        # Registering is what an account token is for; which devices there are, both kinds may know.
        return [IsAccount() if self.request.method == "POST" else IsSignedIn()]

    @extend_schema(request=serializers.NewDevice, responses={201: serializers.DeviceAnswer})
    def post(self, request: Request) -> Response:
        """Register a device; the same key again gives the same device."""
        body = _body(serializers.NewDevice, request)
        device = services.register_device(user=user_of(request), **body)
        return Response(device_answer(device), status=status.HTTP_201_CREATED)


class SuspendDevice(APIView):
    permission_classes = [IsSignedIn]

    @extend_schema(request=serializers.Nothing, responses={204: None})
    def post(self, request: Request, device: uuid.UUID) -> Response:
        """End a device of one's own: its sessions, its sockets, and what is delivered to it."""
        user = user_of(request)
        _body(serializers.Nothing, request)
        limits.hit("suspend", str(user.pk)).require()
        services.suspend_own_device(user=user, device_id=device)
        return Response(status=status.HTTP_204_NO_CONTENT)


class DeviceChallenges(APIView):
    # Open to all: a device whose tokens were lost has nothing to show yet.
    authentication_classes = []
    permission_classes = []

    @extend_schema(request=serializers.Challenge, responses=serializers.ChallengeAnswer)
    def post(self, request: Request) -> Response:
        """Get a nonce for a device to sign."""
        body = _body(serializers.Challenge, request)
        nonce = services.create_challenge(device_id=body["device"], now=timezone.now())
        seconds = int(services.CHALLENGE_LIFETIME.total_seconds())
        return Response({"nonce": base64url.encode(nonce), "expires_in": seconds})


class DeviceTokens(APIView):
    authentication_classes = []  # by the refresh token in the body, or else by the bearer token, below
    permission_classes = []

    @extend_schema(request=serializers.Proof, responses=serializers.TokensAnswer)
    def post(self, request: Request) -> Response:
        """Exchange a device's signature for a device token."""
        body = _body(serializers.Proof, request)
        authority = body.get("refresh")
        if authority is None:
            signed_in = BearerAuthentication().authenticate(request)
            if signed_in is None:
                raise NotSignedIn()
            authority = signed_in[1]
        tokens = services.prove_device(
            device_id=body["device"],
            nonce=body["nonce"],
            signature=body["signature"],
            origin=own_origin(request._request),
            authority=authority,
            now=timezone.now(),
        )
        return tokens_answer(tokens)


class OwnProfile(APIView):
    @extend_schema(responses=serializers.OwnProfileAnswer)
    def get(self, request: Request) -> Response:
        """Read the account that asks."""
        user = user_of(request)
        return Response({**_profile(user), "email": user.email})


class People(APIView):
    @extend_schema(
        operation_id="accounts_list",
        parameters=[OpenApiParameter("prefix", str, required=True, description="at least 2 characters")],
        responses=serializers.PeopleAnswer,
    )
    def get(self, request: Request) -> Response:
        """Find other accounts by how their usernames begin: at most 10, in alphabetical order."""
        user = user_of(request)
        limits.hit("search", str(user.pk)).require()
        asked = serializers.Search(data=request.query_params)
        asked.is_valid(raise_exception=True)
        found = User.objects.visible().beginning_with(asked.validated_data["prefix"]).exclude(pk=user.pk)
        return Response({"accounts": [_profile(one) for one in found[:MOST_FOUND]]})


class Profile(APIView):
    @extend_schema(responses=serializers.ProfileAnswer)
    def get(self, request: Request, who: str) -> Response:
        """Read another account, by username or id."""
        user = User.objects.visible().called(who)
        if user is None:
            raise NotFound()
        return Response(_profile(user))


class PublicKeys(APIView):
    authentication_classes = []
    permission_classes = []

    @extend_schema(exclude=True)
    def get(self, request: Request) -> Response:
        """The public halves of the keys that sign tokens (RFC 7517)."""
        keys = {"keys": [signing_key.current().jwk()]}
        return Response(keys, headers={"Cache-Control": f"public, max-age={JWKS_SECONDS}"})
