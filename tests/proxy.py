"""A TCP proxy between a client and a server, for what happens when the line fails in the middle."""

from __future__ import annotations

import contextlib
import socket
import threading
from types import TracebackType


class Proxy:
    """Forwards everything to one local port, until told to hold back what one side says, or to be a cut line."""

    def __init__(self, port: int) -> None:
        self._target = port
        self._holding_clients = threading.Event()
        self._holding_servers = threading.Event()
        self._cut = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._links: list[socket.socket] = []
        self._changing = threading.Lock()  # a link that is made while the line is cut is cut like the others
        self.port: int = self._listener.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"

    def __enter__(self) -> Proxy:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        _close([self._listener, *self._links])

    def hold_back_clients(self) -> None:
        """From now on nothing that a client says reaches the server; what the server says still reaches clients."""
        self._holding_clients.set()

    def hold_back_servers(self) -> None:
        """From now on nothing that a server says reaches a client; what clients say still reaches the server."""
        self._holding_servers.set()

    def cut(self) -> None:
        """Break every connection, and each new one at once, as a network that is gone."""
        with self._changing:
            self._cut.set()
            links, self._links = self._links, []
        _close(links)

    def restore(self) -> None:
        """The network is back."""
        self._cut.clear()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                self._link(client)

    def _link(self, client: socket.socket) -> None:
        try:
            server = socket.create_connection(("127.0.0.1", self._target))
        except OSError:  # it is down: so is the line, for now
            _close([client])
            return
        with self._changing:
            if self._cut.is_set():
                _close([client, server])
                return
            self._links += [client, server]
        for ends in ((client, server, self._holding_clients), (server, client, self._holding_servers)):
            threading.Thread(target=self._forward, args=ends, daemon=True).start()

    def _forward(self, source: socket.socket, sink: socket.socket, holding: threading.Event) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                if not holding.is_set():
                    sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)


def _close(links: list[socket.socket]) -> None:
    for link in links:
        # Wakes the thread that waits on it, which a bare close does not.
        with contextlib.suppress(OSError):
            link.shutdown(socket.SHUT_RDWR)
        link.close()
