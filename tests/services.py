"""Real PostgreSQL, Redis and HAProxy, started in temporary folders and on free ports, ended by whoever started them."""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

START_SECONDS = 30
PROXY_CONFIGURATION = Path(__file__).resolve().parent.parent / "deploy" / "haproxy.cfg"


def free_port() -> int:
    """A TCP port of the loopback interface that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def postgres_binaries() -> Path:
    """The folder of the newest PostgreSQL server installed by Debian's packages."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    if not found:
        raise RuntimeError("PostgreSQL's server is not installed: run bin/services")
    return found[-1].parent


def _as_postgres(command: list[str]) -> list[str]:
    # initdb and postgres refuse to run as root.
    return ["runuser", "-u", "postgres", "--", *command] if os.geteuid() == 0 else command


@dataclass
class Postgres:
    """A cluster of its own in a temporary folder. `durable` waits for the disk as production does."""

    folder: Path
    port: int
    durable: bool

    @classmethod
    def create(cls, *, durable: bool = False) -> Postgres:
        folder = Path(tempfile.mkdtemp(prefix="messenger-postgres-"))
        if os.geteuid() == 0:
            account = pwd.getpwnam("postgres")
            os.chown(folder, account.pw_uid, account.pw_gid)
        binaries = postgres_binaries()
        subprocess.run(
            _as_postgres(
                [
                    str(binaries / "initdb"),
                    "-D",
                    str(folder / "data"),
                    "-U",
                    "messenger",
                    "-A",
                    "trust",
                    "-E",
                    "UTF8",
                    "--locale=C.UTF-8",
                    "-N",
                ]
            ),
            check=True,
            capture_output=True,
            cwd="/",
        )
        cluster = cls(folder, free_port(), durable)
        cluster.start()
        return cluster

    @property
    def url(self) -> str:
        return f"postgres://messenger@127.0.0.1:{self.port}/postgres"

    def _control(self, *arguments: str) -> None:
        command = [str(postgres_binaries() / "pg_ctl"), "-D", str(self.folder / "data"), *arguments]
        subprocess.run(_as_postgres(command), check=True, stdout=subprocess.DEVNULL, cwd="/")

    def start(self) -> None:
        """Start, or start again after `kill`."""
        options = f"-p {self.port} -k {self.folder} -c listen_addresses=127.0.0.1 -c max_connections=200"
        if not self.durable:
            # Survives the death of every process, not that of the machine, which no test brings about.
            options += " -c fsync=off -c full_page_writes=off"
        log = str(self.folder / "log")
        self._control("-w", "-t", str(START_SECONDS), "-l", log, "-o", options, "start")

    @property
    def pid(self) -> int:
        return int((self.folder / "data" / "postmaster.pid").read_text().split()[0])

    def kill(self) -> None:
        """End it as a crash would: no shutdown, no checkpoint."""
        self._control("-m", "immediate", "stop")

    def remove(self) -> None:
        with contextlib.suppress(subprocess.CalledProcessError, OSError):
            self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)


@dataclass
class Redis:
    """A Redis of its own that writes nothing to disk."""

    port: int
    process: subprocess.Popen[bytes]

    @classmethod
    def create(cls) -> Redis:
        port = free_port()
        return cls(port, cls._spawn(port))

    @staticmethod
    def _spawn(port: int) -> subprocess.Popen[bytes]:
        process = subprocess.Popen(
            ["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"],
            stdout=subprocess.DEVNULL,
            cwd="/",
        )
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            if process.poll() is not None:
                raise RuntimeError("redis-server ended at start")
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1) as link:
                link.sendall(b"PING\r\n")
                if link.recv(16).startswith(b"+PONG"):
                    return process
            time.sleep(0.02)
        raise RuntimeError("redis-server did not answer")

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def stop(self) -> None:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait()

    @contextlib.contextmanager
    def silent(self) -> Iterator[None]:
        """Say nothing for a while, as behind a network that is gone. Connections stay."""
        self.process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self.process.send_signal(signal.SIGCONT)

    def start(self) -> None:
        """Start again after `stop`, empty, on the same port."""
        self.process = self._spawn(self.port)


@dataclass
class HAProxy:
    """The proxy that operators run, before two server processes on these ports."""

    port: int
    process: subprocess.Popen[bytes]

    @classmethod
    def create(cls, ports: list[int], log: Path) -> HAProxy:
        port = free_port()
        targets = {f"WEB_{number}": f"127.0.0.1:{one}" for number, one in enumerate(ports, 1)}
        command = shutil.which("haproxy") or "/usr/sbin/haproxy"
        with log.open("ab") as told:
            process = subprocess.Popen(
                [command, "-db", "-f", str(PROXY_CONFIGURATION)],
                env=os.environ | targets | {"BIND": f"127.0.0.1:{port}"},
                stdout=told,
                stderr=told,
            )
        deadline = time.monotonic() + START_SECONDS
        while process.poll() is None and time.monotonic() < deadline:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                return cls(port, process)
            time.sleep(0.02)
        process.kill()
        raise RuntimeError(f"haproxy did not start:\n{log.read_text()[-2000:]}")

    def stop(self) -> None:
        self.process.kill()
        self.process.wait()
