"""What logs may say: event names, ids and counts. No paths, bodies, names, addresses or tokens."""

import logging
import traceback
from types import TracebackType

_ExcInfo = tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None]


class FailuresOnly(logging.Filter):
    """For Django's request loggers: keeps defects of ours, and says which view failed instead of the path.

    Paths carry usernames, and requests that were refused are not news.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        if getattr(record, "status_code", 500) < 500:
            return False
        match = getattr(getattr(record, "request", None), "resolver_match", None)
        record.msg, record.args = "request_failed view=%s", (match.view_name or match.route if match else "none",)
        return True


class PrivateFormatter(logging.Formatter):
    """Tracebacks by file and line, with the kind of each exception and not its message.

    A database's message quotes the row that broke a rule, and a parser's the text that it could not read.
    """

    def formatException(self, ei: _ExcInfo) -> str:
        lines: list[str] = []
        error = ei[1]
        while error is not None:
            lines += [
                f"  {frame.filename}:{frame.lineno} {frame.name}" for frame in traceback.extract_tb(error.__traceback__)
            ]
            lines.append(type(error).__qualname__)
            error = error.__cause__ or error.__context__
        return "\n".join(lines)
