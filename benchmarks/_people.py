"""Makes pairs of people with one listed device each in the configured database, and prints what speaks for them."""

# ruff: noqa: E402  # Django has to be set up before anything of ours is imported.
import json
import os
import sys

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "messenger.settings")
import django

django.setup()

from django.utils import timezone

from accounts.services.sessions import open_session
from chats import services
from messenger.lib.base64url import encode
from tests.cast import Member, make_member


def describe(member: Member) -> dict[str, str]:
    access = open_session(user=member.user, device=member.device, now=timezone.now()).access
    return {
        "account": str(member.id),
        "device": str(member.device.pk),
        "list": encode(member.list_hash),
        "access": access,
    }


def main(pairs: int) -> None:
    made = []
    for number in range(pairs):
        sender, recipient = make_member(f"sender{number}"), make_member(f"recipient{number}")
        services.open_chat(sender=sender.id, recipient=recipient.id)
        services.accept_contact(owner=recipient.id, other=sender.id)
        made.append([describe(sender), describe(recipient)])
    json.dump(made, sys.stdout)


main(int(sys.argv[1]))
