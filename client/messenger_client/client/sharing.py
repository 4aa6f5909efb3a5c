"""What a managing device hands to one that it links: contacts with their pins, the account key, history.

PROTOCOL.md, Linking. Made on the one side and taken on the other, inside transactions. What is taken comes from a
device of one's own account (the protocol core refuses every other), and changes no pin that is here already.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from ..protocol import account_data
from ..protocol.account_data import AccountData, History, HistoryEntry, SharedContact, parts
from ..protocol.body import Text
from ..protocol.content import read_history
from ..protocol.entropy import Entropy
from ..protocol.errors import ProtocolError
from ..protocol.ids import AccountId, ConversationId, DeviceId, GroupId
from ..protocol.secret import Secret
from ..store import Transaction, controls, groups, peers, repairs, settings, timeline
from ..store.records import ChatState, Control, Entry, Me
from .doctor import seal_control
from .mentions import pinned_among
from .places import chat_with, conversation_with
from .statuses import outgoing_state

_STATES = {"delivered": account_data.DELIVERED, "read": account_data.READ}


@dataclass(frozen=True, slots=True)
class Link:
    """The device that is given something, and what the session to it starts from."""

    device: bytes
    signing_key: bytes
    secret: bytes


def contacts(tx: Transaction, me: Me) -> Iterator[SharedContact]:
    for peer in peers.all_pinned(tx):
        pin = peers.pin_of(peer)
        if pin is not None and peer.account != me.account:
            verified = peer.verified_key == pin.account_key and not peer.changed_lists
            yield SharedContact(AccountId(peer.account), peer.username, pin.newest.signed, verified)


def shared_chats(tx: Transaction) -> list[ChatState]:
    """Private chats, then group chats that have not ended here."""
    present = {one.id for one in groups.known(tx) if one.standing == "member"}
    chats = [chat for chat in timeline.chats(tx) if not chat.is_group or chat.conversation in present]
    return sorted(chats, key=lambda chat: chat.is_group)


def history(tx: Transaction, me: Me, chat: ChatState) -> tuple[tuple[HistoryEntry, ...], ...]:
    """One chat's messages, oldest first, in parts that fit into one content each."""
    entries = timeline.messages(tx, chat.conversation)
    return parts(_entry(me, one, unread) for one, unread in entries if one.padded and one.state in ("", "accepted"))


def give(
    tx: Transaction,
    me: Me,
    link: Link,
    chats: list[tuple[ChatState, tuple[HistoryEntry, ...]]],
    *,
    managing: bool,
    now: int,
    entropy: Entropy,
) -> None:
    """Put everything for a new device into the store, in the order in which it is to leave."""
    shared = parts(contacts(tx, me)) or ((),)
    seed = Secret(me.account_key_seed) if managing else None
    holders = tuple(sorted(DeviceId(one) for one in me.managing))
    bodies: list[AccountData | History] = [AccountData(shared[0], seed, holders, len(chats))]
    bodies += [AccountData(contacts=one) for one in shared[1:]]
    bodies += [part_of(chat, entries, index) for index, (chat, entries) in enumerate(chats)]
    for body in bodies:
        message, padded = seal_control(tx, me, me.account, body, now=now, entropy=entropy)
        given = Control(
            message, me.account, link.device, padded, fresh=True, psk=link.secret, signing_key=link.signing_key
        )
        controls.add(tx, given)


def tell_managers(tx: Transaction, me: Me, devices: Iterable[bytes], *, now: int, entropy: Entropy) -> None:
    """Tell own managing devices which ones hold the account key."""
    body = AccountData(managing=tuple(sorted(DeviceId(one) for one in me.managing)))
    for device in devices:
        message, padded = seal_control(tx, me, me.account, body, now=now, entropy=entropy)
        key = peers.signing_key(tx, me.account, device)
        controls.add(tx, Control(message, me.account, device, padded, signing_key=key))


def take_account_data(tx: Transaction, me: Me, data: AccountData) -> Me:
    """Keep what another own device has given. Of an account key that is not the pinned one, nothing."""
    try:
        account_key = data.account_key(me.account_key)
    except ProtocolError:
        return me
    for contact in data.contacts:
        if contact.account != me.account:
            _take_contact(tx, contact)
    if account_key is not None or data.managing is not None:
        own = {me.device} if account_key is not None or me.account_key_seed else set()
        holders = {*me.managing, *(data.managing or ()), *own}
        seed = bytes(account_key.seed) if account_key is not None else me.account_key_seed
        me = replace(me, account_key_seed=seed, managing=tuple(sorted(holders)))
        settings.save_me(tx, me)
    if data.history is not None:
        settings.save_linking(tx, replace(settings.linking(tx), history=data.history, taken=0))
    return me


