"""What can go wrong for a caller of the library. Each message is one sentence that a person can act on."""

from __future__ import annotations


class ClientError(Exception):
    """The base of all of them; `code` is stable, the text is for people."""

    code = "failed"
    queued = ""  # the id of the message that is stored all the same and waits for this to be settled

    def __init__(self, sentence: str, code: str | None = None) -> None:
        super().__init__(sentence)
        if code is not None:
            self.code = code


class WrongUse(ClientError):
    """The call makes no sense as it stands: nothing was tried."""

    code = "wrong_use"


class SignInNeeded(ClientError):
    """No session, or it ended: sign in (again)."""

    code = "sign_in_needed"


class WrongCredentials(SignInNeeded):
    code = "wrong_credentials"


class LinkingNeeded(SignInNeeded):
    """The account has devices already, and this one is not among them."""

    code = "linking_needed"


class Unreachable(ClientError):
    """The server does not answer, or cannot just now. Trying again later may help."""

    code = "unreachable"

    def __init__(self, sentence: str, code: str | None = None, retry_after: float | None = None) -> None:
        super().__init__(sentence, code)
        self.retry_after = retry_after  # seconds


class Refused(ClientError):
    """The server understood and said no; `code` is the server's."""

    def __init__(self, sentence: str, code: str, *, status: int = 0, problem: dict[str, object] | None = None) -> None:
        super().__init__(sentence, code)
        self.status = status
        self.problem = problem or {}


class UnknownPerson(ClientError):
    """No account of that name, or one that nobody can write to yet."""

    code = "not_found"


class KeysRefused(ClientError):
    """The server showed keys of an account that contradict what it showed before."""

    code = "list_refused"


class IdentityHasChanged(ClientError):
    """An account shows another account key. Nothing is sent until the person has acknowledged it."""

    code = "identity_changed"


class TakenOver(ClientError):
    """Another connection of this device took over; this one stays away (close code 4409)."""

    code = "taken_over"


class StoreError(ClientError):
    """The profile cannot be read: a wrong key or passphrase, or files of a newer version."""

    code = "store"


class Defect(ClientError):
    """The client or the server breaks the contract between them."""

    code = "defect"
