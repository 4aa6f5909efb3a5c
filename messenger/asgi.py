"""The ASGI application: Django for HTTP, one socket consumer under /ws/v1, delivery for the life of the process."""

import os
from typing import Any

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "messenger.settings")
_django = get_asgi_application()

# Apps are ready from here on.
from chats.consumers import DeviceConsumer, Receive, Send  # noqa: E402
from chats.delivery import delivery  # noqa: E402
from messenger.body_limit import limited  # noqa: E402

_http = limited(_django)  # type: ignore[arg-type]  # Django promises to take any mapping, and more
_socket = DeviceConsumer.as_asgi()
SOCKET_PATH = "/ws/v1"


async def application(scope: dict[str, Any], receive: Receive, send: Send) -> None:
    """By the kind of connection. A socket at any other path is refused."""
    if scope["type"] == "http":
        await _http(scope, receive, send)
    elif scope["type"] == "lifespan":
        await _lifespan(receive, send)
    elif scope["path"] == SOCKET_PATH:
        await _socket(scope, receive, send)
    else:
        await receive()
        await send({"type": "websocket.close"})


async def _lifespan(receive: Receive, send: Send) -> None:
    await receive()
    await delivery.running()
    await send({"type": "lifespan.startup.complete"})
    await receive()
    await delivery.stop_running()
    await send({"type": "lifespan.shutdown.complete"})
