"""What tests of the doctor do to sessions and messages, and what a dishonest client could send."""

from __future__ import annotations

import secrets
import uuid
from collections.abc import Callable

from relay import Relay, b64, decode

from messenger_client import Client
from messenger_client.client.doctor import seal_control
from messenger_client.client.places import conversation_with
from messenger_client.protocol import cbor, form
from messenger_client.protocol.body import Retry, Text
from messenger_client.protocol.content import Content, Heads, seal
from messenger_client.protocol.ids import MessageId
from messenger_client.protocol.session import encrypt
from messenger_client.protocol.wire import peek
from messenger_client.store import Transaction, controls, peers, sessions, settings
from messenger_client.store.records import Control

Damage = Callable[[Transaction], None]


def lose(tx: Transaction) -> None:
    tx.execute("DELETE FROM session")


def scribble(tx: Transaction) -> None:
    tx.execute("UPDATE session SET value = zeroblob(200)")


def alter(tx: Transaction) -> None:
    """Leave states that open and are wrong: every secret of every chain another one."""
    for key, value in tx.execute("SELECT key, value FROM session").fetchall():
        fields = form.array(cbor.decode(tx.open_bytes("session", key, value)))
        ratchet = form.array(fields[5])
        for place in (4, 5):
            chain = ratchet[place]
            if isinstance(chain, list):
                ratchet[place] = [bytes(32) if isinstance(one, bytes) and len(one) == 32 and at == place - 4 else one
                                  for at, one in enumerate(chain)]  # fmt: skip
        ratchet[1] = bytes(32)
        tx.execute("UPDATE session SET value = ? WHERE key = ?", [tx.seal("session", key, cbor.encode(fields)), key])


def again(relay: Relay, username: str) -> list[str]:
    """Ids of the messages that somebody sent once more."""
    sent = {body["message_id"] for body in relay.bodies("messages")}
    controls = [body for path in ("device-messages", "device.send") for body in relay.bodies(path)]
    return [body["message_id"] for body in controls if body["message_id"] in sent]


def flipped(body: str, *, session: bool = False) -> str:
    """A wire message with one bit of its ciphertext, or its session, another one."""
    fields = form.array(cbor.decode(decode(body)))
    place = 1 if session else 3
    value = form.any_octets(fields[place])
    fields[place] = value[:-1] + bytes([value[-1] ^ 1])
    if session:
        fields[5] = None
    return b64(cbor.encode(fields))


async def ask(client: Client, account: bytes, device: bytes, body: str) -> None:
    """Ask a device for what it sent at the place that a wire message names, as often as one likes."""
    seen = peek(decode(body))

    def work(tx: Transaction) -> None:
        me = settings.me(tx)
        assert me is not None
        message, padded = seal_control(
            tx, me, account, Retry(seen.session_id, seen.dh, seen.n),
            now=client._context.clock.now(), entropy=client._context.entropy,
        )  # fmt: skip
        key = peers.signing_key(tx, account, device)
        controls.add(tx, Control(message, account, device, padded, signing_key=key))

    await client._context.write(work)


async def slip(client: Client, relay: Relay, text: str) -> None:
    """Encrypt a text to bob as a message, and send it as a control content."""
    account = uuid.UUID(relay.accounts["bob"]["id"]).bytes
    device = uuid.UUID(relay.device_of("bob")).bytes
    own = uuid.UUID(relay.accounts["carol"]["id"]).bytes
    message = MessageId(secrets.token_bytes(16))

    def work(tx: Transaction) -> bytes:
        heads = [peers.pin_of(peers.by_account(tx, one)) for one in (own, account)]
        assert heads[0] is not None
        assert heads[1] is not None
        content = Content(
            1,
            message,
            conversation_with(own, account),
            Text(text),
            Heads(heads[0].newest.hash, heads[1].newest.hash),
            2,
        )
        sent = encrypt(sessions.pair(tx, account, device), seal(content), now=client._context.clock.now())
        sessions.save(tx, account, device, sent.session)
        return sent.wire

    wire = await client._context.write(work)
    sender = (relay.accounts["carol"]["id"], relay.device_of("carol"))
    relay.deliver(relay.device_of("bob"), sender, str(uuid.UUID(bytes=bytes(message))), b64(wire), control=True)


async def count_sessions(client: Client) -> int:
    return await client._context.write(lambda tx: len(tx.execute("SELECT key FROM session").fetchall()))
