"""The settings page: what a person can see and change of their account and of this browser. No script is needed."""

from __future__ import annotations

import math
import uuid

from allauth.account.models import EmailAddress
from django import forms
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST

from accounts.models import User
from accounts.services import known_device, suspend_own_device
from accounts.views import too_many
from messenger.lib import limits
from messenger.pages import theme

THEME_SECONDS = 365 * 24 * 3600


class ThemeForm(forms.Form):
    """How pages look in this browser."""

    theme = forms.ChoiceField(
        choices=[
            (theme.AUTO, gettext_lazy("System")),
            ("light", gettext_lazy("Light")),
            ("dark", gettext_lazy("Dark")),
        ],
        widget=forms.RadioSelect,
    )


@never_cache
@login_required
def show_settings(request: HttpRequest) -> HttpResponse:
    """Everything on one page."""
    user = User.objects.get(pk=request.user.pk)
    context = {
        "verified": EmailAddress.objects.filter(user=user, email=user.email, verified=True).exists(),
        "form": ThemeForm(initial={"theme": theme.of(request)}),
        "devices": user.devices.order_by("suspended", "-last_seen_at", "id"),
        "this_device": known_device(request.session),
    }
    return render(request, "settings.html", context)


@never_cache
@login_required
def end_device(request: HttpRequest, device: uuid.UUID) -> HttpResponse:
    """Ask once, then sign out another device of one's own."""
    user = User.objects.get(pk=request.user.pk)
    found = get_object_or_404(user.devices.exclude(pk=known_device(request.session)), pk=device)
    if request.method == "POST":
        verdict = limits.hit("suspend", str(user.pk))
        if not verdict.allowed:
            return too_many(request, math.ceil(verdict.retry_after))
        suspend_own_device(user=user, device_id=found.pk)
        messages.success(request, _("%(name)s is signed out.") % {"name": found.name})
    elif not found.suspended:
        return render(request, "end_device.html", {"device": found})
    return redirect(f"{reverse('settings')}#devices")


@require_POST
def choose_theme(request: HttpRequest) -> HttpResponse:
    """Remember how pages should look, in this browser alone: also for people who are not signed in."""
    form = ThemeForm(request.POST)
    answer = redirect(f"{reverse('settings')}#appearance")
    if form.is_valid():
        answer.set_cookie(
            theme.COOKIE,
            form.cleaned_data["theme"],
            max_age=THEME_SECONDS,
            httponly=True,
            samesite="Lax",
            secure=settings.HTTPS,
        )
    return answer
