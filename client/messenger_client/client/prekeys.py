"""Own prekeys: made, stored, then published; refilled and renewed. PROTOCOL.md, Keys and the device list."""

from __future__ import annotations

from dataclasses import replace

from ..protocol.keys import OwnDevice
from ..protocol.limits import DAY, HOUR, ONE_TIME_REFILL, ONE_TIME_TARGET, SIGNED_PREKEY_PERIOD
from ..protocol.prekeys import KLR, OKPK, OPK, SPK, PrekeyLabel, SignedPrekey, generate_prekeys
from ..store import Transaction, envelopes, groups, locks, repairs, sessions, settings
from .context import Context, own_device

CHECKED_EVERY = 6 * HOUR  # by commands that come and go


class PrekeyKeeper:
    def __init__(self, context: Context) -> None:
        self._context = context

    async def check_now_and_then(self) -> None:
        """What short commands do: ask the server rarely."""
        state = await self._context.write(settings.prekey_state)
        if self._context.clock.now() - state.checked_at > CHECKED_EVERY:
            await self.check()

    async def check(self) -> None:
        """Refill one-time keys under 25, renew the signed ones after 7 days, delete what has served its time."""
        context = self._context
        me = await context.write(settings.me)
        if me is None or not me.account_key:
            return
        async with locks.async_file_lock(context.store.directory / "prekeys.lock"):
            counts = await context.api.prekey_counts()
            now = context.clock.now()
            state = await context.write(settings.prekey_state)
            renew = (
                counts.signed_prekey is None
                or counts.last_resort is None
                or not state.published_at
                or now - state.signed_at >= SIGNED_PREKEY_PERIOD
            )
            wanted: dict[PrekeyLabel, int] = {SPK: int(renew), KLR: int(renew)}
            for label, left in ((OPK, counts.one_time), (OKPK, counts.one_time_kem)):
                wanted[label] = ONE_TIME_TARGET - max(left, 0) if left < ONE_TIME_REFILL else 0
            if any(wanted.values()):
                made = await context.write(lambda tx: self._make(tx, own_device(me), wanted, now))
                await context.api.publish_prekeys(
                    signed_prekey=next(iter(made[SPK]), None),
                    last_resort=next(iter(made[KLR]), None),
                    one_time=made[OPK],
                    one_time_kem=made[OKPK],
                )
            await context.write(lambda tx: _checked(tx, now=now))

    def _make(
        self, tx: Transaction, own: OwnDevice, wanted: dict[PrekeyLabel, int], now: int
    ) -> dict[PrekeyLabel, list[SignedPrekey]]:
        """Make and store keys and the next ids, before anything is published: no id is ever used twice."""
        state = settings.prekey_state(tx)
        next_ids = dict(state.next_ids)
        made: dict[PrekeyLabel, list[SignedPrekey]] = {}
        for label, count in wanted.items():
            first = next_ids.get(label, 1)
            keys = generate_prekeys(own, label, first_id=first, count=count, now=now, entropy=self._context.entropy)
            for key in keys:
                sessions.save_prekey(tx, key.private)
            next_ids[label] = first + count
            made[label] = [key.signed for key in keys]
        renewed = bool(wanted[SPK])
        settings.save_prekey_state(
            tx,
            replace(
                state,
                next_ids=next_ids,
                signed_at=now if renewed else state.signed_at,
                # Until the server has them: a crash in between makes new ones, not none.
                published_at=0 if renewed else state.published_at,
            ),
        )
        return made


def _checked(tx: Transaction, *, now: int) -> None:
    state = replace(settings.prekey_state(tx), published_at=now, checked_at=now)
    if now - state.tidied_at > DAY:
        sessions.delete_spent_prekeys(tx, now=now)
        sessions.tidy_pairs(tx, now=now)
        envelopes.tidy(tx, now=now)
        repairs.tidy(tx, now=now)
        groups.tidy(tx, now=now)
        state = replace(state, tidied_at=now)
    settings.save_prekey_state(tx, state)
