"""Envelopes become lines of a conversation. Plaintext and ratchet in one transaction, for up to 100 at a time.

PROTOCOL.md, State on a client. What comes twice is known by its envelope and, beyond that, by its ratchet:
acknowledged, shown nowhere. What cannot be read is acknowledged with its cause and shown as one line.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace

from ..api import Waiting, answers
from ..api.forms import Json
from ..errors import Defect, KeysRefused, Refused, Unreachable
from ..protocol.errors import ProtocolError
from ..protocol.wire import peek
from ..store import Transaction, envelopes, peers, sessions, timeline
from ..store.group_records import Group
from ..store.records import Peer
from .context import Context, require_me
from .decrypting import Batch
from .directory import Directory
from .group_following import Follower
from .group_reading import GroupReader
from .identity import shown_name
from .places import chat_with, conversation_with

MOST = 100  # envelopes a transaction


@dataclass(frozen=True, slots=True)
class Needs:
    """What a batch will ask for."""

    stale: set[bytes]  # accounts whose newest list it takes
    nameless: set[bytes]
    ready: list[Waiting]  # what takes no list: it comes on a session that is here
    strange: bool = False  # an own device has begun a chat that this one knows nothing of


class Inbox:
    def __init__(self, context: Context, directory: Directory, follower: Follower) -> None:
        self._context = context
        self._directory = directory
        self._follower = follower
        follower.reread = self._reread

    async def fetch(self) -> None:
        """Fetch what waits over REST, store it, acknowledge it."""
        more = True
        while more:
            frames, more = await self._context.api.envelopes(MOST)
            ack = await self.take(frames)
            if ack is None:
                return
            await self._context.api.ack(ack)

    async def take(self, frames: Sequence[Json], *, parked: bool = False) -> Json | None:
        """Store a batch; returns the body of its acknowledgement.

        Raises Unreachable; what was stored by then comes again, and is recognised.
        `parked`: the frames were acknowledged before and are kept here until they are dealt with.
        """
        waiting: list[Waiting] = []
        broken: list[int] = []
        for frame in frames:
            read = answers.waiting_or_none(frame)
            if isinstance(read, Waiting):
                waiting.append(read)
            elif read is not None:
                broken.append(read)
        needs = await self._look(waiting, parked=parked)
        if needs.strange:
            await self._learn_chats()
        batches: list[Batch] = []
        if needs.stale and needs.ready:
            # Before the lists: a newer one may have taken the sender off, and its sessions with it.
            batches.append(await self._run(needs.ready, last=False, parked=parked))
            waiting = [one for one in waiting if one not in needs.ready]
        await self._learn(needs)
        batches.append(await self._run(waiting, last=False, parked=parked))
        again = [one for one in waiting if one.number in batches[-1].not_listed]
        if again:
            # Perhaps only not known here yet: PROTOCOL.md names the lists, the directory has them.
            await self._directory.refresh_all({one.account for one in again})
            batches.append(await self._run(again, last=True, parked=parked))
        done = {number for batch in batches for number in batch.done}
        causes = {number: cause for batch in batches for number, cause in batch.causes.items()}
        unknown_heads = {head for batch in batches for head in batch.unknown_heads}
        self._context.changed.set()
        for one in batches:
            await self._follow(one)
        await self._check_heads(unknown_heads)
        causes |= dict.fromkeys(broken, "malformed")
        if not done and not causes:
            return None
        return {
            "envelopes": sorted(done - causes.keys()),
            "unreadable": [{"envelope": number, "cause": cause} for number, cause in sorted(causes.items())],
        }

    async def unpark(self) -> None:
        """Read what came while a sender's changed identity waited for the person's word. Raises Unreachable."""
        rows = await self._context.write(envelopes.parked)
        for start in range(0, len(rows), MOST):
            await self.take([json.loads(frame) for _, frame in rows[start : start + MOST]], parked=True)

    async def ask_for_early(self) -> None:
        """Ask for messages of group chats whose sender keys have not come."""
        await self._context.write(lambda tx: self._group_reader(tx).ask_for_early())

    async def _follow(self, batch: Batch) -> None:
        """Fetch what messages and sender keys of group chats could not be judged without."""
        await self._directory.refresh_all(batch.groups.to_look_up)
        for group in sorted(batch.groups.to_follow):
            try:
                await self._follower.follow(group)
            except (Refused, Defect) as error:
                self._context.notify(str(error))

    def _reread(self, tx: Transaction, group: Group) -> None:
        self._group_reader(tx).reread(group)

    def _group_reader(self, tx: Transaction) -> GroupReader:
        return GroupReader(tx, require_me(tx), now=self._context.clock.now(), entropy=self._context.entropy)

    async def _look(self, waiting: Sequence[Waiting], *, parked: bool) -> Needs:
        """See what the batch will ask for."""

        def work(tx: Transaction) -> Needs:
            needs = Needs(set(), set(), [])
            own = require_me(tx).account
            for one in waiting:
                if one.expired or (envelopes.is_known(tx, one.number) and not parked):
                    continue
                peer = peers.by_account(tx, one.account)
                if peer is None or not peer.username:
                    needs.nameless.add(one.account)
                if peer is None or not peer.pin or _starts_session(tx, one):
                    needs.stale.add(one.account)
                else:
                    needs.ready.append(one)
                if one.account == own and one.chat is not None and timeline.chat(tx, one.chat) is None:
                    needs = replace(needs, strange=True)
            return needs

        return await self._context.write(work)

    async def _learn(self, needs: Needs) -> None:
        """Fetch lists of unknown senders, newest lists for new sessions, names."""
        await self._directory.refresh_all(needs.stale)
        try:
            await self._directory.name_accounts(needs.nameless)
        except Unreachable as error:
            # Names only show. Who has none yet is shown by id, and is asked for again with what comes next.
            if error.code != "too_many_requests":
                raise

    async def _learn_chats(self) -> None:
        """Learn whose chats the server's ids stand for: each is a hash of both accounts, so it cannot lie."""
        try:
            found = await self._context.api.chats()
        except (Refused, Defect):
            return  # its messages are lines without a text, and no other's wait for it

        def work(tx: Transaction) -> None:
            own = require_me(tx).account
            for chat, other in found:
                if conversation_with(own, other.account) == chat:
                    chat_with(tx, own, other.account)

        await self._context.write(work)
        await self._directory.name_accounts(other.account for _, other in found)

    async def _run(self, waiting: Sequence[Waiting], *, last: bool, parked: bool) -> Batch:
        def work(tx: Transaction) -> Batch:
            batch = Batch(tx, require_me(tx), now=self._context.clock.now(), entropy=self._context.entropy, last=last)
            for one in waiting:
                if parked:
                    envelopes.unpark(tx, one.number)
                batch.take(one)
                if parked and one.number in batch.not_listed:
                    batch.park(one)  # the server has forgotten it: it must not be lost before the second try
            batch.finish()
            return batch

        done = await self._context.write(work)
        self._context.controls_wanted.set()  # cheap where nothing waits
        return done

    async def _check_heads(self, unknown: set[tuple[bytes, bytes]]) -> None:
        """PROTOCOL.md, Content: a list that somebody knows and the server does not show was withheld."""
        if not unknown:
            return
        await self._directory.refresh_all({account for account, _ in unknown})

        def work(tx: Transaction) -> dict[bytes, str]:
            return {
                account: shown_name(peers.by_account(tx, account) or Peer(account))
                for account, list_hash in unknown
                if not peers.knows_list(tx, account, list_hash)
            }

        for account in await self._context.write(work):
            with contextlib.suppress(KeysRefused, Refused, Defect):  # told by `refresh_all`
                await self._directory.read_older(account)
        for name in sorted((await self._context.write(work)).values()):
            self._context.notify(
                f"A message names a device list of {name} that the server does not show: it may be withholding one."
            )


def _starts_session(tx: Transaction, waiting: Waiting) -> bool:
    try:
        seen = peek(waiting.body)
    except ProtocolError:
        return False
    return seen.init is not None and not sessions.is_known(tx, seen.session_id)
