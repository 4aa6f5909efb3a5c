"""What accounts refuse, one class a cause. Codes are documented in docs/api.md."""

from messenger.lib.errors import Conflict, DomainError, Malformed, TooManyRequests


class WrongCredentials(DomainError):
    """The same for an unknown name and a wrong password."""

    code = "wrong_credentials"
    status = 401
    title = "The name or the password is not right"


class TooManyWrongCredentials(TooManyRequests):
    title = "Too many wrong passwords: wait before the next one"


class EmailNotVerified(DomainError):
    """The operator asks for a verified address, and a mail with a link was sent to it."""

    code = "email_not_verified"
    status = 403
    title = "Follow the link in the mail that was sent to you, then sign in"


class CsrfFailed(DomainError):
    """A cookie came without the token of the page that it belongs to: another page may have sent it."""

    code = "csrf_failed"
    status = 403
    title = "This was not sent by a page of this server"


class SessionEnded(DomainError):
    """This refresh token will never work again."""

    code = "session_ended"
    status = 401
    title = "This session has ended"


class WrongProof(DomainError):
    """The nonce is unknown, spent or expired, or the signature is not the device's over this origin."""

    code = "wrong_proof"
    status = 401
    title = "The device did not prove its key"


class BadKey(Malformed):
    code = "bad_key"
    title = "This is not a usable public key"


class UsernameTaken(Conflict):
    """Also for a name that could be mistaken for one that exists."""

    code = "username_taken"
    title = "This username is taken, or looks like one that is"


class EmailTaken(Conflict):
    code = "email_taken"
    title = "There is an account with this e-mail address"


class TooManyDevices(Conflict):
    code = "too_many_devices"
    title = "This account has as many devices as it can have"
