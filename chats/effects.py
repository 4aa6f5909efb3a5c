"""What follows a commit: nudges and frames for the devices concerned. One function an effect, all through `after`.

Called from requests and jobs, in any thread. The delivery of this process takes it from there, and tells the others.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Collection, Sequence

from django.db import transaction

from chats.delivery import messages as frames
from chats.ids import AccountId, ChatId, DeviceId, GroupId, MessageId

Effect = Callable[["Receiver"], None]
KINDS = {1: "message.delivered", 2: "message.read", 3: "message.expired"}


class Receiver:
    """What a delivery does with effects; see chats/delivery/delivery.py."""

    def submit(self, effect: Effect) -> None:
        """Call `effect` with oneself, in one's own thread, soon."""
        raise NotImplementedError

    def nudge(self, device: DeviceId) -> None:
        raise NotImplementedError

    def tell_accounts(self, accounts: Sequence[AccountId], text: str, but: DeviceId | None = None) -> None:
        raise NotImplementedError

    def pair_changed(self, one: AccountId, other: AccountId) -> None:
        raise NotImplementedError


_receivers: list[Receiver] = []


def receive(receiver: Receiver) -> None:
    """From now on `receiver` gets every effect of this process."""
    _receivers.append(receiver)


def ignore(receiver: Receiver) -> None:
    """Stop it."""
    if receiver in _receivers:
        _receivers.remove(receiver)


def after(effect: Effect) -> None:
    """Let `effect` happen once this transaction has been committed."""
    transaction.on_commit(lambda: _hand_out(effect), robust=True)


def _hand_out(effect: Effect) -> None:
    # One is enough: it tells the other processes. Without any (a command line), the poll finds what was written.
    for receiver in _receivers[:1]:
        receiver.submit(effect)


def envelopes_written(devices: Collection[DeviceId]) -> None:
    """These devices have something to fetch."""

    def effect(receiver: Receiver) -> None:
        for device in devices:
            receiver.nudge(device)

    after(effect)


def account_told(account: AccountId, text: str, *, but: DeviceId | None = None) -> None:
    """A frame for every connected device of an account, but for one that knows already."""
    after(lambda receiver: receiver.tell_accounts([account], text, but))


def accounts_told(accounts: Collection[uuid.UUID], text: str, *, but: DeviceId | None = None) -> None:
    """The same for many."""
    told = [AccountId(str(account)) for account in accounts]
    after(lambda receiver: receiver.tell_accounts(told, text, but))


def contact_changed(owner: uuid.UUID, other: uuid.UUID, state: str, *, by: DeviceId | None) -> None:
    """The owner's other devices learn what the owner thinks of somebody now."""
    account_told(AccountId(str(owner)), frames.contact_changed(AccountId(str(other)), state), but=by)


def pair_changed(one: uuid.UUID, other: uuid.UUID) -> None:
    """What the two think of each other is to be loaded again."""
    after(lambda receiver: receiver.pair_changed(AccountId(str(one)), AccountId(str(other))))


def group_changed(
    group: uuid.UUID,
    index: int,
    head: bytes,
    *,
    members: Collection[uuid.UUID],
    removed: Collection[uuid.UUID],
    by: uuid.UUID,
) -> None:
    """The members hear that their group chat has gone on, and who is not in it any more that it has without them."""
    for accounts, is_removed in ((members, False), (removed, True)):
        text = frames.group_changed(GroupId(str(group)), index, head, removed=is_removed)
        accounts_told(accounts, text, but=DeviceId(str(by)))


def messages_read(
    *,
    to: AccountId,
    chat: ChatId,
    messages: list[MessageId],
    account: AccountId,
    device: DeviceId,
    at: int,
) -> None:
    """To their sender, or to the other devices of the account that read them."""
    account_told(to, frames.status("message.read", chat, messages, account, device, at), but=device)


def group_messages_read(
    *, to: AccountId, group: GroupId, messages: list[MessageId], account: AccountId, device: DeviceId, at: int
) -> None:
    """As `messages_read`, in a group chat."""
    account_told(to, frames.group_status("message.read", group, messages, account, device, at), but=device)


def statuses_shown(
    *, to: uuid.UUID, chat: uuid.UUID, by: uuid.UUID, rows: Collection[tuple[uuid.UUID, uuid.UUID, int, int]]
) -> None:
    """Statuses that the sender may see now, as (message, device, status, at); a frame for those that go together."""
    merged: dict[tuple[int, uuid.UUID, int], list[MessageId]] = {}
    for message, device, status, at in rows:
        merged.setdefault((status, device, at), []).append(MessageId(str(message)))
    for (status, device, at), ids in merged.items():
        text = frames.status(KINDS[status], ChatId(str(chat)), ids, AccountId(str(by)), DeviceId(str(device)), at)
        account_told(AccountId(str(to)), text)
