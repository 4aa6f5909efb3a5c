"""Messages of group chats leave: prepared, given to the server, and made anew where the group chat has moved on.

The outbox and its order are `sending`'s.
"""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Iterable
from dataclasses import replace

from ..api import Accepted, answers, forms
from ..api.forms import Json
from ..api.groups import members_of_refusal
from ..errors import KeysRefused, Refused, UnknownPerson, Unreachable
from ..store import Transaction, controls, groups, outbox, peers, timeline
from ..store.records import Entry, Outgoing, Peer
from .context import Context, require_linked, require_me
from .controls import Controls
from .directory import Directory
from .encrypting import Missing
from .group_encrypting import GroupSealer
from .group_following import Follower, require_open
from .group_lookup import state_of
from .group_wording import shown_title
from .identity import shown_name
from .mentions import find_mentions, mentions_of
from .wording import check_text

_ROUNDS = 6  # lists that have to be fetched


class GroupSender:
    def __init__(self, context: Context, directory: Directory, follower: Follower, controls: Controls) -> None:
        self._context = context
        self._directory = directory
        self._follower = follower
        self._controls = controls

    async def enqueue(self, group: bytes, text: str, mentions: Iterable[str] | None = None) -> bytes:
        """Store a message for sending; returns its id. It is encrypted when it leaves. Raises Refused, WrongUse.

        It mentions those members, or else the ones whom its text names.
        """
        check_text(text)
        message_id = secrets.token_bytes(16)

        def work(tx: Transaction) -> None:
            with contextlib.suppress(KeysRefused):  # it waits until the chain is in doubt no more
                require_open(groups.get(tx, group))
            me, now = require_linked(tx), self._context.clock.now()
            named = find_mentions(tx, group, text) if mentions is None else mentions_of(tx, group, mentions)
            entry = Entry(
                id=message_id, kind="text", outgoing=True, account=me.account, chat=group, sent=now,
                device=me.device, text=text, state="queued", mentions=named,
            )  # fmt: skip
            timeline.add(tx, entry)
            outgoing = Outgoing(message_id, group_name(group), now, text, group=group, mentions=named)
            outbox.add(tx, outgoing, timeline.chat_key(tx, entry))

        await self._context.write(work)
        return message_id

    async def require_open(self, group: bytes) -> None:
        """Also of what is encrypted already. Raises Refused, KeysRefused."""
        await self._context.write(lambda tx: require_open(groups.get(tx, group)), durable=False)

    def is_current(self, tx: Transaction, outgoing: Outgoing) -> bool:
        """Whether what was encrypted may leave as it is. Raises Refused, KeysRefused."""
        return self._sealer(tx).is_current(require_open(groups.get(tx, outgoing.group)), outgoing)

    async def prepare(self, outgoing: Outgoing) -> Outgoing | None:
        """Encrypt, and tell the chain to whoever has not got it. None: another process has sent it.

        Raises Refused (nobody can write there), KeysRefused and IdentityHasChanged (it has to wait), Unreachable.
        """
        for _ in range(_ROUNDS):
            result = await self._context.write(lambda tx: self._encrypt(tx, outgoing))
            if result is None:
                return None
            if isinstance(result, Missing):
                await self._fetch(result)
                continue
            await self._controls.flush()
            return await self._context.write(self._note_left_out, result)
        raise Unreachable("The devices of the members keep changing; the message waits here.", "no_keys")

    async def announce(self, group: bytes) -> None:
        """Tell this device's chain now, and the group key with it. Raises as `prepare`."""

        def work(tx: Transaction) -> Missing | None:
            found = groups.get(tx, group)
            state, sealer = require_open(found), self._sealer(tx)
            missing = sealer.missing(state)
            if missing is None and found is not None:
                sealer.announce(found, state)
            return missing

        for _ in range(_ROUNDS):
            missing = await self._context.write(work)
            if missing is None:
                await self._controls.flush()
                return
            await self._fetch(missing)

    async def post(self, outgoing: Outgoing) -> Accepted:
        frame: Json = {
            "message_id": forms.uuid(outgoing.id),
            "gsh": forms.encode(outgoing.gsh),
            "lists": forms.encode((outgoing.lists or {})[outgoing.group]),
            "body": forms.encode(outgoing.envelopes[0][1]),
        }
        stream = self._context.stream
        try:
            if stream is None:
                return await self._context.api.groups.send(outgoing.group, frame)
            answer = await stream.request({"type": "group.send", "group": forms.uuid(outgoing.group), **frame})
        except Refused as error:
            if error.code == "not_found":
                await self._follower.gone(outgoing.group)
                await self.require_open(outgoing.group)  # says so
            raise
        return answers.accepted(answer)

    async def look_at(self, outgoing: Outgoing, error: Refused) -> None:
        """Look at what has changed since a message was encrypted. Raises KeysRefused where a second try is vain."""
        if error.code == "group_changed":
            await self._follower.follow(outgoing.group)
        else:
            await self._look_at_lists(outgoing.group, members_of_refusal(error.problem.get("members")))

    async def _look_at_lists(self, group: bytes, theirs: dict[bytes, bytes]) -> None:
        """Whose lists are others at the server; and whether it counts somebody in whom no operation let in."""

        def work(tx: Transaction) -> tuple[set[bytes], set[bytes]]:
            state = state_of(groups.get(tx, group))
            roster = {bytes(one.account) for one in state.roster} if state is not None else set()
            pins = {account: peers.pin_of(peers.by_account(tx, account)) for account in roster}
            ours = {account: pin.newest.hash for account, pin in pins.items() if pin is not None}
            return theirs.keys() - roster, {one for one in roster if ours.get(one) != theirs.get(one)}

        ghosts, stale = await self._context.write(work)
        if ghosts:
            await self._directory.name_accounts(ghosts)

            def told(tx: Transaction) -> str:
                names = sorted(shown_name(peers.by_account(tx, one) or Peer(one)) for one in ghosts)
                title = shown_title(groups.get(tx, group))  # type: ignore[arg-type]  # what is sent to is known
                return (
                    f"The server counts {', '.join(names)} among the members of {title}, and nobody has let them in:"
                    " nothing is sent to it."
                )

            raise KeysRefused(await self._context.write(told))
        await self._directory.refresh_all(stale)

    async def _fetch(self, missing: Missing) -> None:
        for account in missing.lists:
            if not (await self._directory.refresh(account)).pin:
                raise UnknownPerson("A member has not set up a device yet.")

    def _encrypt(self, tx: Transaction, outgoing: Outgoing) -> Outgoing | Missing | None:
        current = outbox.get(tx, outgoing.id)
        if current is None or current.envelopes:
            return current
        found = groups.get(tx, outgoing.group)
        state = require_open(found)
        return self._sealer(tx).encrypt(found, state, current) if found is not None else None

    def _note_left_out(self, tx: Transaction, outgoing: Outgoing) -> Outgoing:
        """Devices that could not be told: their sender keys wait until they have keys to give."""
        entry, chain = timeline.get(tx, require_me(tx).account, outgoing.id), groups.own_chain(tx, outgoing.group)
        if entry is not None and chain is not None:
            left_out = [one.device for one in chain[1] if controls.count(tx, one.device)]
            timeline.update(tx, replace(entry, skipped=tuple(left_out)), unsettled=False)
        return outgoing

    def _sealer(self, tx: Transaction) -> GroupSealer:
        return GroupSealer(tx, require_me(tx), now=self._context.clock.now(), entropy=self._context.entropy)


def group_name(group: bytes) -> str:
    """What stands in the outbox in place of a recipient's name; no person has such a one."""
    return f"#{forms.uuid(group)}"
