"""A proxy that ends TLS before a server, as an operator's does: one request a connection, and a header that says so."""

from __future__ import annotations

import asyncio
import contextlib
import datetime
import ipaddress
import ssl
import threading
from collections.abc import Callable
from pathlib import Path
from types import TracebackType

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


class TlsProxy:
    """Listens on a port of its own under a certificate that nobody has signed."""

    def __init__(self, port: int, folder: Path) -> None:
        self._target = port
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(_certificate(folder))
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self.url = ""
        self.said_on_sockets = b""  # by the server

    def __enter__(self) -> TlsProxy:
        self._thread.start()
        listening = asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=self._context)
        server = asyncio.run_coroutine_threadsafe(listening, self._loop).result()
        self.url = f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()

    async def _serve(self, client: asyncio.StreamReader, to_client: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            head = await client.readuntil(b"\r\n\r\n")
            lines = [line for line in head.split(b"\r\n") if line and not line.lower().startswith(b"x-forwarded-")]
            is_socket = any(line.lower().startswith(b"upgrade:") for line in lines)
            if not is_socket:
                lines = [line for line in lines if not line.lower().startswith(b"connection:")] + [b"Connection: close"]
            server, to_server = await asyncio.open_connection("127.0.0.1", self._target)
            to_server.write(b"\r\n".join([*lines, b"X-Forwarded-Proto: https"]) + b"\r\n\r\n")
            asking = asyncio.ensure_future(_forward(client, to_server, lambda data: None))
            await _forward(server, to_client, self._hear if is_socket else lambda data: None)
            asking.cancel()
            to_server.close()
        to_client.close()

    def _hear(self, data: bytes) -> None:
        self.said_on_sockets += data


async def _forward(source: asyncio.StreamReader, sink: asyncio.StreamWriter, hear: Callable[[bytes], None]) -> None:
    with contextlib.suppress(OSError):
        while data := await source.read(65536):
            hear(data)
            sink.write(data)
            await sink.drain()


def _certificate(folder: Path) -> Path:
    """The path of a key and its certificate."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    text = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    path = folder / "tls.pem"
    path.write_bytes(text + certificate.public_bytes(pem))
    return path
