"""A content becomes ciphertexts: one for each device that is to have it. All of it inside the caller's transaction.

PROTOCOL.md, Content and State on a client: content, fk and F are made once a message; ratchets move in the
transaction that stores the ciphertexts.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from ..protocol import content
from ..protocol.body import Text
from ..protocol.device_list import DeviceList
from ..protocol.entropy import Entropy
from ..protocol.errors import BadSignature, Malformed, NotListed, ProtocolError
from ..protocol.ids import ConversationId, MessageId
from ..protocol.prekeys import Bundle, SeenPrekeys, verify_bundle
from ..protocol.session import Pair, encrypt, start_session
from ..store import Transaction, outbox, peers, repairs, sessions, timeline
from ..store.records import Me, Outgoing, Peer, SentTo
from .context import own_device
from .places import chat_with

Target = tuple[bytes, bytes]  # account, device


@dataclass(frozen=True, slots=True)
class Keys:
    """Bundles that were claimed, and the devices for which there is none."""

    bundles: Mapping[Target, bytes]
    unusable: Mapping[Target, str]


NO_KEYS = Keys({}, {})


@dataclass(frozen=True, slots=True)
class Missing:
    """What has to come from the server before the message can be encrypted."""

    lists: tuple[bytes, ...] = ()  # accounts without a pinned list
    bundles: tuple[Target, ...] = ()  # devices without a session


def encrypt_outgoing(
    tx: Transaction, me: Me, outgoing: Outgoing, keys: Keys, *, now: int, entropy: Entropy, false: set[bytes]
) -> Outgoing | Missing:
    """Encrypt for every device and store the result, or say what is missing and use up nothing.

    `false` takes the accounts for whose devices the server gave keys that are not theirs.
    """
    found = _peers(tx, me, outgoing)
    if isinstance(found, Missing):
        return found
    recipient, own_peer = found
    pins = {peer.account: _pin(peer) for peer in (recipient, own_peer)}
    targets = _targets(me, recipient, own_peer)
    missing = tuple(
        target
        for target in targets
        if target not in keys.bundles and target not in keys.unusable and not _usable(tx, target, now).sessions
    )
    if missing:
        return Missing(bundles=missing)
    started, skipped = _start(tx, me, targets, pins, keys, now, entropy, false)
    reached = [target for target in targets if target not in skipped]
    if not any(account == recipient.account for account, _ in reached):
        # To be sent when one can: the server would take it for nobody.
        return replace(outgoing, skipped=tuple(device for _, device in skipped), envelopes=())
    sealed = (
        content.Sealed.from_bytes(outgoing.padded)
        if outgoing.padded
        else _seal(tx, me, outgoing, pins[recipient.account], pins[me.account], entropy)
    )
    envelopes: list[list[bytes]] = []
    for account, device in reached:
        pair = started.get((account, device)) or sessions.pair(tx, account, device)
        sent = encrypt(pair, sealed, now=now, entropy=entropy)
        sessions.save(tx, account, device, sent.session)
        sessions.drop(tx, sent.dropped)
        log = SentTo(outgoing.id, account, device, peers.signing_key(tx, account, device))
        repairs.log_sent(tx, (sent.session.id, sent.dh, sent.n), log, now=now)
        envelopes.append([device, sent.wire])
    done = replace(
        outgoing,
        padded=bytes(sealed.to_bytes()),
        lists={account: pin.hash for account, pin in pins.items()},
        envelopes=envelopes,
        skipped=tuple(device for _, device in skipped),
        attempts=outgoing.attempts + 1,
    )
    outbox.update(tx, done)
    entry = timeline.get(tx, me.account, outgoing.id)
    if entry is not None:
        to_recipient = tuple(device for account, device in skipped if account == recipient.account)
        # Sealed just now: the chat's counter is this message's, to be given back should it never leave.
        counter = entry.counter if outgoing.padded else _counter(tx, me, outgoing)
        changed = replace(entry, padded=done.padded, skipped=to_recipient, counter=counter)
        timeline.update(tx, changed, unsettled=False)
    return done


def _usable(tx: Transaction, target: Target, now: int) -> Pair:
    """The sessions that can still send: `encrypt` drops the abandoned ones before it looks for one."""
    pair, dropped = sessions.pair(tx, *target).tidy(now=now)
    sessions.drop(tx, dropped)
    return pair


def _peers(tx: Transaction, me: Me, outgoing: Outgoing) -> tuple[Peer, Peer] | Missing:
    recipient = peers.by_account(tx, outgoing.account)
    own = peers.by_account(tx, me.account)
    if recipient is None or not recipient.pin or own is None or not own.pin:
        lacking = [outgoing.account] if recipient is None or not recipient.pin else []
        return Missing(lists=(*lacking, *([me.account] if own is None or not own.pin else [])))
    return recipient, own


def _targets(me: Me, recipient: Peer, own: Peer) -> list[Target]:
    """Every listed device of both accounts, less the suspended ones and this one."""
    return [
        (peer.account, bytes(listed.device))
        for peer in (recipient, own)
        for listed in _pin(peer).devices
        if listed.device not in peer.suspended and listed.device != me.device
    ]


def _start(
    tx: Transaction,
    me: Me,
    targets: list[Target],
    pins: Mapping[bytes, DeviceList],
    keys: Keys,
    now: int,
    entropy: Entropy,
    false: set[bytes],
) -> tuple[dict[Target, Pair], list[Target]]:
    """Start sessions where there are none. A bundle that does not verify leaves its device out, and only it."""
    started: dict[Target, Pair] = {}
    skipped: list[Target] = []
    for account, device in targets:
        pair = _usable(tx, (account, device), now)
        if pair.sessions:
            started[account, device] = pair
            continue
        data = keys.bundles.get((account, device))
        if data is None:
            skipped.append((account, device))
            continue
        seen = seen_prekeys(tx, account, device)
        try:
            verified = verify_bundle(Bundle.from_bytes(data), pins[account], pair.device, seen, now=now)
            session = start_session(own_device(me), pins[me.account], verified, now=now, entropy=entropy)
        except ProtocolError as error:
            skipped.append((account, device))
            if is_lie(error):
                false.add(account)
            continue
        save_seen(tx, account, device, verified.seen)
        started[account, device], dropped = pair.add(session)
        sessions.drop(tx, dropped)
    return started, skipped


def _seal(
    tx: Transaction, me: Me, outgoing: Outgoing, theirs: DeviceList, mine: DeviceList, entropy: Entropy
) -> content.Sealed:
    chat = chat_with(tx, me.account, outgoing.account)
    counter = chat.counter + 1
    timeline.save_chat(tx, replace(chat, counter=counter))
    return content.seal(
        content.Content(
            sent=outgoing.sent,
            message_id=MessageId(outgoing.id),
            conversation=ConversationId(chat.conversation),
            body=Text(outgoing.text),
            heads=content.Heads(mine.hash, theirs.hash),
            counter=counter,
        ),
        entropy,
    )


def _counter(tx: Transaction, me: Me, outgoing: Outgoing) -> int:
    return chat_with(tx, me.account, outgoing.account).counter


def _pin(peer: Peer) -> DeviceList:
    pin = peers.pin_of(peer)
    if pin is None:
        raise ValueError("no pin")  # `_peers` has looked
    return pin.newest


def is_lie(error: ProtocolError) -> bool:
    """Whether a bundle is not its device's at all; one that has slept for months has keys that are merely too old."""
    return isinstance(error, BadSignature | NotListed | Malformed)


def false_keys(name: str) -> str:
    """What the person reads when a bundle is not signed by the device that it is for."""
    return f"The server gives keys of one of {name}'s devices that are not that device's: nothing is encrypted to them."


def seen_prekeys(tx: Transaction, account: bytes, device: bytes) -> SeenPrekeys:
    peer = peers.by_account(tx, account)
    spk, klr = ((peer.seen_prekeys or {}) if peer else {}).get(device, [0, 0])
    return SeenPrekeys(spk, klr)


def save_seen(tx: Transaction, account: bytes, device: bytes, seen: SeenPrekeys) -> None:
    peer = peers.by_account(tx, account)
    known = dict((peer.seen_prekeys or {}) if peer else {})
    peers.change(tx, account, seen_prekeys={**known, device: [seen.spk, seen.klr]})
