"""Mail leaves in the background: an answer's time shows neither a slow mail server nor whether an address exists."""

from __future__ import annotations

import logging
import smtplib
from concurrent.futures import ThreadPoolExecutor

from django.core.mail import EmailMessage
from django.db import transaction
from django.template.loader import render_to_string

from accounts.models import User

logger = logging.getLogger(__name__)

_sender = ThreadPoolExecutor(max_workers=1, thread_name_prefix="mail")


def send_later(message: EmailMessage) -> None:
    """Queue a mail. One that cannot be sent is logged and lost: people ask for another on the page."""
    _sender.submit(_send, message)


def tell_of_new_identity(user: User, *, device: str) -> None:
    """Tell the owner that a device has made the account a new identity, once this transaction has been committed."""
    subject, body = (
        render_to_string(f"account/email/new_identity_{part}.txt", {"user": user, "device": device})
        for part in ("subject", "message")
    )
    message = EmailMessage(" ".join(subject.split()), body.strip(), to=[user.email])
    transaction.on_commit(lambda: send_later(message), robust=True)


def wait() -> None:
    """Until everything queued so far has been tried: for tests."""
    _sender.submit(lambda: None).result()


def _send(message: EmailMessage) -> None:
    try:
        message.send()
    except (OSError, smtplib.SMTPException) as error:
        logger.warning("mail_failed error=%s", type(error).__name__)