def take_history(tx: Transaction, me: Me, part: History) -> None:
    """Keep messages from before this device was linked, in front of what it has received itself.

    What was written while it was not on the list, and lines here are older than, stands at the end.
    """
    state = settings.linking(tx)
    settings.save_linking(tx, replace(state, taken=state.taken + 1))
    if part.account == me.account:
        return
    if part.account is not None:
        chat_with(tx, me.account, part.account)
    found = [(one, _taken(tx, me, part, one)) for one in part.entries]
    newest = timeline.newest(tx, part.group or conversation_with(me.account, part.account or me.account))
    latest: dict[tuple[bytes, bytes], int] = {}  # of each sender device: none of its lines goes before an earlier one
    is_end = False
    for one, entry in found:
        if entry is None:
            continue
        sender = (entry.account, entry.device)
        at = latest[sender] = max(entry.accepted, latest.get(sender, 0))
        is_end = is_end or (newest is not None and newest < at)
        place = _place_of_unreadable(tx, entry)
        if place is None:
            place = timeline.next_position(tx) if is_end else timeline.past_position(tx, at), False
        timeline.add_history(
            tx,
            entry,
            position=place[0],
            unseen=place[1] and not entry.outgoing,
            # In a group chat, who has read it is still to be asked for, even if somebody has.
            unsettled=entry.outgoing and (part.group is not None or one.state != account_data.READ),
            # Nor is anything of a sender missing there from before the first message that this device can read.
            begin=part.group is None,
        )


def _place_of_unreadable(tx: Transaction, entry: Entry) -> tuple[int, bool] | None:
    """Where a line says that this message could not be read, which goes; and whether nobody was shown it."""
    failed = repairs.unreadable(tx, entry.account, entry.device, entry.id)
    if failed is None:
        return None
    repairs.forget(tx, failed)
    return timeline.vacate(tx, entry.account, failed.entry)


def part_of(chat: ChatState, entries: tuple[HistoryEntry, ...], index: int) -> History:
    if chat.is_group:
        return History(None, entries, index, GroupId(ConversationId(chat.conversation)))
    return History(AccountId(chat.account), entries, index)


def _taken(tx: Transaction, me: Me, part: History, one: HistoryEntry) -> Entry | None:
    """A line, if it is a text that holds."""
    try:
        content = read_history(one, own=AccountId(me.account), chat=part.account, group=part.group)
    except ProtocolError:
        return None
    if not isinstance(content.body, Text):
        return None
    outgoing = one.account == me.account
    return Entry(
        id=content.message_id,
        kind="text",
        outgoing=outgoing,
        account=one.account,
        chat=content.conversation,
        sent=content.sent,
        device=one.device,
        text=content.body.text,
        accepted=one.accepted,
        counter=content.counter,
        state="accepted" if outgoing else "",
        # Whose device it was does not matter any more; with whom of a group chat, nobody says.
        statuses=_statuses(part.account or me.account, one) if outgoing else None,
        padded=bytes(one.padded),
        stamp=one.stamp or b"",
        stamp_key=one.stamp_key or "",
        mentions=pinned_among(tx, content.body.mentions) if part.group is not None else (),
    )


def _entry(me: Me, entry: Entry, unread: bool) -> HistoryEntry:
    state = _STATES.get(outgoing_state(entry), account_data.ACCEPTED)
    if not entry.outgoing:
        state = account_data.ACCEPTED if unread else account_data.READ
    return HistoryEntry(
        AccountId(entry.account),
        DeviceId(entry.device or me.device),
        entry.accepted,
        Secret(entry.padded),
        entry.stamp or None,
        entry.stamp_key or None,
        state,
    )


def _statuses(account: bytes, one: HistoryEntry) -> dict[bytes, list[object]]:
    name = next((name for name, state in _STATES.items() if state == one.state), None)
    return {} if name is None else {account + bytes(16): [name, one.accepted]}


def _take_contact(tx: Transaction, contact: SharedContact) -> None:
    peer = peers.by_account(tx, contact.account)
    held = peers.pin_of(peer)
    try:
        pin = contact.pin(held)
    except ProtocolError:
        return
    if held is None:
        peers.save_list(tx, pin.newest)
        peer = peers.change(tx, contact.account, username=contact.username, pin=pin.to_bytes())
    if contact.verified and peer is not None and not peer.verified_key:
        peers.change(tx, contact.account, verified_key=pin.account_key)
