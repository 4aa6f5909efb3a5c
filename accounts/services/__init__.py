"""Every write to accounts, one function a verb, and the question who a token speaks for."""

from accounts.services.devices import (
    CHALLENGE_LIFETIME,
    create_challenge,
    prove_device,
    register_device,
    restore_device,
    suspend_device,
)
from accounts.services.people import (
    change_password,
    check_username_free,
    find_user,
    open_account_session,
    register_user,
    restore_user,
    sign_in,
    suspend_user,
)
from accounts.services.sessions import (
    Credentials,
    DeviceCredentials,
    Tokens,
    authenticate,
    authenticate_device,
    end_all_sessions,
    end_session,
    ended_sessions,
    purge_expired,
    refresh_session,
)

__all__ = [
    "CHALLENGE_LIFETIME",
    "Credentials",
    "DeviceCredentials",
    "Tokens",
    "authenticate",
    "authenticate_device",
    "change_password",
    "check_username_free",
    "create_challenge",
    "end_all_sessions",
    "end_session",
    "ended_sessions",
    "find_user",
    "open_account_session",
    "prove_device",
    "purge_expired",
    "refresh_session",
    "register_device",
    "register_user",
    "restore_device",
    "restore_user",
    "sign_in",
    "suspend_device",
    "suspend_user",
]
