"""What browsers are told beside each answer: nothing from elsewhere, nothing into elsewhere, no device they need not.

The policy of pages is CONTENT_SECURITY_POLICY in the settings. Scripts carry one of their own, which holds where a
script runs as a Worker: only there may WebAssembly be compiled.
"""

from __future__ import annotations

from collections.abc import Callable
from wsgiref.headers import Headers

from csp.middleware import CSPMiddleware, PolicyParts
from django.http import HttpRequest
from django.http.response import HttpResponseBase

SCRIPT_POLICY = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; connect-src 'self'"
FILE_POLICY = "default-src 'none'; frame-ancestors 'none'"
_FOR_ALL = {
    "Cache-Control": "no-store",  # pages and answers name people, and clearing a site's storage leaves the cache
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Embedder-Policy": "require-corp",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": ", ".join(
        f"{feature}=()"
        for feature in (
            "accelerometer", "browsing-topics", "camera", "display-capture", "geolocation", "gyroscope", "hid",
            "magnetometer", "microphone", "midi", "payment", "serial", "usb", "xr-spatial-tracking",
        )
    ),
}  # fmt: skip


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
