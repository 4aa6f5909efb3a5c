"""The account pages' forms, within limits. The pages themselves are allauth's, in our templates."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import wraps
from typing import Any

import redis
from allauth.account import views as allauth
from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django_ratelimit.core import get_usage
from limits import parse

from messenger.lib.addresses import address_of
from messenger.lib.limits import NO_LIMIT

logger = logging.getLogger(__name__)

View = Callable[..., HttpResponseBase]


def _address(group: str, request: HttpRequest) -> str:
    return address_of(request)


def _seconds_to_wait(request: HttpRequest, name: str) -> int:
    """Count one sent form of an address under settings.LIMITS[name]; 0 if it is within the limit."""
    rate = settings.LIMITS[name]
    if rate == NO_LIMIT:
        return 0
    item = parse(rate)
    try:
        usage = get_usage(
            request,
            group=f"form.{name}",
            key=_address,
            rate=(item.amount, item.get_expiry()),
            method="POST",
            increment=True,
        )
    except redis.RedisError:
        # Open while Redis is away: passwords are still counted, in this process (messenger/lib/limits.py).
        logger.warning("form_limits_off")
        return 0
    return max(1, usage["time_left"]) if usage and usage["should_limit"] else 0


def limited(name: str, view: View) -> View:
    """`view`, whose form can be sent as often as settings.LIMITS[name] says; then the page that says when again."""

    @wraps(view)
    def within_limit(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if seconds := _seconds_to_wait(request, name):
            return too_many(request, seconds)
        return view(request, *args, **kwargs)

    return within_limit


def too_many(request: HttpRequest, seconds: int) -> HttpResponse:
    """The 429 page."""
    minutes = -(-seconds // 60)
    answer = render(request, "429.html", {"minutes": minutes}, status=429)
    answer["Retry-After"] = str(seconds)
    return answer


class SignOut(allauth.LogoutView):  # type: ignore[misc]  # allauth has no types
    """Signs out of this browser, and where the person says so has it forget everything that it keeps for this site."""

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return {**super().get_context_data(**kwargs), "erase": self.request.GET.get("store") == "erase"}

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        answer: HttpResponse = super().post(request, *args, **kwargs)
        if request.POST.get("store") == "erase":
            answer["Clear-Site-Data"] = '"storage"'
        return answer


sign_out = SignOut.as_view()
sign_up = limited("sign_up", allauth.signup)
sign_in = limited("form", allauth.login)
reset_password = limited("form", allauth.password_reset)
set_new_password = limited("form", allauth.password_reset_from_key)
change_password = limited("form", allauth.password_change)
confirm_password = limited("form", allauth.reauthenticate)
change_email = limited("form", allauth.email)
