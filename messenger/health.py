"""Liveness without the database, readiness with it and with the drain flag."""

from collections.abc import Callable

from django.db import DatabaseError, connection
from django.http import HttpRequest, JsonResponse
from django.http.response import HttpResponseBase

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


_PROBES = {"/livez": livez, "/readyz": readyz}


class Probes:
    """Middleware: the probes' answers, under whatever name. Who probes knows this process by its address alone."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        probe = _PROBES.get(request.path_info)
        return probe(request) if probe else self._get_response(request)
