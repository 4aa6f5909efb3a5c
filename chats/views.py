"""The page of the chats: a shell. What it shows is decrypted in the browser; the server knows none of it."""

from __future__ import annotations

import uuid
from typing import cast

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache

from accounts.models import User
from accounts.services import keep_browser, known_device
from messenger.pages.headers import may_use


@never_cache
@login_required
@may_use("camera")
def chats(request: HttpRequest, chat: uuid.UUID | None = None) -> HttpResponse:
    """One shell for all chats: which of them is open is for the script to say. The camera reads link codes."""
    keep_browser(user=cast(User, request.user), session=request.session)
    return render(request, "chats/chats.html", {"knownDevice": str(known_device(request.session) or "")})


def home(request: HttpRequest) -> HttpResponse:
    """What this is for strangers; who is signed in goes on to their chats."""
    return redirect("chats-page") if request.user.is_authenticated else render(request, "home.html")
