"""What the sign-up page asks while somebody types: whether this username could be theirs. Nothing is reserved by it."""

from __future__ import annotations

from django.http import HttpRequest, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST

from accounts.forms import SignUpForm
from accounts.usernames import MAX_LENGTH


@never_cache
@require_POST
def check_username(request: HttpRequest) -> JsonResponse:
    """{"errors": [sentence]}: those that the sign-up form itself would give."""
    form = SignUpForm(data={"username": request.POST.get("username", "")[: MAX_LENGTH + 1]})
    return JsonResponse({"errors": [str(error) for error in form.errors.get("username", [])]})
