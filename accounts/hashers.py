"""Password hashing within bounds: a storm of sign-ins waits in line, it does not take the memory."""

from __future__ import annotations

import threading

from django.conf import settings
from django.contrib.auth.hashers import Argon2PasswordHasher

_slots = threading.BoundedSemaphore(settings.PASSWORD_HASHES_AT_ONCE)


class CappedArgon2Hasher(Argon2PasswordHasher):
    """Argon2id with OWASP's parameters, at most PASSWORD_HASHES_AT_ONCE of them at a time (19 MiB each)."""

    time_cost = 2
    memory_cost = 19_456  # KiB
    parallelism = 1

    def encode(self, password: str, salt: str) -> str:
        with _slots:
            return super().encode(password, salt)

    def verify(self, password: str, encoded: str) -> bool:
        with _slots:
            return super().verify(password, encoded)
