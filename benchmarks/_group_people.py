"""Makes a crowd with one listed device each, and the signed operations of a group chat of theirs; or counts its rows.

The group chat is on no server yet. Prints what speaks for the devices, the operations, and the messages, ready to send.
"""

# ruff: noqa: E402  # Django has to be set up before anything of ours is imported.
import json
import os
import sys

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "messenger.settings")
import django

django.setup()

from accounts.models import Contact
from chats.models import Envelope, GroupMessage, GroupMessageStatus, GroupOperation
from chats.tests.groups import MEMBER, META, Group, Remove, account_of, group_ciphertext, in_json
from chats.tests.people import Phone, ciphertext
from tests.cast import make_member

MESSAGE_BYTES = 256  # of padded content; the rest of a ciphertext comes to this
SENDER_KEY_BYTES = 640  # of a padded sender key, over a session that both sides know


def make(devices: int, messages: int) -> None:
    alice, *others = (Phone.sign_in(make_member(f"member{number}")) for number in range(devices))
    Contact.objects.bulk_create(
        Contact(owner=one.member.user, other=alice.member.user, state=Contact.State.ACCEPTED) for one in others
    )
    group = Group.of(alice, *((one, MEMBER) for one in others))
    create = in_json(group.created)
    everybody = [_message(group, alice, others) for _ in range(messages)]
    removed = others.pop()
    removal = group.propose(alice, Remove(account_of(removed), META))
    group.state = removal.state
    json.dump(
        {
            "group": group.id,
            "create": create,
            "remove": in_json(removal),
            "access": [one.access for one in (alice, *others, removed)],
            "devices": [{"account": one.account, "device": one.id} for one in (*others, removed)],
            "sender_key": ciphertext(size=SENDER_KEY_BYTES),
            "before": everybody,
            "after": [_message(group, alice, others) for _ in range(messages)],
        },
        sys.stdout,
    )


def _message(group: Group, sender: Phone, others: list[Phone]) -> dict[str, object]:
    return group.message(sender, *others, body=group_ciphertext(size=MESSAGE_BYTES))


def count() -> None:
    json.dump(
        {
            "operations": GroupOperation.objects.count(),
            "messages": GroupMessage.objects.count(),
            "statuses": GroupMessageStatus.objects.count(),
            "envelopes_left": Envelope.objects.count(),
            "ciphertexts_left": GroupMessage.objects.exclude(ciphertext=b"").count(),
        },
        sys.stdout,
    )


if sys.argv[1:] == ["count"]:
    count()
else:
    make(int(sys.argv[1]), int(sys.argv[2]))
