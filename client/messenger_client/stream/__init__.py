"""The socket (docs/events.md): connects, sends frames, matches answers, hands over the rest. Decides nothing."""

from __future__ import annotations

import asyncio
import itertools
import json
from types import TracebackType
from typing import Self

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus, InvalidURI
from websockets.typing import Subprotocol

from ..errors import ClientError, Defect, Refused, SignInNeeded, TakenOver, Unreachable
from .backoff import Backoff

__all__ = ["Backoff", "Json", "Stream"]

Json = dict[str, object]

SUBPROTOCOL = Subprotocol("messenger.v1")
MOST_BYTES = 4 * 1024 * 1024  # of a frame we take
ANSWER = 30.0  # seconds to wait for an answer


class _Connect(connect):
    """Follows no redirect: the token is for this origin alone."""

    def process_redirect(self, exc: Exception) -> Exception:
        return exc


class Stream:
    """One connection, from `hello` to its end. Use `async with`; then `receive` until it raises."""

    def __init__(self, origin: str, token: str) -> None:
        self._url = origin.replace("http", "ws", 1) + "/ws/v1"
        self._token = token
        self._connection: ClientConnection | None = None
        self._answers: dict[str, asyncio.Future[Json]] = {}
        self._numbers = itertools.count(1)
        self.hello: Json = {}

    async def __aenter__(self) -> Self:
        """Connect and wait for `hello`. Raises Unreachable, SignInNeeded, TakenOver, Defect."""
        try:
            self._connection = await _Connect(
                self._url,
                subprotocols=[SUBPROTOCOL],
                additional_headers={"Authorization": f"Bearer {self._token}"},
                max_size=MOST_BYTES,
                open_timeout=10,
                close_timeout=2,
            )
        except InvalidStatus as error:
            if error.response.status_code in (401, 403):
                raise SignInNeeded("Sign in again.", "not_signed_in") from error
            raise Unreachable("The server takes no connection just now.") from error
        except (OSError, TimeoutError, InvalidHandshake, InvalidURI) as error:
            raise Unreachable("The server cannot be reached.") from error
        try:
            async with asyncio.timeout(ANSWER):
                while self.hello.get("type") != "hello":
                    self.hello = await self._next()
        except TimeoutError as error:
            await self._connection.close()
            raise Unreachable("The server does not say hello.") from error
        except BaseException:
            await self._connection.close()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._give_up(Unreachable("The connection was closed."))
        if self._connection is not None:
            await self._connection.close()

    async def receive(self) -> Json:
        """Return the next frame that answers nothing. Raises what the connection's end means."""
        while True:
            frame = await self._next()
            waiting = self._answers.pop(str(frame.get("id")), None) if frame.get("id") is not None else None
            if waiting is None:
                return frame
            if not waiting.done():
                waiting.set_result(frame)

    async def send(self, frame: Json) -> None:
        """Send a frame that wants no answer. Raises Unreachable."""
        if self._connection is None:
            raise Unreachable("There is no connection.")
        try:
            await self._connection.send(json.dumps(frame, separators=(",", ":")))
        except ConnectionClosed as error:
            raise _meaning(error) from error

    async def request(self, frame: Json) -> Json:
        """Send a frame and return its answer, while another task is in `receive`. Raises Unreachable, Refused."""
        name = f"{next(self._numbers):x}"
        waiting: asyncio.Future[Json] = asyncio.get_running_loop().create_future()
        self._answers[name] = waiting
        try:
            await self.send({"id": name, **frame})
            async with asyncio.timeout(ANSWER):
                answer = await waiting
        except TimeoutError as error:
            raise Unreachable("The server does not answer.") from error
        finally:
            self._answers.pop(name, None)
        if answer.get("type") == "rejected":
            raise rejection(answer)
        return answer

    async def _next(self) -> Json:
        if self._connection is None:
            raise Unreachable("There is no connection.")
        try:
            text = await self._connection.recv()
        except ConnectionClosed as error:
            meaning = _meaning(error)
            self._give_up(meaning)
            raise meaning from error
        try:
            frame = json.loads(text)
        except (ValueError, RecursionError):
            frame = None
        if not isinstance(frame, dict):
            raise Defect("The server sent a frame that makes no sense.")
        return frame

    def _give_up(self, error: ClientError) -> None:
        for waiting in self._answers.values():
            if not waiting.done():
                waiting.set_exception(error)
        self._answers.clear()


def rejection(frame: Json) -> ClientError:
    """What a `rejected` frame means; the same as REST's problem of that code."""
    code, detail, wait = str(frame.get("code")), frame.get("detail"), frame.get("retry_after")
    sentence = detail if isinstance(detail, str) and detail else "The server refused."
    if code in ("too_many_requests", "unavailable"):
        return Unreachable(sentence, code, float(wait) if isinstance(wait, int | float) else None)
    return Refused(sentence, code, problem=frame)


def _meaning(closed: ConnectionClosed) -> ClientError:
    """docs/events.md, Close codes."""
    code = closed.rcvd.code if closed.rcvd else 1006
    if code == 4401:
        return SignInNeeded("The session has to be renewed.", "not_signed_in")
    if code == 4403:
        return SignInNeeded("This session or device was ended; sign in again.", "session_ended")
    if code == 4409:
        return TakenOver("Another connection of this device took over.")
    if code in (4400, 4413):
        return Defect(f"The server closed the connection as misused ({code}).")
    if code == 4429:
        return Unreachable("Too many connections in a minute.", "too_many_requests", 30.0)
    return Unreachable("The connection was lost.")
