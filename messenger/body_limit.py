"""The bound on every HTTP body, before any of it is kept: Django writes a body to disk before a view can object."""

import json
from collections.abc import Awaitable, Callable
from typing import Any

from django.conf import settings

from messenger.lib import problem
from messenger.lib.errors import Malformed

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]


class BodyTooLarge(Malformed):
    status = 413
    title = "The body is too large"


def limited(application: Application) -> Application:
    """`application` for HTTP, which answers 413 to a body of more than DATA_UPLOAD_MAX_MEMORY_SIZE bytes."""

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        most = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
        if _announced(scope) > most:
            await _refuse(send)
            return
        taken, refused = 0, False

        async def counted() -> dict[str, Any]:
            nonlocal taken, refused
            if refused:
                return {"type": "http.disconnect"}
            event = await receive()
            taken += len(event.get("body", b""))
            if taken > most:  # a chunked body announces nothing
                refused = True
                await _refuse(send)
                return {"type": "http.disconnect"}
            return event

        async def unless_refused(event: dict[str, Any]) -> None:
            if not refused:
                await send(event)

        await application(scope, counted, unless_refused)

    return answer


def _announced(scope: Scope) -> int:
    # More digits than any length has: int() of a long text is slow.
    lengths = [value for name, value in scope["headers"] if name == b"content-length" and value.isdigit()]
    return max((int(value[:20]) for value in lengths), default=0)


async def _refuse(send: Send) -> None:
    headers = [*problem.RAW_HEADERS, (b"connection", b"close")]
    await send({"type": "http.response.start", "status": BodyTooLarge.status, "headers": headers})
    await send({"type": "http.response.body", "body": json.dumps(problem.body(BodyTooLarge())).encode()})
