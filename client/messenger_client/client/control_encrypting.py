"""A control content is encrypted for its device when its turn comes. Inside one transaction.

PROTOCOL.md, State on a client: session and ciphertext are stored together, before the network.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from ..protocol.content import Sealed
from ..protocol.entropy import Entropy
from ..protocol.errors import ProtocolError
from ..protocol.ids import SessionId
from ..protocol.prekeys import Bundle, verify_bundle
from ..protocol.secret import Secret
from ..protocol.session import Pair, encrypt, start_session
from ..store import Transaction, controls, peers, repairs, sessions
from ..store.records import Control, Peer, SentTo
from .context import own_device, require_me
from .doctor import FRESH_EVERY
from .encrypting import Target, save_seen, seen_prekeys

Batch = dict[int, Control]  # by position in the queue


@dataclass
class Prepared:
    """What became of a batch. What is nowhere in it is for nobody any more, or was sent by another process."""

    ready: Batch = field(default_factory=dict)  # with `wire`
    waiting: Batch = field(default_factory=dict)  # until a changed identity is acknowledged
    keyless: Batch = field(default_factory=dict)  # no session yet: keys have to be claimed
    failed: dict[int, ProtocolError] = field(default_factory=dict)  # the claimed keys are of no use


def encrypt_batch(
    tx: Transaction, batch: Batch, bundles: dict[Target, bytes], *, now: int, entropy: Entropy
) -> Prepared:
    """Encrypt what can be, and forget what is for nobody any more."""
    prepared = Prepared()
    for position in batch:
        control = controls.get(tx, position)
        if control is None:
            continue  # another process has sent it
        peer = peers.by_account(tx, control.account) or Peer(control.account)
        if peer.changed_lists:
            prepared.waiting[position] = control
            continue
        # Hazard: under another key it is another device, whatever its id.
        key = peers.signing_key(tx, control.account, control.device)
        if not key or key != control.signing_key or control.device in peer.suspended:
            controls.remove(tx, position)
            continue
        try:
            done = control if control.wire else _encrypt(tx, control, peer, bundles, now=now, entropy=entropy)
        except ProtocolError as error:
            prepared.failed[position] = error
            continue
        if done is None:
            prepared.keyless[position] = control
        else:
            controls.update(tx, position, done)
            prepared.ready[position] = done
    return prepared


def _encrypt(
    tx: Transaction, control: Control, peer: Peer, bundles: dict[Target, bytes], *, now: int, entropy: Entropy
) -> Control | None:
    """Encrypt one, on a session that is opened where there is none. None: that takes keys."""
    target = (control.account, control.device)
    pair, dropped = sessions.pair(tx, *target).tidy(now=now)
    sessions.drop(tx, dropped)
    session_id = _session_for(control, pair, peer, now)
    if session_id is None:
        bundle = bundles.get(target)
        if bundle is None:
            return None
        pair, session_id = _open_session(tx, control, pair, bundle, now=now, entropy=entropy)
    sent = encrypt(pair, Sealed.from_bytes(control.padded), now=now, session_id=session_id, entropy=entropy)
    sessions.save(tx, *target, sent.session)
    sessions.drop(tx, sent.dropped)
    if control.only:
        sessions.drop(tx, [one.id for one in pair.sessions if one.id != session_id])
    if control.logged:
        place = (sent.session.id, sent.dh, sent.n)
        repairs.log_sent(tx, place, SentTo(control.id, *target, control.signing_key), now=now)
    return replace(control, wire=sent.wire)


def _open_session(
    tx: Transaction, control: Control, pair: Pair, bundle: bytes, *, now: int, entropy: Entropy
) -> tuple[Pair, SessionId]:
    me = require_me(tx)
    peer, own = (peers.by_account(tx, one) for one in (control.account, me.account))
    pin, own_pin = peers.pin_of(peer), peers.pin_of(own)
    if peer is None or pin is None or own_pin is None:
        raise ValueError("no pin")  # a device of it is listed
    seen = seen_prekeys(tx, control.account, control.device)
    verified = verify_bundle(Bundle.from_bytes(bundle), pin.newest, pair.device, seen, now=now)
    psk = Secret(control.psk) if control.psk else None
    session = start_session(own_device(me), own_pin.newest, verified, now=now, psk=psk, entropy=entropy)
    save_seen(tx, control.account, control.device, verified.seen)
    pair, dropped = pair.add(session)
    sessions.drop(tx, dropped)
    sessions.save(tx, control.account, control.device, session)
    opened = {**(peer.opened or {}), control.device: [now, bytes(session.id)]}
    peers.change(tx, control.account, opened=opened)
    return pair, session.id


def _session_for(control: Control, pair: Pair, peer: Peer, now: int) -> SessionId | None:
    """The session to send on; None: one has to be opened."""
    if not control.fresh:
        return pair.sessions[0].id if pair.sessions else None
    at, session_id = (peer.opened or {}).get(control.device, (0, b""))
    if control.psk or now - at < FRESH_EVERY:
        found = pair.find(SessionId(session_id))
        if found is not None:
            return found.id
    if not control.psk and now - at < FRESH_EVERY and pair.sessions:
        return max(pair.sessions, key=lambda one: (one.created, one.id)).id
    return None
