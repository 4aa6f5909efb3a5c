"""A message of a group chat that somebody could not read is sent again, to a device that it was for. In a transaction.

PROTOCOL.md, Unable to decrypt. It goes over the session of the two devices, with the chain of now before it.
"""

from __future__ import annotations

from ..protocol import group_message
from ..protocol.body import Retry
from ..protocol.entropy import Entropy
from ..store import Transaction, controls, groups, repairs, timeline
from ..store.records import Control, Me, SentTo
from .context import own_device
from .doctor import MOST_TIMES
from .group_encrypting import GroupSealer
from .group_lookup import GroupLookup, state_of


def answer_in_group(
    tx: Transaction, me: Me, account: bytes, device: bytes, retry: Retry, *, now: int, entropy: Entropy
) -> None:
    """Only what was for that very device, and only while it may read the group chat."""
    found = repairs.sent_at(tx, retry.session_id, retry.dh, retry.n, now=now)
    group = None if found is None else groups.get(tx, found[0].account)
    state = state_of(group)
    if found is None or group is None or state is None or group.standing != "member" or group.trouble:
        return
    entry = timeline.get(tx, me.account, found[0].message)
    readers = group_message.recipients(state, own_device(me), GroupLookup(tx))
    asking = next((one for one in readers if (one.account, one.device) == (account, device)), None)
    # From which message on it was told the chain: it is owed none before.
    first = groups.told(tx, retry.session_id).get(asking) if asking is not None else None
    if entry is None or not entry.padded or asking is None or first is None or first > retry.n:
        return
    # Answers are counted for each device, as if the message had been sent to it alone.
    key = asking.signing_key
    place, sent = (retry.session_id, account + device, retry.n), SentTo(entry.id, account, device, key)
    counted = repairs.sent_at(tx, *place, now=now)
    if counted is None:
        repairs.log_sent(tx, place, sent, now=now)
    elif counted[1] >= MOST_TIMES:
        return
    repairs.count_answer(tx, sent)
    current = groups.own_chain(tx, group.id)
    if current is not None and asking in current[1]:
        GroupSealer(tx, me, now=now, entropy=entropy).tell(group, current[0], [asking])
    controls.add(tx, Control(entry.id, account, device, entry.padded, logged=True, signing_key=key))
