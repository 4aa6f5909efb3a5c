"""Whole servers as processes, the way an operator runs them: `embedded` on SQLite, `full` on PostgreSQL and Redis."""

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
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from tests.services import Postgres, Redis, free_port

ROOT = Path(__file__).resolve().parent.parent
START_SECONDS = 60
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


@dataclass
class Server:
    """One server process. It can be killed and started again with the same data."""

    data_dir: Path
    environment: dict[str, str]
    port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def log(self) -> Path:
        return self.data_dir / f"server-{self.port}.log"

    def spawn(self) -> None:
        """Start without waiting."""
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "manage.py", "serve"],
                cwd=ROOT,
                env=self.environment | {"PORT": str(self.port)},
                stdout=log,
                stderr=log,
            )

    def wait(self) -> None:
        """Wait until it is ready."""
        assert self.process is not None
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                break
            if self.is_ready():
                return
            time.sleep(0.05)
        raise RuntimeError(f"the server did not get ready:\n{self.log.read_text()[-4000:]}")

    def is_ready(self) -> bool:
        """Whether /readyz says so."""
        try:
            with urllib.request.urlopen(f"{self.url}/readyz", timeout=1) as answer:
                return bool(answer.status == 200)
        except (urllib.error.URLError, OSError):
            return False

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


@dataclass
class Stack:
    """Server processes that share one database, and the folder that holds all of their state."""

    name: str
    folder: Path
    servers: list[Server]
    postgres: Postgres | None = None
    redis: Redis | None = None

    def url(self, index: int = 0) -> str:
        """The address of one of the processes, wrapping around."""
        return self.servers[index % len(self.servers)].url

    def start(self) -> None:
        """Start every server process, at the same time, and wait until all are ready."""
        for server in self.servers:
            server.spawn()
        for server in self.servers:
            server.wait()

    def crash(self) -> None:
        """Kill every server process at once, and start them again."""
        for server in self.servers:
            server.kill()
        self.start()

    def manage(self, *arguments: str) -> None:
        """Run a management command with the settings of the servers."""
        _manage(self.servers[0].environment, *arguments)

    def traces(self) -> Iterator[Path]:
        """Every file in which the servers, the database and its journal keep anything."""
        yield from (path for path in self.folder.rglob("*") if path.is_file())
        if self.postgres:
            yield from (path for path in self.postgres.folder.rglob("*") if path.is_file())


def _manage(environment: dict[str, str], *arguments: str) -> None:
    subprocess.run(
        [sys.executable, "manage.py", *arguments], cwd=ROOT, env=environment, check=True, capture_output=True
    )


@contextlib.contextmanager
def running(name: str, *, processes: int = 1, pages: bool = False, **settings: str) -> Iterator[Stack]:
    """A stack with its own data: `embedded` has one process, `full` has `processes` of them.

    Without `pages` it has no static files: terminals do not ask for any. Compressing them takes seconds, so those that
    were collected for the whole run are copied.
    """
    folder = Path(tempfile.mkdtemp(prefix=f"messenger-{name}-"))
    environment = clean_environment() | SETTINGS | {"DATA_DIR": str(folder)} | settings
    stack = Stack(name, folder, [])
    try:
        if name == "full":
            stack.postgres, stack.redis = Postgres.create(), Redis.create()
            environment |= {"DATABASE_URL": stack.postgres.url, "REDIS_URL": stack.redis.url}
        _manage(environment, "migrate", "--verbosity", "0")
        collected = Path(os.environ.get("DATA_DIR", "")) / "static"
        if pages and "DATA_DIR" in os.environ and collected.is_dir():
            shutil.copytree(collected, folder / "static")
        elif pages:
            _manage(environment, "collectstatic", "--noinput", "--verbosity", "0")
        stack.servers = [Server(folder, environment) for _ in range(processes if name == "full" else 1)]
        stack.start()
        yield stack
    finally:
        for server in stack.servers:
            if server.process and server.process.poll() is None:
                server.kill()
        if stack.redis:
            stack.redis.stop()
        if stack.postgres:
            stack.postgres.remove()
        shutil.rmtree(folder, ignore_errors=True)
