"""A group chat of 500 devices. Real servers, real sockets, every check on; each device acknowledges what it gets.

Create, tell the sender key, send messages one by one, remove one member, tell the new sender key, send as many again;
then as many as it takes with a window of messages under way. Processor time is what the server and the database used.
Nothing is asserted: the machine decides.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
from collections.abc import Sequence
from typing import Any

from benchmarks.delivery import ROOT, Setting, cpu_seconds, run, setting
from tests.stacks import clean_environment


def measure(where: Setting, *, devices: int, messages: int, window: int) -> dict[str, Any]:
    """Let the load run once, on a database of its own."""
    people = json.loads(run(["-m", "benchmarks._group_people", str(devices), str(messages)], where.environment))
    process = subprocess.Popen(
        [sys.executable, "-m", "benchmarks._group_load"],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=clean_environment() | {"PYTHONPATH": f"{ROOT}:{ROOT / 'client'}"},
    )
    if process.stdin is None or process.stdout is None:
        raise RuntimeError("the load has no pipes")
    process.stdin.write(json.dumps(people | {"port": where.servers[0].port, "window": window}))
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
    rows = json.loads(run(["-m", "benchmarks._group_people", "count"], where.environment))
    loaded = max(1, result["loaded"])
    return result | {
        "rows": rows,
        "cpu_us": {name: 1e6 * (used["done"][name] - used["load"][name]) / loaded for name in used["done"]},
    }


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--database", choices=["sqlite", "postgresql", "both"], default="both")
    parser.add_argument("--devices", type=int, default=500)
    parser.add_argument("--messages", type=int, default=100, help="before the removal, after it, and at full load")
    parser.add_argument("--window", type=int, default=16, help="messages that have not reached everybody, at full load")
    parser.add_argument("--json", action="store_true", help="one object a line")
    options = parser.parse_args(argv)
    databases = ["postgresql", "sqlite"] if options.database == "both" else [options.database]
    for database in databases:
        with setting(database, processes=1, pairs=0) as where:
            _report(database, options, measure(where, **_sizes(options)))


def _sizes(options: argparse.Namespace) -> dict[str, int]:
    return {"devices": options.devices, "messages": options.messages, "window": options.window}


def _report(database: str, options: argparse.Namespace, measured: dict[str, Any]) -> None:
    took = {name: sorted(measured[f"{name}_ms"]) for name in ("before", "after")}
    times = {
        name: {"p50": statistics.median(some), "p99": some[int(len(some) * 0.99)], "max": some[-1]}
        for name, some in took.items()
    }
    keys, rows = measured["sender_key"], measured["rows"]
    result = {
        "benchmark": "groups",
        "database": database,
        "devices": options.devices,
        "messages": options.messages,
        "create_ms": round(measured["create_ms"], 1),
        "remove_ms": round(measured["remove_ms"], 1),
        "last_device_ms": {name: {key: round(value, 1) for key, value in one.items()} for name, one in times.items()},
        "message_bytes": measured["message_bytes"],
        "sender_key_bytes": [round(one["bytes"]) for one in keys],
        "sender_key_ms": [round(one["ms"], 1) for one in keys],
        "deliveries_per_second": round(measured["deliveries_per_second"]),
        "cpu_us_per_delivery": {name: round(value, 1) for name, value in measured["cpu_us"].items()},
        "rows": rows,
        "envelopes_written": measured["deliveries"],
        "to_the_removed": measured["to_the_removed"],
        "refused": measured["refused"],
    }
    if options.json:
        print(json.dumps(result))
        return
    cpu = result["cpu_us_per_delivery"]
    each = result["message_bytes"] / (2 * options.messages)
    print(
        f"{database}, {options.devices} devices, {options.messages} messages before and after a removal\n"
        f"  create       {result['create_ms']:>8} ms, remove {result['remove_ms']} ms\n"
        f"  last device  {_times(times['before'])} before, {_times(times['after'])} after\n"
        f"  sender       {each:>8,.0f} bytes a message; sender keys {result['sender_key_bytes']} bytes, "
        f"told in {result['sender_key_ms']} ms\n"
        f"  full load    {result['deliveries_per_second']:>8,} deliveries/s; {sum(cpu.values()) - cpu['load']:.0f} us "
        f"of processor each (server {cpu['server']:.0f}, database {cpu['database']:.0f}; load {cpu['load']:.0f})\n"
        f"  rows         {rows['messages']} messages, {result['envelopes_written']} envelopes, {rows['statuses']} "
        f"statuses, {rows['operations']} operations; left: {rows['envelopes_left']} envelopes, "
        f"{rows['ciphertexts_left']} ciphertexts\n"
        f"  refused {result['refused']}, delivered to the removed {result['to_the_removed']}"
    )


def _times(one: dict[str, float]) -> str:
    return f"p50 {one['p50']:.0f} ms, p99 {one['p99']:.0f} ms, most {one['max']:.0f} ms"


if __name__ == "__main__":
    main()
