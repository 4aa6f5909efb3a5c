"""What the account pages (allauth) ask us: names, addresses, passwords and limits are those of the API."""

from __future__ import annotations

import uuid
from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.core.exceptions import ImmediateHttpResponse
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.http import HttpRequest
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts import attempts, mail, services, usernames
from accounts.errors import TooManyWrongCredentials, UsernameTaken
from accounts.models import User
from messenger.lib import limits
from messenger.lib.addresses import address_of


def _browser(request: HttpRequest) -> tuple[User, uuid.UUID] | None:
    user, browser = request.user, services.browser_of(request.session)
    return (user, browser) if isinstance(user, User) and browser is not None else None


def _end(browser: tuple[User, uuid.UUID] | None) -> None:
    if browser is not None:
        services.end_browser(user=browser[0], browser=browser[1])


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]  # allauth has no types
    """ACCOUNT_ADAPTER."""

    error_messages = {
        **DefaultAccountAdapter.error_messages,
        "username_password_mismatch": gettext_lazy("The name or the password is not correct."),
        "email_password_mismatch": gettext_lazy("The name or the password is not correct."),
        "too_many_login_attempts": gettext_lazy("Too many wrong passwords. Try again later, or reset your password."),
    }

    def clean_username(self, username: str, shallow: bool = False) -> str:
        username = usernames.normalize(username)
        usernames.validate(username)
        try:
            services.check_username_free(username)
        except UsernameTaken as error:
            raise ValidationError(_("This username is taken, or looks like one that is."), code="taken") from error
        return username

    def clean_email(self, email: str) -> str:
        return email.strip().lower()

    def save_user(self, request: HttpRequest, user: User, form: Any, commit: bool = True) -> User:
        try:
            with transaction.atomic():
                saved: User = super().save_user(request, user, form, commit)
                return saved
        except IntegrityError as error:  # somebody was faster, after the form had been checked
            messages.error(request, _("That username or e-mail address has just been taken. Choose another one."))
            raise ImmediateHttpResponse(redirect("account_signup")) from error

    def set_password(self, user: User, password: str) -> None:
        services.change_password(user=user, password=password)

    def login(self, request: HttpRequest, user: User) -> None:
        before = _browser(request)
        super().login(request, user)
        _end(before)  # somebody else may have been signed in here
        services.mark_browser(request.session)

    def logout(self, request: HttpRequest) -> None:
        # Both or neither: no family may outlive a session that is gone, and nothing would end it any more.
        with transaction.atomic():
            _end(_browser(request))
            super().logout(request)

    def authenticate(self, request: HttpRequest, **credentials: Any) -> User | None:
        name = credentials.get("email") or credentials.get("username") or ""
        key = attempts.key_for(services.find_user(name), name)
        try:
            attempts.charge(key, address_of(request))
        except TooManyWrongCredentials as error:
            raise self.validation_error("too_many_login_attempts") from error
        user: User | None = super().authenticate(request, **credentials)
        if user is None:
            attempts.was_wrong(key)
        else:
            attempts.was_right(key, address_of(request))
        return user

    def pre_authenticate(self, request: HttpRequest, **credentials: Any) -> None:
        """Counted in `authenticate`."""

    def get_password_change_redirect_url(self, request: HttpRequest) -> str:
        return reverse("settings")

    def get_client_ip(self, request: HttpRequest) -> str:
        return address_of(request)

    def should_send_confirmation_mail(self, request: HttpRequest, email_address: Any, signup: bool) -> bool:
        return limits.hit("mail", "confirm", email_address.email).allowed

    def send_password_reset_mail(self, user: User, email: str, context: dict[str, Any]) -> None:
        # Silent: the page must not say whether the address is known.
        if limits.hit("mail", "reset", email).allowed:
            super().send_password_reset_mail(user, email, context)

    def send_mail(self, template_prefix: str, email: str, context: dict[str, Any]) -> None:
        mail.send_later(self.render_mail(template_prefix, email, {"request": self.request, "email": email, **context}))
