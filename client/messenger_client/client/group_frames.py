"""What the socket says of group chats while somebody listens: each is followed, one after another."""

from __future__ import annotations

import asyncio

from ..api import forms
from ..errors import Defect, KeysRefused, Refused, Unreachable
from ..stream import Json
from .context import Context
from .groups import Groups


class GroupFrames:
    """Run `run` beside what reads the socket: what it sends is answered there, and reading waits for its reader."""

    def __init__(self, context: Context, groups: Groups) -> None:
        self._context = context
        self._groups = groups
        self._waiting: dict[str, Json] = {}  # the newest frame of each
        self._wanted = asyncio.Event()

    def soon(self, frame: Json) -> None:
        """A group chat has changed (`group.changed`); or all that waited is here, and any may have (`queue.empty`)."""
        self._waiting[str(frame.get("group"))] = frame
        self._wanted.set()

    async def run(self) -> None:
        while True:
            await self._wanted.wait()
            self._wanted.clear()
            while self._waiting:
                await self._follow(self._waiting.pop(next(iter(self._waiting))))

    async def _follow(self, frame: Json) -> None:
        try:
            if frame.get("type") == "queue.empty":
                await self._groups.look_at_groups()
            else:
                group = forms.identifier(frame.get("group"))
                await self._groups.group_changed(group, removed=frame.get("removed") is True)
        except Unreachable as error:
            if error.code != "too_many_requests":
                raise
        except (KeysRefused, Defect, Refused) as error:
            self._context.notify(str(error))
