"""History of an open chat: pages at its start, middle and end, and searches. No server: the services are called.

Each database is a fresh one in a temporary folder: SQLite, and PostgreSQL 15 or newer, fsync on. The chat of a tenth
of the size is measured too: the ratio says what a long history costs. Nothing is asserted: the machine decides.
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from benchmarks.delivery import ROOT, run
from tests.services import Postgres
from tests.stacks import clean_environment


def measure(database: str, *, messages: int, times: int) -> dict[str, list[float]]:
    """Milliseconds of each work, on a database of its own."""
    folder = Path(tempfile.mkdtemp(prefix="messenger-benchmark-"))
    environment = clean_environment() | {"DATA_DIR": str(folder), "PYTHONPATH": f"{ROOT}:{ROOT / 'client'}"}
    with ExitStack() as stack:
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        if database == "postgresql":
            postgres = Postgres.create(durable=True)
            stack.callback(postgres.remove)
            environment |= {"DATABASE_URL": postgres.url}
        run(["manage.py", "migrate", "--verbosity", "0"], environment)
        told: dict[str, list[float]] = json.loads(
            run(["-m", "benchmarks._open_history", str(messages), str(times)], environment)
        )
    return told


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--database", choices=["sqlite", "postgresql", "both"], default="both")
    parser.add_argument("--messages", type=int, default=100_000, help="in the chat, and in another one beside it")
    parser.add_argument("--times", type=int, default=100, help="that each is asked for")
    parser.add_argument("--json", action="store_true", help="one object a line")
    options = parser.parse_args(argv)
    databases = ["postgresql", "sqlite"] if options.database == "both" else [options.database]
    for database in databases:
        small, large = (
            measure(database, messages=size, times=options.times) for size in (options.messages // 10, options.messages)
        )
        _report(database, options, small, large)


def _report(
    database: str, options: argparse.Namespace, small: dict[str, list[float]], large: dict[str, list[float]]
) -> None:
    if not options.json:
        print(f"{database}, {options.messages:,} messages in the chat and as many beside it; ms, and against a tenth")
    for name, took in large.items():
        p50, p99 = statistics.median(took), sorted(took)[int(len(took) * 0.99)]
        ratio = p50 / statistics.median(small[name])
        if options.json:
            numbers = {"p50_ms": round(p50, 2), "p99_ms": round(p99, 2), "ratio": round(ratio, 2)}
            described = {"benchmark": "open-history", "database": database, "messages": options.messages}
            print(json.dumps(described | {"work": name} | numbers))
        else:
            print(f"  {name:<24} p50 {p50:>8.2f}, p99 {p99:>8.2f}, {ratio:>5.2f} times")


if __name__ == "__main__":
    main()
