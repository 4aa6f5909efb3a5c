"""Calls that start at the same moment, as those of several requests do."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

from django.db import connection

from messenger.lib.errors import DomainError


def at_once(attempts: Sequence[Callable[[], object]]) -> list[DomainError | None]:
    """Start all of them together; the refusal of each, or None."""
    together = Barrier(len(attempts))

    def run(attempt: Callable[[], object]) -> DomainError | None:
        try:
            together.wait()
            attempt()
        except DomainError as error:
            return error
        finally:
            connection.close()
        return None

    with ThreadPoolExecutor(len(attempts)) as threads:
        return list(threads.map(run, attempts))
