"""A block holds, even where the first message of the other one is being written at the same moment."""

from threading import Event, Thread

import pytest
from django.db import connections, transaction

from accounts.models import Contact
from chats.services.contacts import block_contact, open_chat
from tests.cast import make_member


@pytest.mark.django_db(transaction=True)
def test_a_block_that_races_the_first_message_wins() -> None:
    alice, bob = make_member("alice"), make_member("bob")
    opened, may_commit = Event(), Event()

    def write_first() -> None:
        with transaction.atomic():
            open_chat(sender=alice.id, recipient=bob.id)
            opened.set()
            may_commit.wait(1)
        connections.close_all()

    def block() -> None:
        block_contact(owner=bob.id, other=alice.id)
        connections.close_all()

    writing, blocking = Thread(target=write_first), Thread(target=block)
    writing.start()
    opened.wait(5)
    blocking.start()
    blocking.join(0.3)  # it waits for the row that is not committed yet
    may_commit.set()
    writing.join(10)
    blocking.join(10)
    assert Contact.objects.get(owner=bob.id, other=alice.id).state == Contact.State.BLOCKED
