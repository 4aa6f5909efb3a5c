"""Messages a second from an online sender to an online recipient. Real servers, real sockets, every check on.

Each database gets a server of its own in a temporary folder: SQLite, and PostgreSQL 15 or newer with Redis, fsync and
synchronous_commit on. First as many as it takes with a window of unanswered sends, then latencies at a fixed rate.
Processor time is what the server and the database used. Nothing is asserted: the machine decides.
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.services import Postgres, Redis
from tests.stacks import Server, clean_environment

ROOT = Path(__file__).resolve().parent.parent
UNLIMITED = {"SEND_BURST": "1000000000", "SEND_RATE": "1000000000", "LOG_LEVEL": "WARNING"}
CPUCLOCK_SCHED = 2  # clock_getcpuclockid(3), for any process


@dataclass
class Setting:
    """Servers on one database, and the people who talk through them."""

    database: str
    servers: list[Server]
    postgres: Postgres | None
    pairs: list[Any]
    environment: dict[str, str]

    def processes(self) -> dict[str, list[int]]:
        """What runs for the server and for its database."""
        servers = [server.process.pid for server in self.servers if server.process]
        return {"server": servers, "database": _tree(self.postgres.pid) if self.postgres else []}


@contextmanager
def setting(database: str, *, processes: int, pairs: int) -> Iterator[Setting]:
    folder = Path(tempfile.mkdtemp(prefix="messenger-benchmark-"))
    environment = clean_environment() | UNLIMITED | {"DATA_DIR": str(folder), "PYTHONPATH": f"{ROOT}:{ROOT / 'client'}"}
    with ExitStack() as stack:
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        postgres = None
        if database == "postgresql":
            postgres, redis = Postgres.create(durable=True), Redis.create()
            stack.callback(postgres.remove)
            stack.callback(redis.stop)
            environment |= {"DATABASE_URL": postgres.url, "REDIS_URL": redis.url}
        run(["manage.py", "migrate", "--verbosity", "0"], environment)
        people = json.loads(run(["-m", "benchmarks._people", str(pairs)], environment))
        servers = [Server(folder, environment) for _ in range(processes if postgres else 1)]
        for server in servers:
            server.spawn()
            stack.callback(server.kill)
            server.wait()
        yield Setting(database, servers, postgres, people, environment)


def measure(where: Setting, *, frames: int, seconds: float, window: int = 0, rate: float = 0) -> dict[str, Any]:
    """Let the load run once. The result has messages/s, latencies, and processor time a message in microseconds."""
    ports = [where.servers[0].port, where.servers[-1].port]
    task = {
        "ports": ports,
        "pairs": where.pairs,
        "frames": frames,
        "window": window,
        "rate": rate,
        "seconds": seconds,
    }
    process = subprocess.Popen(
        [sys.executable, "-m", "benchmarks._load"],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=clean_environment() | {"PYTHONPATH": str(ROOT)},
    )
    if process.stdin is None or process.stdout is None:
        raise RuntimeError("the load has no pipes")
    process.stdin.write(json.dumps(task))
    process.stdin.close()
    result: dict[str, Any] = {}
    used: dict[str, dict[str, float]] = {}
    for line in process.stdout:
        told = json.loads(line)
        if "mark" in told:
            running = where.processes() | {"load": [process.pid]}
            used[told["mark"]] = {name: sum(map(cpu_seconds, pids)) for name, pids in running.items()}
        else:
            result = told
    if process.wait() != 0 or not result:
        raise RuntimeError("the load failed")
    messages = max(1, result["messages"])
    return result | {
        "rate": result["messages"] / result["seconds"],
        "cpu_us": {name: 1e6 * (used["end"][name] - used["start"][name]) / messages for name in used["end"]},
    }


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--database", choices=["sqlite", "postgresql", "both"], default="both")
    parser.add_argument("--window", type=int, default=800, help="sends that are not answered and delivered yet")
    parser.add_argument("--pairs", type=int, default=1, help="senders, each with a recipient of their own")
    parser.add_argument("--processes", type=int, default=1, help="2: each message crosses (PostgreSQL)")
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--rate", type=float, default=500, help="messages a second for the latencies")
    parser.add_argument("--json", action="store_true", help="one object a line")
    options = parser.parse_args(argv)
    databases = ["postgresql", "sqlite"] if options.database == "both" else [options.database]
    for database in databases:
        with setting(database, processes=options.processes, pairs=options.pairs) as where:
            fast = [
                measure(
                    where, frames=int(40_000 * (options.seconds + 1)), seconds=options.seconds, window=options.window
                )
                for _ in range(options.runs)
            ]
            slow = [
                measure(
                    where, frames=int(options.rate * (options.seconds + 1)), seconds=options.seconds, rate=options.rate
                )
                for _ in range(options.runs)
            ]
            _report(database, len(where.servers), options, fast, slow)


def _report(database: str, processes: int, options: argparse.Namespace, fast: list[Any], slow: list[Any]) -> None:
    median = statistics.median
    cpu = {name: median(run["cpu_us"][name] for run in fast) for name in fast[0]["cpu_us"]}
    result = {
        "benchmark": "delivery",
        "database": database,
        "processes": processes,
        "pairs": options.pairs,
        "window": options.window,
        "runs": options.runs,
        "messages_per_second": round(median(run["rate"] for run in fast)),
        "cpu_us_per_message": {name: round(value, 1) for name, value in cpu.items()},
        "open_loop_rate": options.rate,
        "p50_ms": round(median(run["p50_ms"] for run in slow), 3),
        "p99_ms": round(median(run["p99_ms"] for run in slow), 3),
        "refused": sum(run.get("refused", 0) for run in fast),
        "lost": sum(run["lost"] for run in fast + slow),
        "each_run": [round(run["rate"]) for run in fast],
        "each_p50_ms": [round(run["p50_ms"], 3) for run in slow],
        "each_p99_ms": [round(run["p99_ms"], 3) for run in slow],
    }
    if options.json:
        print(json.dumps(result))
        return
    server, stored = cpu["server"], cpu["database"]
    print(
        f"{database}, {processes} process(es), {options.pairs} pair(s), window {options.window}, "
        f"median of {options.runs} runs\n"
        f"  delivered    {result['messages_per_second']:>8,} messages/s   {result['each_run']}\n"
        f"  processor    {server + stored:>8.0f} us a message (server {server:.0f}, database {stored:.0f}; "
        f"load generator {cpu['load']:.0f})\n"
        f"  at {options.rate:,.0f}/s     p50 {result['p50_ms']} ms, p99 {result['p99_ms']} ms   "
        f"{result['each_p50_ms']} {result['each_p99_ms']}\n"
        f"  refused {result['refused']}, lost {result['lost']}"
    )


def run(arguments: list[str], environment: dict[str, str]) -> str:
    """What a process of ours prints."""
    done = subprocess.run([sys.executable, *arguments], cwd=ROOT, env=environment, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(done.stderr[-2000:])
    return done.stdout


def cpu_seconds(pid: int) -> float:
    """Processor time of a process with all its threads, exactly: /proc counts in ticks, and misses short work."""
    try:
        return time.clock_gettime((~pid << 3) | CPUCLOCK_SCHED)
    except OSError:
        return 0.0


def _tree(pid: int) -> list[int]:
    """A process and its children."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [pid, *map(int, children)]


if __name__ == "__main__":
    main()
