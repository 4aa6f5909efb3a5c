"""Liveness without the database, readiness with it and with the drain flag, and numbers for the operator."""

from collections.abc import Callable

from django.conf import settings
from django.db import DatabaseError, connection
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.http.response import HttpResponseBase
from django.utils.crypto import constant_time_compare
from prometheus_client import CONTENT_TYPE_LATEST

from messenger.lib import metrics

# Set once, when the process was told to end: it gets no more traffic, and finishes what it has.
_draining = False


def start_draining() -> None:
    """Readiness is red from now on."""
    global _draining
    _draining = True


def livez(request: HttpRequest) -> JsonResponse:
    """200 while the process answers."""
    return JsonResponse({"status": "live"})


def readyz(request: HttpRequest) -> JsonResponse:
    """200 while this process should get traffic; 503 when it drains or has no database."""
    if _draining:
        return JsonResponse({"status": "draining"}, status=503)
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError:
        return JsonResponse({"status": "no database"}, status=503)
    return JsonResponse({"status": "ready"})


def show_metrics(request: HttpRequest) -> HttpResponse:
    """What this process has counted, for who holds METRICS_TOKEN."""
    if not constant_time_compare(request.headers.get("Authorization", ""), f"Bearer {settings.METRICS_TOKEN}"):
        return HttpResponse(status=401, headers={"WWW-Authenticate": "Bearer"})
    return HttpResponse(metrics.text(), content_type=CONTENT_TYPE_LATEST)


_PROBES: dict[str, Callable[[HttpRequest], HttpResponse]] = {"/livez": livez, "/readyz": readyz}


class Probes:
    """Middleware: the probes' answers, under whatever name. Who probes knows this process by its address alone."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        probe = _PROBES.get(request.path_info)
        if request.path_info == "/metrics" and settings.METRICS_TOKEN:
            probe = show_metrics
        return probe(request) if probe else self._get_response(request)
