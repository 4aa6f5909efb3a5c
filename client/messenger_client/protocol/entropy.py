"""Where randomness comes from. Passed in everywhere, so that a recorded run can be played again."""

from __future__ import annotations

import os
from typing import Protocol

from . import kem


class Entropy(Protocol):
    """A source of random bytes, and the one randomised operation whose bytes a library hides."""

    def random(self, size: int) -> bytes:
        """Return that many fresh random bytes (32: a private key or fk; 64: a KEM seed; 24: a nonce)."""
        ...

    def encapsulate(self, public: bytes) -> tuple[bytes, bytes]:
        """Return (ct, ss) for an ML-KEM-768 encapsulation key. Raises BadKey."""
        ...


class SystemEntropy:
    """The operating system's generator."""

    def random(self, size: int) -> bytes:
        return os.urandom(size)

    def encapsulate(self, public: bytes) -> tuple[bytes, bytes]:
        return kem.encapsulate(public)


SYSTEM: Entropy = SystemEntropy()
