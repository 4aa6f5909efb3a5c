"""People at terminals: the command line client as processes, each with a home of its own."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.stacks import clean_environment

PASSWORD = "a quiet river bends twice"  # not a secret: the servers of these tests live for a minute
SECONDS = 60


@dataclass
class Person:
    """One account at one terminal."""

    name: str
    home: Path
    server: str

    @property
    def environment(self) -> dict[str, str]:
        return clean_environment() | {
            "MESSENGER_HOME": str(self.home),
            "MESSENGER_SERVER": self.server,
            "MESSENGER_PASSWORD": PASSWORD,
            "PYTHON_KEYRING_BACKEND": "keyring.backends.null.Keyring",
        }

    def command(self, *arguments: str) -> list[str]:
        return [str(Path(sys.executable).with_name("messenger")), *arguments]

    def run(self, *arguments: str, timeout: float = SECONDS) -> subprocess.CompletedProcess[str]:
        """Run one command to its end, whatever its exit status."""
        return subprocess.run(
            self.command(*arguments),
            env=self.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=timeout,
        )

    def json(self, *arguments: str, timeout: float = SECONDS) -> list[dict[str, Any]]:
        """Run one command that has to succeed; the objects that it printed."""
        done = self.run("--json", *arguments, timeout=timeout)
        assert done.returncode == 0, f"{arguments}: {done.returncode}\n{done.stdout}\n{done.stderr}"
        return [json.loads(line) for line in done.stdout.splitlines()]

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """Start a command that goes on, such as `listen`."""
        return subprocess.Popen(
            self.command(*arguments),
            env=self.environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            bufsize=1,
        )

    def register(self) -> None:
        self.json("register", self.name, "--email", f"{self.name}@example.org")

    @contextmanager
    def linking(self, device: str = "Terminal") -> Iterator[str]:
        """Sign in on a new device of one's own: its link code. At the end it has become one."""
        self.run("login", self.name, "--device", device)
        process = self.start("--json", "link")
        try:
            assert process.stdout is not None
            yield str(json.loads(process.stdout.readline())["code"])
            said, complaint = process.communicate(timeout=SECONDS)
            assert process.returncode == 0, complaint
            assert json.loads(said)["type"] == "account"
        finally:
            process.kill()
            process.wait()

    @contextmanager
    def present(self) -> Iterator[None]:
        """Stay connected meanwhile: whatever waits here leaves, and whatever comes is read."""
        process = self.start("listen")
        try:
            yield
        finally:
            process.terminate()  # Ctrl-C does nothing where the tests run in the background
            process.communicate(timeout=SECONDS)

    def listen(self, count: int, *, timeout: float = 30) -> list[dict[str, Any]]:
        """The next `count` messages, or fewer if they do not come in time."""
        done = self.run("--json", "listen", "--count", str(count), "--timeout", str(timeout), timeout=timeout + SECONDS)
        printed = [json.loads(line) for line in done.stdout.splitlines()]
        return [line for line in printed if line["type"] == "message"]

    def texts(self, count: int, *, timeout: float = 30) -> list[str]:
        return [message["text"] for message in self.listen(count, timeout=timeout)]

    def digits(self, other: str) -> str:
        return next(
            str(line["digits"]) for line in self.json("safety-number", other) if line["type"] == "safety_number"
        )
