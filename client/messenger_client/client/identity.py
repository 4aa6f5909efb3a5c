"""Whose keys an account has: the pinned ones, changed ones that wait for the person's word, compared ones.

PROTOCOL.md, Keys and the device list. Nothing is sent to a changed identity before the person has seen it.
"""

from __future__ import annotations

from ..api import forms
from ..errors import IdentityHasChanged, KeysRefused
from ..protocol.device_list import Accepted, acknowledge_identity
from ..store import Transaction, groups, peers, sessions
from ..store.records import Peer


def current_key(peer: Peer) -> bytes:
    """The account key that the server shows now: the pinned one, or a changed one that waits for the person's word."""
    pin = peers.pin_of(peer)
    return peer.changed_key or (pin.account_key if pin else b"")


def acknowledge(tx: Transaction, account: bytes) -> Peer:
    """Take a changed identity as it is now: new pin, old sessions dropped, the verified mark gone."""
    peer = peers.by_account(tx, account)
    pin = peers.pin_of(peer)
    if peer is None or pin is None or not peer.changed_lists:
        raise KeysRefused("There is no changed identity to acknowledge.")
    accepted = acknowledge_identity(pin, peer.changed_key, peer.changed_lists)
    peers.forget_lists(tx, account)
    for device in pin.newest.devices:
        sessions.drop_pair(tx, account, device.device)
        groups.drop_device(tx, account, device.device)
    return save_accepted(tx, peer, accepted, verified_key=b"", changed_lists=(), changed_key=b"", seen_prekeys=None)


def mark_verified(tx: Transaction, account: bytes, key: bytes) -> None:
    """Mark the account key that was compared, and no other. Raises IdentityHasChanged if it is not the current one."""
    peer = peers.by_account(tx, account) or Peer(account)
    if not key or current_key(peer) != key:
        name = shown_name(peer)
        raise IdentityHasChanged(
            f"{name}'s identity has changed since you compared, so nothing is verified: compare the new safety number"
            f" with {name} (`messenger safety-number {name}`)."
        )
    if peer.changed_lists:
        acknowledge(tx, account)
    peers.change(tx, account, verified_key=key)


def shown_name(peer: Peer) -> str:
    return peer.username or forms.uuid(peer.account)


def require_unchanged(peer: Peer) -> None:
    """Raise IdentityHasChanged while a change waits for the person's word."""
    if peer.changed_lists:
        name = shown_name(peer)
        raise IdentityHasChanged(
            f"{name}'s identity has changed, so nothing is sent: compare the new safety number with {name}"
            f" (`messenger safety-number {name}`), then `messenger verify {name}`."
        )


def save_accepted(tx: Transaction, peer: Peer, accepted: Accepted, **changes: object) -> Peer:
    for one in accepted.lists:
        peers.save_list(tx, one)
    return peers.change(tx, peer.account, pin=accepted.pin.to_bytes(), **changes)
