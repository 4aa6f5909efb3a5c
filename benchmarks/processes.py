"""Two processes against one, with every message crossing from one to the other. The same load, in turns.

Each gets a PostgreSQL and a Redis of its own, fsync and synchronous_commit on. First as many messages a second as it
takes with a window of unanswered sends, then latencies at a fixed rate. Half of the senders are at each process. Two
processes need two cores beside those of the database and of the load: where there are none, the ratio says so.
"""

from __future__ import annotations

import argparse
import json
import statistics
from collections.abc import Sequence
from contextlib import ExitStack
from typing import Any

from benchmarks.delivery import Setting, measure, setting

median = statistics.median


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--window", type=int, default=800, help="sends that are not answered and delivered yet")
    parser.add_argument("--pairs", type=int, default=4, help="senders, each with a recipient of their own")
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--rate", type=float, default=500, help="messages a second for the latencies")
    parser.add_argument("--json", action="store_true", help="one object a line")
    options = parser.parse_args(argv)
    with ExitStack() as stack:
        settings = [stack.enter_context(setting("postgresql", processes=n, pairs=options.pairs)) for n in (1, 2)]
        runs: list[list[tuple[dict[str, Any], dict[str, Any]]]] = [[], []]
        for _ in range(options.runs):
            for where, done in zip(settings, runs, strict=True):
                done.append(_run(where, options))
        one, two = (_summary(len(where.servers), done) for where, done in zip(settings, runs, strict=True))
    ratio = two["messages_per_second"] / one["messages_per_second"]
    if options.json:
        for result in (one, two):
            print(json.dumps({"benchmark": "processes", **result}))
        print(json.dumps({"benchmark": "processes", "two_against_one": round(ratio, 2)}))
        return
    for result in (one, two):
        print(
            f"{result['processes']} process(es), median of {options.runs} runs\n"
            f"  delivered    {result['messages_per_second']:>8,} messages/s   {result['each_run']}\n"
            f"  processor    {result['cpu_us']['server']:>8.0f} us a message (server), "
            f"{result['cpu_us']['database']:.0f} (database), {result['cpu_us']['load']:.0f} (load generator)\n"
            f"  at {options.rate:,.0f}/s     p50 {result['p50_ms']} ms, p99 {result['p99_ms']} ms   "
            f"{result['each_p99_ms']}\n"
            f"  refused {result['refused']}, lost {result['lost']}"
        )
    print(f"two against one: {ratio:.2f}")


def _run(where: Setting, options: argparse.Namespace) -> tuple[dict[str, Any], dict[str, Any]]:
    """The load once as fast as it goes, and once at the rate."""
    frames, seconds = int(40_000 * (options.seconds + 1)), options.seconds
    fast = measure(where, frames=frames, seconds=seconds, window=options.window)
    slow = measure(where, frames=int(options.rate * (seconds + 1)), seconds=seconds, rate=options.rate)
    return fast, slow


def _summary(processes: int, done: list[tuple[dict[str, Any], dict[str, Any]]]) -> dict[str, Any]:
    fast, slow = [one for one, _ in done], [one for _, one in done]
    return {
        "processes": processes,
        "messages_per_second": round(median(run["rate"] for run in fast)),
        "cpu_us": {name: round(median(run["cpu_us"][name] for run in fast), 1) for name in fast[0]["cpu_us"]},
        "p50_ms": round(median(run["p50_ms"] for run in slow), 3),
        "p99_ms": round(median(run["p99_ms"] for run in slow), 3),
        "refused": sum(run.get("refused", 0) for run in fast),
        "lost": sum(run["lost"] for run in fast + slow),
        "each_run": [round(run["rate"]) for run in fast],
        "each_p99_ms": [round(run["p99_ms"], 3) for run in slow],
    }


if __name__ == "__main__":
    main()
