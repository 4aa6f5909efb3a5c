"""Wrong passwords are counted, for API and pages alike. A stranger can slow an account's sign-in, never lock it.

Ten an hour from one address: then that address waits. A hundred an hour from everywhere: then each address gets one
attempt in half a minute, so that the owner at an address of their own still gets in.
"""

from __future__ import annotations

import hashlib

from accounts import usernames
from accounts.errors import TooManyWrongCredentials
from accounts.models import User
from messenger.lib import limits


def key_for(user: User | None, name: str) -> str:
    """What attempts at this name are counted under: the account for both of its names, a digest for an unknown one."""
    if user is not None:
        return str(user.id)
    return hashlib.sha256(usernames.normalize(name).encode()).hexdigest()


def charge(key: str, address: str) -> None:
    """Before a password is checked. TooManyWrongCredentials says when to try again."""
    # Counted before the check, not after: many at once must not all pass the same count.
    limits.hit("wrong_credentials", key, address).require(TooManyWrongCredentials)
    if not limits.peek("wrong_credentials_account", key).allowed:
        limits.hit("wrong_credentials_delay", key, address).require(TooManyWrongCredentials)


def was_wrong(key: str) -> None:
    """After a wrong password."""
    limits.hit("wrong_credentials_account", key)


def was_right(key: str, address: str) -> None:
    """After a right one: only wrong ones count."""
    limits.forget("wrong_credentials", key, address)
