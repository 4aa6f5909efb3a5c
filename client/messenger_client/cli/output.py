"""What is printed: results on stdout, as lines for people or one JSON object a line; words on stderr.

Exit codes: 0 done, 1 not done, 2 wrong use, 3 sign in, 4 no network, 130 interrupted.
"""

from __future__ import annotations

import io
import json
import os
import sys
from collections.abc import Sequence
from datetime import datetime

import typer

from ..client import Change, Event, Message, Notice, Reached, Typing
from ..errors import ClientError, SignInNeeded, Unreachable, WrongUse
from .plain import one_line, plain

TICKS = {"queued": "…", "accepted": "✓", "delivered": "✓✓", "read": "✓✓ read", "expired": "expired", "failed": "failed"}


def exit_code(error: ClientError) -> int:
    if isinstance(error, WrongUse):
        return 2
    if isinstance(error, SignInNeeded):
        return 3
    return 4 if isinstance(error, Unreachable) else 1


class Output:
    def __init__(self, *, as_json: bool) -> None:
        self.as_json = as_json
        self.names_groups = False

    def result(self, value: dict[str, object], line: str) -> None:
        """Print one result."""
        # ASCII: a terminal that shows JSON obeys no character of others either.
        self.write(json.dumps(value) if self.as_json else line)

    def write(self, line: str) -> None:
        sys.stdout.write(line + "\n")
        sys.stdout.flush()

    def say(self, sentence: str) -> None:
        """Words for the person, never among the results."""
        sys.stderr.write(one_line(sentence) + "\n")
        sys.stderr.flush()

    def event(self, event: Event, *, with_state: bool = False, details: bool = False) -> None:
        """Print a line of a conversation; with `details`, how far an own one has come with whom."""
        if isinstance(event, Message):
            value: dict[str, object] = {
                "type": "message",
                "id": event.id,
                "chat": event.chat,
                "from": event.sender,
                "text": event.text,
                "sent_at": event.sent_at,
            }
            if with_state:
                value["state"] = event.state
            if event.group:
                value |= {"group": event.group, "title": event.title}
            if event.mentions:
                value["mentions"] = list(event.mentions)
            if event.mentioned:
                value["mentioned"] = True
            if event.muted:
                value["muted"] = True
            if event.is_open:
                value |= {"open": True, "number": event.number}
            if event.edited_at:
                value["edited_at"] = event.edited_at
            if event.is_deleted:
                value["deleted"] = True
            if details and event.outgoing:
                rows = [{"username": one.username, "state": one.state, "at": one.at} for one in event.reached]
                value["reached"] = rows
            line = "" if self.as_json else self._line(event, with_number=with_state)
            self.result(value, "\n".join([line, *(self._reached(one) for one in event.reached if details)]))
            return
        value = {
            "type": event.kind,
            "id": event.id,
            "chat": event.chat,
            "from": event.sender,
            "text": event.text,
            "sent_at": event.at,
        }
        if isinstance(event, Notice):
            value |= _details(event)
        else:
            value["number"] = event.number
        if event.group:
            value |= {"group": event.group, "title": event.title}
        if event.is_open:
            value["open"] = True
        words = f"{_when(event.at)}  — {self._place(event)}{_words(event)}"
        self.result(value, "" if self.as_json else self._styled(words, "yellow"))

    def typing(self, word: Typing) -> None:
        value: dict[str, object] = {"type": "typing", "chat": word.chat, "from": word.username, "on": word.on}
        if word.group:
            value |= {"group": word.group, "title": word.title}
        self.result(value | ({"open": True} if word.is_open else {}), "")

    def _line(self, message: Message, *, with_number: bool) -> str:
        is_quiet = message.muted and not message.mentioned
        styled = _unstyled if is_quiet else self._styled
        number = styled(f"[{message.number}] ", "bright_black") if with_number and message.number else ""
        name = styled(one_line(message.sender), "cyan" if message.outgoing else "green")
        # Further lines are set in: nobody can write a line that looks like another person's.
        text = plain(message.text).replace("\n", "\n         ")
        if message.mentioned:
            text = styled(text, None, bold=True)
        if message.is_deleted:
            text = styled("(deleted)", "bright_black")
        after = "  " + styled("(edited)", "bright_black") if message.edited_at and not message.is_deleted else ""
        if message.outgoing:
            words = f"{TICKS.get(message.state, message.state)} {one_line(message.reason)}".rstrip()
            after += "  " + styled(words, "bright_black")
        elif message.is_request:
            after += "  " + styled("(request)", "yellow")
        line = f"{_when(message.sent_at)}  {number}{self._place(message)}{name}: {text}{after}"
        return self._styled(line, "bright_black") if is_quiet else line

    def _reached(self, one: Reached) -> str:
        words = f"{one.state} {when(one.at) if one.at else ''}".rstrip() if one.state != "accepted" else "not yet"
        return self._styled(f"         {one_line(one.username)}: {words}", "bright_black")

    def _place(self, event: Event) -> str:
        """In which group chat, where lines of several conversations come one after another; and which are open."""
        place = [one_line(event.title or event.group)] if event.group else []
        place += ["open"] if event.is_open else []
        return f"[{', '.join(place)}] " if place and self.names_groups else ""

    @property
    def colours(self) -> bool:
        return sys.stdout.isatty() and not os.environ.get("NO_COLOR")

    def _styled(self, text: str, colour: str | None, *, bold: bool = False) -> str:
        if not self.colours:
            return text
        return typer.style(text, fg=colour, bold=bold or None)


def _unstyled(text: str, colour: str | None, *, bold: bool = False) -> str:
    return text


def _details(notice: Notice) -> dict[str, object]:
    named = {"cause": notice.cause, "repair": notice.repair, "missing": notice.missing}
    return {name: value for name, value in named.items() if value}


def _words(event: Notice | Change) -> str:
    """The sentence of what is no message."""
    if isinstance(event, Notice):
        return one_line(event.text)
    if event.kind == "deleted":
        return one_line(f"A message of {event.sender} was deleted [{event.number}].")
    return one_line(f"{event.sender} has edited [{event.number}]: {event.text}")


def take_any_character() -> None:
    """Write what the output's encoding lacks as escapes: a message that cannot be printed would come for ever."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def columns(rows: Sequence[Sequence[str]]) -> list[str]:
    """Lines whose cells stand under each other."""
    widths = [max(len(row[index]) for row in rows) for index in range(len(rows[0]))] if rows else []
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]


def when(at: int) -> str:
    """A moment in the person's own time, with its day."""
    moment = _moment(at)
    return moment.strftime("%Y-%m-%d %H:%M") if moment else "--"


def _when(at: int) -> str:
    moment = _moment(at)
    if moment is None:
        return "--:--"
    return moment.strftime("%H:%M" if moment.date() == datetime.now().astimezone().date() else "%d %b %H:%M")


def _moment(at: int) -> datetime | None:
    try:
        return datetime.fromtimestamp(at / 1000).astimezone()
    except (OverflowError, ValueError, OSError):
        return None  # a sender's clock may say anything
