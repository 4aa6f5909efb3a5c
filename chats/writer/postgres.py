"""The store on PostgreSQL: four dedicated connections in autocommit, one prepared statement for each job.

Two accept, of private and of group chats, one acknowledges, one reads: an ack never waits for a batch of sends, nor a
drain for either.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping, Sequence
from itertools import islice
from typing import Any, LiteralString

import psycopg
from django.db import connections

from chats import franking
from chats.group_sends import GroupSend
from chats.ids import AccountId, ChatId, DeviceId, MessageId, known_bytes, new_id_bytes, to_bytes
from chats.sends import STALE, Accepted, Send, Verdict
from chats.writer import arrays, group_sql, sql
from chats.writer.store import Entered, StoreFailed, Waiting, group_stamp_of, split_ids, stamp_of
from messenger.lib.clock import now_ms

Row = tuple[Any, ...]
AnySend = Send | GroupSend
ANSWER_SECONDS = 20.0  # for a statement; a database that takes longer is away, whatever the socket says
# A server that vanishes without a word (a cut cable, a dead machine) is noticed in about ten seconds.
VANISHED = {
    "connect_timeout": "5",
    "tcp_user_timeout": "10000",
    "keepalives_idle": "5",
    "keepalives_interval": "2",
    "keepalives_count": "3",
}


def batch_parameters(sends: Sequence[Send], now: int) -> list[object]:
    """What sql.ACCEPT takes for sends that were checked."""
    messages = [
        arrays.int4s(range(len(sends))),
        arrays.uuids([new_id_bytes() for _ in sends]),
        arrays.uuids([known_bytes(send.chat) if send.chat else None for send in sends]),
        arrays.uuids([known_bytes(send.device) for send in sends]),
        arrays.uuids([to_bytes(send.message_id) for send in sends]),
        arrays.octets([stamp_of(send, now) for send in sends]),
        arrays.octets([b"".join(map(to_bytes, send.skipped)) for send in sends]),
        arrays.booleans([send.hidden for send in sends]),
        arrays.uuids([known_bytes(send.account) for send in sends]),
        arrays.int8s([send.account_version for send in sends]),
        arrays.uuids([known_bytes(send.to) if send.to else None for send in sends]),
        arrays.int8s([send.to_version for send in sends]),
        arrays.int8s([send.chat_version for send in sends]),
    ]
    parcels = [(number, parcel) for number, send in enumerate(sends) for parcel in send.outgoing]
    envelopes = [
        arrays.int4s([number for number, _ in parcels]),
        arrays.uuids([known_bytes(parcel.device) for _, parcel in parcels]),
        arrays.int2s([parcel.kind for _, parcel in parcels]),
        arrays.octets([parcel.data for _, parcel in parcels]),
    ]
    return [*messages, *_compared(sends), now, franking.key_id(), now, *envelopes]


def _compared(sends: Sequence[Send]) -> list[object]:
    targets = [(number, send.account, one) for number, send in enumerate(sends) for one in send.targets]
    return [
        arrays.int4s([number for number, _, _ in targets]),
        arrays.uuids([known_bytes(sender) for _, sender, _ in targets]),
        arrays.uuids([known_bytes(one.account) for _, _, one in targets]),
        arrays.int8s([one.version for _, _, one in targets]),
        arrays.int2s([one.mine for _, _, one in targets]),
        arrays.int2s([one.theirs for _, _, one in targets]),
    ]


def group_batch_parameters(sends: Sequence[GroupSend], now: int) -> list[object]:
    """What group_sql.ACCEPT takes for sends that were checked."""
    fans = [send.fan for send in sends]
    return [
        arrays.int4s(range(len(sends))),
        arrays.uuids([new_id_bytes() for _ in sends]),
        arrays.uuids([known_bytes(send.group) for send in sends]),
        arrays.uuids([known_bytes(send.device) for send in sends]),
        arrays.uuids([to_bytes(send.message_id) for send in sends]),
        arrays.octets([group_stamp_of(send, now) for send in sends]),
        arrays.octets([b"".join(map(to_bytes, send.skipped)) for send in sends]),
        arrays.octets([send.data for send in sends]),
        arrays.int4s([len(fan.devices) for fan in fans]),
        arrays.int8s([send.version for send in sends]),
        arrays.int8s([send.devices_version for send in sends]),
        now,
        franking.key_id(),
        now,
        arrays.int4s([number for number, fan in enumerate(fans) for _ in fan.devices]),
        arrays.uuids([device for fan in fans for device in fan.devices]),
        arrays.int2s([kind for fan in fans for kind in fan.kinds]),
    ]


def verdicts(
    sends: Sequence[AnySend], now: int, taken: Collection[int], positions: Sequence[int], stored: Sequence[Row]
) -> list[Verdict]:
    """One verdict a send, from the row that sql.ACCEPT gave and the rows of sql.STORED for those it left alone."""
    known = {
        (device, message_id): Accepted(accepted_at, split_ids(skipped))
        for device, message_id, accepted_at, skipped in stored
    }
    written, following = set(taken), iter(positions)
    answers: list[Verdict] = []
    for number, send in enumerate(sends):
        if number in written:
            mine = tuple(islice(following, len(send.outgoing)))
            answers.append(Accepted(now, send.skipped, mine))
        elif send.is_control:
            answers.append(STALE)
        else:
            answers.append(known.get((send.device, send.message_id), STALE))
    return answers


def asked_again(sends: Sequence[AnySend], taken: Collection[int]) -> list[object]:
    """What sql.STORED takes: the messages that were not written, because they are known or because facts changed."""
    written = set(taken)
    rest = [send for number, send in enumerate(sends) if number not in written and not send.is_control]
    devices = arrays.uuids([known_bytes(send.device) for send in rest])
    return [devices, arrays.uuids([to_bytes(send.message_id) for send in rest])]


def ack_parameters(acks: Sequence[tuple[DeviceId, int]], now: int) -> list[object]:
    """What sql.ACKNOWLEDGE takes."""
    devices = arrays.uuids([known_bytes(device) for device, _ in acks])
    return [devices, arrays.int8s([position for _, position in acks]), now, now]


def drain_parameters(rooms: Mapping[DeviceId, int], held: Collection[int], limit: int) -> list[object]:
    """What sql.WAITING takes."""
    devices = arrays.uuids([known_bytes(device) for device in rooms])
    return [devices, arrays.int8s(list(rooms.values())), arrays.int8s(list(held)), limit]


def having_parameters(devices: Collection[DeviceId], held: Collection[int]) -> list[object]:
    """What sql.HAVING takes."""
    return [arrays.uuids([known_bytes(device) for device in devices]), arrays.int8s(list(held))]


def entered(rows: Sequence[Row]) -> list[Entered]:
    """Rows of sql.ACKNOWLEDGE."""
    return [
        Entered(MessageId(message), ChatId(chat), AccountId(sender), devices.split(","), in_group)
        for message, chat, sender, devices, in_group in rows
        if devices
    ]


def waiting(row: Row) -> Waiting:
    """A row of sql.WAITING."""
    return Waiting(
        device=DeviceId(row[0]),
        position=row[1],
        kind=row[2],
        message_id=MessageId(row[3]),
        sender=AccountId(row[4]),
        sender_device=DeviceId(row[5]),
        chat=ChatId(row[6]) if row[6] else None,
        accepted_at=row[7],
        request=row[8],
        expired=row[9],
        ciphertext=row[10],
        stamp=row[11] or b"",
        stamp_key=row[12] or "",
    )


class Session:
    """One connection that is opened again after a failure, used by one caller at a time.

    `by_index`: what is read is found by an index, however small PostgreSQL found the table when it made its plans.
    """

    def __init__(self, *, by_index: bool = False) -> None:
        self._by_index = by_index
        self._connection: psycopg.AsyncConnection[Row] | None = None
        self._lock = asyncio.Lock()

    async def rows(self, statement: LiteralString, parameters: Sequence[object]) -> list[Row]:
        async with self._lock:
            try:
                async with asyncio.timeout(ANSWER_SECONDS):
                    if self._connection is None:
                        self._connection = await self._connect()
                    cursor = await self._connection.execute(statement, parameters, prepare=True, binary=True)
                    return await cursor.fetchall()
            except (psycopg.OperationalError, TimeoutError) as error:
                await self._drop()
                raise StoreFailed from error

    async def close(self) -> None:
        async with self._lock:
            await self._drop()

    async def _drop(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.close()

    async def _connect(self) -> psycopg.AsyncConnection[Row]:
        settings = connections["default"].settings_dict
        named = {"dbname": "NAME", "user": "USER", "password": "PASSWORD", "host": "HOST", "port": "PORT"}
        given = {key: str(settings[name]) for key, name in named.items() if settings[name]}
        ours = {"pool", "server_side_binding", "isolation_level", "assume_role", "prepare_threshold"}
        options = {key: str(value) for key, value in settings["OPTIONS"].items() if key not in ours}
        known: dict[str, Any] = {**VANISHED, **given, **options}
        connection = await psycopg.AsyncConnection.connect(autocommit=True, **known)
        # Generic plans: the statements are for batches of any size, and planning them anew costs more than it finds.
        await connection.execute("SET plan_cache_mode = force_generic_plan")
        await connection.execute("SET jit = off")
        if self._by_index:
            await connection.execute("SET enable_seqscan = off")
        arrays.register(connection)
        return connection


class PostgresStore:
    """See Store."""

    def __init__(self) -> None:
        self._accepting, self._accepting_for_groups = Session(), Session()
        self._acknowledging, self._reading = Session(by_index=True), Session(by_index=True)

    async def open(self) -> None:
        """Connections are made when they are first used, and made again after a failure."""

    async def close(self) -> None:
        for session in (self._accepting, self._accepting_for_groups, self._acknowledging, self._reading):
            await session.close()

    async def accept_batch(self, sends: Sequence[Send]) -> list[Verdict]:
        now = now_ms()
        taken, positions = (await self._accepting.rows(sql.ACCEPT, batch_parameters(sends, now)))[0]
        stored: list[Row] = []
        if len(taken) < len(sends):
            stored = await self._accepting.rows(sql.STORED, asked_again(sends, taken))
        return verdicts(sends, now, taken, positions, stored)

    async def accept_group_batch(self, sends: Sequence[GroupSend]) -> list[Verdict]:
        now, session = now_ms(), self._accepting_for_groups
        taken, positions = (await session.rows(group_sql.ACCEPT, group_batch_parameters(sends, now)))[0]
        stored: list[Row] = []
        if len(taken) < len(sends):
            stored = await session.rows(group_sql.STORED, asked_again(sends, taken))
        return verdicts(sends, now, taken, positions, stored)

    async def acknowledge(self, acks: Sequence[tuple[DeviceId, int]], now: int) -> list[Entered]:
        return entered(await self._acknowledging.rows(sql.ACKNOWLEDGE, ack_parameters(acks, now)))

    async def waiting_for(self, rooms: Mapping[DeviceId, int], held: Collection[int], limit: int) -> list[Waiting]:
        rows = await self._reading.rows(sql.WAITING, drain_parameters(rooms, held, limit))
        return [waiting(row) for row in rows]

    async def having_envelopes(self, devices: Collection[DeviceId], held: Collection[int]) -> set[DeviceId]:
        rows = await self._reading.rows(sql.HAVING, having_parameters(devices, held))
        return {DeviceId(row[0]) for row in rows}
