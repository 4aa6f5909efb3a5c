"""The Double Ratchet with a periodic KEM step. Every function returns a new state; an error changes nothing.

PROTOCOL.md, Messages. Chains alternate strictly: a side makes a new sending chain only on reading a new chain
of the peer. So a new chain always answers the reader's current one, and whether a `ct` is due is never in doubt.
"""

from __future__ import annotations

from dataclasses import replace

from . import cbor, kem
from .entropy import Entropy
from .errors import Duplicate, KemStep, TooFar, UnknownSession
from .limits import KEM_MESSAGES, KEM_PERIOD, MAX_JUMP
from .primitives import DhKey, copen, cseal, hkdf, hmac, labelled, sha256, x25519
from .ratchet_state import Archive, Ratchet, ReceivingChain, SendingChain, SkippedKey, is_stale
from .secret import Secret
from .wire import Header

_DOMAIN = "msgr/1/dr"
_LABEL = "dr"
_RK_INFO = labelled("rk")
_MESSAGE_KEY, _NEXT_KEY = b"\x01", b"\x02"


def kdf_rk(root: Secret, share: bytes, ss: bytes | None, ct: bytes | None) -> tuple[Secret, Secret]:
    """KDF_RK: return (RK, CK). With a KEM secret, the ciphertext it came in is bound by its hash."""
    if ss is None or ct is None:
        okm = hkdf(share, root, _RK_INFO, 64)
    else:
        okm = hkdf(share + ss, root, _RK_INFO + sha256(ct), 64)
    return Secret(okm[:32]), Secret(okm[32:])


def start(transcript: bytes, secret: Secret, spk: bytes, *, now: int, entropy: Entropy) -> Ratchet:
    """A's side: a first chain to B's signed prekey, carrying A's first KEM key."""
    own = DhKey.generate(entropy)
    root, key = kdf_rk(secret, x25519(own.private, spk), None, None)
    seed = Secret(entropy.random(kem.SEED_SIZE))
    chain = SendingChain(key, 0, 0, kem.public_key(seed), None)
    return Ratchet(transcript, root, own, chain, None, seed, 0, now, Archive())


def answer(transcript: bytes, secret: Secret, spk: DhKey) -> Ratchet:
    """B's side: RK = SK, the signed prekey as first ratchet key. It can only read until it has read."""
    return Ratchet(transcript, secret, spk, None, None, None, 0, None, Archive())


def encrypt(ratchet: Ratchet, padded: bytes, tag: bytes, *, entropy: Entropy) -> tuple[Ratchet, Header, bytes, bytes]:
    """Return (new state, hdr, hdr bytes, body)."""
    chain = ratchet.sending
    if chain is None:
        raise UnknownSession("nothing received yet")
    header = Header(ratchet.own.public, chain.pn, chain.n, chain.ek, chain.ct)
    header_bytes = header.to_bytes()
    associated = associated_data(ratchet.transcript, header_bytes, tag)
    body = cseal(hmac(chain.key, _MESSAGE_KEY), _LABEL, associated, padded, entropy)
    moved = SendingChain(Secret(hmac(chain.key, _NEXT_KEY)), chain.n + 1, chain.pn, chain.ek, chain.ct)
    return replace(ratchet, sending=moved, sent_since_ek=ratchet.sent_since_ek + 1), header, header_bytes, body


def decrypt(
    ratchet: Ratchet,
    header: Header,
    header_bytes: bytes,
    body: bytes,
    tag: bytes,
    *,
    now: int,
    entropy: Entropy,
) -> tuple[Ratchet, bytes]:
    """Return (new state, padded plaintext). Raises Duplicate, KemStep, TooFar, BadKey, Undecryptable.

    The order of the checks is PROTOCOL.md's.
    """
    associated = associated_data(ratchet.transcript, header_bytes, tag)
    place = (header.dh, header.n)
    stored = ratchet.archive.skipped.get(place)
    if stored is not None and not is_stale(stored, now):
        padded = copen(stored.key, _LABEL, associated, body)
        return replace(ratchet, archive=ratchet.archive.without(place)), padded
    current = ratchet.receiving
    if current is not None and header.dh == current.dh:
        if header.n < current.n:
            raise Duplicate
        moved, key = _advance(ratchet, current, header.n, now)
        return moved, copen(key, _LABEL, associated, body)
    if header.dh in ratchet.archive.chains:
        raise Duplicate
    return _read_new_chain(ratchet, header, associated, body, now, entropy)


