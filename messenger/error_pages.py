"""Errors that no view caught: a problem body for the API, a page for people."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.template.loader import render_to_string

from messenger.lib import problem
from messenger.lib.errors import DomainError, Malformed, NotFound, WrongToken
from messenger.pages import theme


class InternalError(DomainError):
    """A defect of ours."""

    code = "internal_error"
    status = 500
    title = "Something went wrong on the server"


def _answer(request: HttpRequest, error: DomainError) -> HttpResponse:
    if request.path.startswith("/api/"):
        return JsonResponse(problem.body(error), status=error.status, content_type=problem.CONTENT_TYPE)
    return render(request, f"{error.status}.html", status=error.status)


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    return _answer(request, Malformed())


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:
    return _answer(request, WrongToken())


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    return _answer(request, NotFound())


def server_error(request: HttpRequest) -> HttpResponse:
    if request.path.startswith("/api/"):
        return _answer(request, InternalError())
    # Without the request's context: that asks the database who is signed in, and the database may be the fault.
    return HttpResponse(render_to_string("500.html", theme.context(request)), status=500)
