"""Whole servers as processes, the way an operator runs them.

`embedded`: one process on SQLite. `full`: two on PostgreSQL and Redis with a worker beside them, behind HAProxy.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from tests.services import HAProxy, Postgres, Redis, free_port

ROOT = Path(__file__).resolve().parent.parent
START_SECONDS = 60
PROCESSES = 2  # of a `full` stack: what deploy/haproxy.cfg knows
# One machine plays every part here, so what protects a server from one address must not stop the test. And mails go
# nowhere: by default they are printed, names and addresses with them.
SETTINGS = {
    "EMAIL_URL": "dummymail://",
    "SEND_BURST": "100000",
    "SEND_RATE": "100000",
    "SOCKETS_PER_MINUTE": "100000",
    "CLAIM_BURST": "100000",
    **{
        f"LIMIT_{name}": "none"
        for name in (
            "USER",
            "ADDRESS",
            "SIGN_UP",
            "FORM",
            "MAIL",
            "DIRECTORY",
            "SEARCH",
            "USERNAME_CHECK",
            "LINK",
            "SUSPEND",
        )
    },
}


def clean_environment() -> dict[str, str]:
    """This process's environment without what configures a server or a client."""
    dropped = ("DATABASE_", "REDIS_", "DATA_DIR", "DJANGO_", "MESSENGER_", "SECRET_", "JWT_", "HOST", "PORT", "PYTHON")
    return {name: value for name, value in os.environ.items() if not name.startswith(dropped)}


def is_ready(url: str) -> bool:
    """Whether /readyz says so."""
    try:
        with urllib.request.urlopen(f"{url}/readyz", timeout=1) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def wait_until(condition: Callable[[], bool], *, seconds: float = START_SECONDS) -> None:
    """Wait for something that another process does; fail if it does not."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.05)


def contents(folder: Path) -> Iterator[tuple[Path, bytes]]:
    """Each file below a folder with what is in it; one that whoever works there deletes meanwhile keeps nothing."""
    for parent, _, names in os.walk(folder):  # goes on where a folder has gone, as `rglob` does not
        for path in (Path(parent, name) for name in names):
            try:
                found = path.read_bytes() if path.is_file() else b""  # a socket, say
            except FileNotFoundError:
                continue
            yield path, found


@dataclass
class Process:
    """One process of a server, as a management command. It can be killed and started again with the same data."""

    data_dir: Path
    environment: dict[str, str]
    command: str
    process: subprocess.Popen[bytes] | None = field(default=None, init=False)

    @property
    def log(self) -> Path:
        return self.data_dir / f"{self.command}.log"

    def spawn(self) -> None:
        """Start without waiting."""
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "manage.py", self.command], cwd=ROOT, env=self.environment, stdout=log, stderr=log
            )

    def kill(self) -> None:
        """End it as a crash would."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def terminate(self) -> int:
        """SIGTERM, as a supervisor would; the exit status."""
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(30)


class Server(Process):
    """A process that serves, on a port of its own."""

    def __init__(self, data_dir: Path, environment: dict[str, str]) -> None:
        self.port = free_port()
        super().__init__(data_dir, environment | {"PORT": str(self.port)}, "serve")

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def log(self) -> Path:
        return self.data_dir / f"server-{self.port}.log"

    def wait(self) -> None:
        """Wait until it is ready."""
        assert self.process is not None
        deadline = time.monotonic() + START_SECONDS
        while self.process.poll() is None and time.monotonic() < deadline:
            if is_ready(self.url):
                return
            time.sleep(0.05)
        raise RuntimeError(f"the server did not get ready:\n{self.log.read_text()[-4000:]}")


@dataclass
class Stack:
    """Server processes that share one database, and the folder that holds all of their state."""

    name: str
    folder: Path
    environment: dict[str, str]
    servers: list[Server]
    worker: Process | None = None
    postgres: Postgres | None = None
    redis: Redis | None = None
    proxy: HAProxy | None = None

    @property
    def port(self) -> int:
        """Where people come: the proxy, or the only process."""
        return self.proxy.port if self.proxy else self.servers[0].port

    def url(self, process: int | None = None) -> str:
        """The address that people know; or that of one of the processes, past the proxy."""
        return f"http://127.0.0.1:{self.port}" if process is None else self.servers[process].url

    def start(self) -> None:
        """Start every server process, at the same time, and wait until people find them ready."""
        for server in self.servers:
            server.spawn()
        for server in self.servers:
            server.wait()
        wait_until(lambda: is_ready(self.url()))

    def kill(self) -> None:
        """End every process that runs, the worker's too, as a crash would."""
        for one in (*self.servers, self.worker):
            if one and one.process and one.process.poll() is None:
                one.kill()

    def crash(self) -> None:
        """Kill every server process at once, and start them again."""
        for server in self.servers:
            server.kill()
        self.start()

    def manage(self, *arguments: str) -> str:
        """Run a management command with the settings of the servers; what it printed."""
        command = [sys.executable, "manage.py", *arguments]
        done = subprocess.run(command, cwd=ROOT, env=self.environment, check=True, capture_output=True, text=True)
        return done.stdout

    def traces(self) -> Iterator[tuple[Path, bytes]]:
        """Every file in which the servers, the database and its journal keep anything, with what is in it."""
        yield from contents(self.folder)
        if self.postgres:
            yield from contents(self.postgres.folder)


@contextlib.contextmanager
def running(name: str, *, pages: bool = False, **settings: str) -> Iterator[Stack]:
    """A stack with its own data.

    Without `pages` it has no static files: terminals do not ask for any. Compressing them takes seconds, so those that
    were collected for the whole run are copied.
    """
    folder = Path(tempfile.mkdtemp(prefix=f"messenger-{name}-"))
    environment = clean_environment() | SETTINGS | {"DATA_DIR": str(folder)} | settings
    with contextlib.ExitStack() as ending:
        ending.callback(shutil.rmtree, folder, ignore_errors=True)
        stack = Stack(name, folder, environment, [])
        if name == "full":
            stack.postgres = Postgres.create()
            ending.callback(stack.postgres.remove)
            stack.redis = Redis.create()
            ending.callback(stack.redis.stop)
            stack.environment |= {"DATABASE_URL": stack.postgres.url, "REDIS_URL": stack.redis.url}
            stack.environment |= {"WEB_PROCESSES": str(PROCESSES), "TRUSTED_PROXIES": "1"}
        stack.manage("migrate", "--verbosity", "0")
        collected = Path(os.environ.get("DATA_DIR", "")) / "static"
        if pages and "DATA_DIR" in os.environ and collected.is_dir():
            shutil.copytree(collected, folder / "static")
        elif pages:
            stack.manage("collectstatic", "--noinput", "--verbosity", "0")
        ending.callback(stack.kill)
        stack.servers = [Server(folder, stack.environment) for _ in range(PROCESSES if name == "full" else 1)]
        if name == "full":
            stack.worker = Process(folder, stack.environment, "jobs")
            stack.worker.spawn()
            stack.proxy = HAProxy.create([server.port for server in stack.servers], folder / "proxy.log")
            ending.callback(stack.proxy.stop)
        stack.start()
        yield stack
