"""The web application manifest: what a browser needs to install the chats as an application of their own."""

from __future__ import annotations

from django.http import HttpRequest, JsonResponse
from django.templatetags.static import static
from django.urls import reverse
from django.utils.translation import gettext as _


def manifest(request: HttpRequest) -> JsonResponse:
    """W3C Web Application Manifest."""
    body = {
        "name": _("Messenger"),
        "short_name": _("Messenger"),
        "id": "/",
        "start_url": reverse("chats-page"),
        "scope": "/",
        "display": "standalone",
        "background_color": "#f6f7f5",
        "theme_color": "#0b6b5f",
        "icons": [{"src": static("images/mark.svg"), "type": "image/svg+xml", "sizes": "any"}],
    }
    return JsonResponse(body, content_type="application/manifest+json")