def _read_new_chain(
    ratchet: Ratchet, header: Header, associated: bytes, body: bytes, now: int, entropy: Entropy
) -> tuple[Ratchet, bytes]:
    if (header.ct is None) != (ratchet.awaited is None):
        raise KemStep
    current = ratchet.receiving
    archive = ratchet.archive
    if header.n > MAX_JUMP:
        raise TooFar
    if current is not None:
        ratchet = _skip_to(ratchet, current, header.pn, now)
        archive = ratchet.archive.with_chain(current.dh)
    ss = None
    if ratchet.awaited is not None and header.ct is not None:
        ss = kem.decapsulate(ratchet.awaited, header.ct)
    root, chain_key = kdf_rk(ratchet.root, x25519(ratchet.own.private, header.dh), ss, header.ct)
    begun = ReceivingChain(header.dh, chain_key, 0)
    moved, key = _advance(replace(ratchet, root=root, archive=archive, awaited=None), begun, header.n, now)
    padded = copen(key, _LABEL, associated, body)
    # Only now, with the header authenticated: the peer's KEM key costs an encapsulation.
    return _make_sending_chain(moved, header.dh, header.ek, now, entropy), padded


def _make_sending_chain(ratchet: Ratchet, dh: bytes, ek: bytes | None, now: int, entropy: Entropy) -> Ratchet:
    """Answer a new receiving chain. Raises BadKey for an `ek` that is no key."""
    own = DhKey.generate(entropy)
    ct, ss = (None, None) if ek is None else entropy.encapsulate(ek)
    root, key = kdf_rk(ratchet.root, x25519(own.private, dh), ss, ct)
    previous = ratchet.sending
    pn = 0 if previous is None else previous.n
    if not _is_kem_due(ratchet, now):
        return replace(ratchet, root=root, own=own, sending=SendingChain(key, 0, pn, None, ct))
    seed = Secret(entropy.random(kem.SEED_SIZE))
    chain = SendingChain(key, 0, pn, kem.public_key(seed), ct)
    return replace(ratchet, root=root, own=own, sending=chain, awaited=seed, sent_since_ek=0, ek_made=now)


def _is_kem_due(ratchet: Ratchet, now: int) -> bool:
    if ratchet.ek_made is None:  # this side's first chain
        return True
    return ratchet.sent_since_ek >= KEM_MESSAGES or now - ratchet.ek_made >= KEM_PERIOD


def _advance(ratchet: Ratchet, chain: ReceivingChain, n: int, now: int) -> tuple[Ratchet, Secret]:
    """Return the state after message n of a chain, keys before it stored, and the message's key."""
    archive, chain = _stored_up_to(ratchet.archive, chain, n, now)
    key = Secret(hmac(chain.key, _MESSAGE_KEY))
    moved = ReceivingChain(chain.dh, Secret(hmac(chain.key, _NEXT_KEY)), n + 1)
    return replace(ratchet, receiving=moved, archive=archive), key


def _skip_to(ratchet: Ratchet, chain: ReceivingChain, n: int, now: int) -> Ratchet:
    """Store the keys left in a chain that ended before message n; an n below what was read skips nothing."""
    archive, chain = _stored_up_to(ratchet.archive, chain, n, now)
    return replace(ratchet, receiving=chain, archive=archive)


def _stored_up_to(archive: Archive, chain: ReceivingChain, n: int, now: int) -> tuple[Archive, ReceivingChain]:
    if n <= chain.n:
        return archive, chain
    if n - chain.n > MAX_JUMP:
        raise TooFar
    keys: dict[tuple[bytes, int], SkippedKey] = {}
    chain_key = chain.key
    for number in range(chain.n, n):
        keys[chain.dh, number] = SkippedKey(Secret(hmac(chain_key, _MESSAGE_KEY)), now)
        chain_key = Secret(hmac(chain_key, _NEXT_KEY))
    return archive.fresh(now).with_skipped(keys), ReceivingChain(chain.dh, chain_key, n)


def associated_data(transcript: bytes, header: bytes, tag: bytes) -> bytes:
    """AD = CBOR["msgr/1/dr", T, hdr bytes, F]."""
    return cbor.dump([_DOMAIN, transcript, header, tag])
