"""What browsers are told beside each answer: nothing from elsewhere, nothing into elsewhere, no device they need not.

The policy of pages is CONTENT_SECURITY_POLICY in the settings. Scripts carry one of their own, which holds where a
script runs as a Worker: only there may WebAssembly be compiled.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec
from wsgiref.headers import Headers

from csp.middleware import CSPMiddleware, PolicyParts
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase

P = ParamSpec("P")
SCRIPT_POLICY = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; connect-src 'self'"
FILE_POLICY = "default-src 'none'; frame-ancestors 'none'"
_FEATURES = (
    "accelerometer", "browsing-topics", "camera", "display-capture", "geolocation", "gyroscope", "hid",
    "magnetometer", "microphone", "midi", "payment", "serial", "usb", "xr-spatial-tracking",
)  # fmt: skip
_FOR_ALL = {
    "Cache-Control": "no-store",  # pages and answers name people, and clearing a site's storage leaves the cache
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Embedder-Policy": "require-corp",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": ", ".join(f"{feature}=()" for feature in _FEATURES),
}


def may_use(*features: str) -> Callable[[Callable[P, HttpResponse]], Callable[P, HttpResponse]]:
    """A view whose page itself, and nothing that it embeds, may use these features of the device."""
    policy = ", ".join(f"{one}=(self)" if one in features else f"{one}=()" for one in _FEATURES)

    def decorate(view: Callable[P, HttpResponse]) -> Callable[P, HttpResponse]:
        @wraps(view)
        def answer(*args: P.args, **kwargs: P.kwargs) -> HttpResponse:
            response = view(*args, **kwargs)
            response.headers["Permissions-Policy"] = policy
            return response

        return answer

    return decorate


class Isolation:
    """Middleware: every answer belongs to this origin alone, and is kept by no cache unless it says so itself."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        answer = self._get_response(request)
        for name, value in _FOR_ALL.items():
            answer.headers.setdefault(name, value)
        return answer


class Policy(CSPMiddleware):
    """Middleware: CONTENT_SECURITY_POLICY; in the admin without Trusted Types, under which Django's jQuery breaks."""

    def get_policy_parts(
        self, request: HttpRequest, response: HttpResponseBase, report_only: bool = False
    ) -> PolicyParts:
        parts = super().get_policy_parts(request, response, report_only)
        if request.path_info.startswith("/admin/"):
            parts.replace = {**(parts.replace or {}), "require-trusted-types-for": None, "trusted-types": None}
        return parts


def of_file(headers: Headers, path: str, url: str) -> None:
    """WHITENOISE_ADD_HEADERS_FUNCTION: the policy of one static file."""
    headers["Content-Security-Policy"] = SCRIPT_POLICY if path.endswith((".js", ".mjs")) else FILE_POLICY
