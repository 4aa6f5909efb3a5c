"""What a page of a list is asked for with over HTTP, and how it says where the next one is (docs/api.md)."""

from __future__ import annotations

from collections.abc import Collection
from urllib.parse import urlencode

from django.http import QueryDict
from drf_spectacular.utils import OpenApiParameter
from rest_framework.request import Request
from rest_framework.response import Response

from messenger.lib.cursors import PAGE, Asked
from messenger.lib.errors import Malformed


def page_parameters(most: int = PAGE) -> list[OpenApiParameter]:
    """For the schema: what every list that comes in pages takes."""
    return [
        OpenApiParameter("cursor", str, description="`next` of the page before"),
        OpenApiParameter("limit", int, description=f"at most {most}"),
    ]


def page_asked(request: Request) -> Asked:
    """Which page of a list. A member that says nothing of that is refused."""
    asked = request.query_params
    require_members(asked, ("cursor", "limit"))
    return Asked(asked.get("cursor"), limit_asked(asked, usual=PAGE, most=PAGE))


def require_members(asked: QueryDict, known: Collection[str]) -> None:
    """Malformed for a member that is none of these, or is there twice."""
    if set(asked) - set(known) or any(len(asked.getlist(name)) != 1 for name in asked):
        raise Malformed("there is no such member, or it is there twice")


def limit_asked(asked: QueryDict, *, usual: int, most: int) -> int:
    """How many entries a page is to have, at most 999."""
    text = asked.get("limit", str(usual))
    if not (text.isascii() and text.isdigit() and len(text) <= 3 and 1 <= int(text) <= most):
        raise Malformed(errors=[{"field": "limit", "message": f"a number from 1 to {most}"}])
    return int(text)


def paged(request: Request, members: dict[str, object], following: str | None) -> Response:
    """A page, with the way to the next one in the body and in the header."""
    headers = {}
    if following is not None:
        query = urlencode({**request.query_params.dict(), "cursor": following})
        headers["Link"] = f'<{request.path}?{query}>; rel="next"'
    return Response(members | {"next": following}, headers=headers)
