"""Times of pages and searches in an open chat, through the services, on the configured database: for open-history.

Prints one object: {work: [milliseconds...]}. Beside the chat that is read lies another as large, which fills the
newest positions: an answer that walks over other chats' messages would show.
"""

# ruff: noqa: E402  # Django has to be set up before anything of ours is imported.
from __future__ import annotations

import json
import os
import random
import sys
import time
import uuid
from collections.abc import Callable

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "messenger.settings")

import django

django.setup()

from django.db import connection

from accounts.models import User
from chats import services
from chats.models import OpenChat, OpenChatMember, OpenMessage
from chats.services.open_chats.reading import NEWEST
from messenger.lib.clock import now_ms

TOGETHER = 5_000
RARE_EVERY = 10_000  # messages; the common word is in every second one


def _chat(owner: User, title: str) -> uuid.UUID:
    fields = {"kind": OpenChat.Kind.GROUP, "title": title, "member_count": 1, "created_by": owner}
    chat = OpenChat.objects.create(**fields, creation_id=uuid.uuid4())
    role = OpenChatMember.Role.OWNER
    OpenChatMember.objects.create(chat=chat, account=owner, role=role, added_by=owner)
    return chat.pk


def _fill(chat: uuid.UUID, owner: User, messages: int, words: list[str], more: str = "") -> None:
    chance = random.Random(1)  # texts, not secrets
    now = now_ms()
    for start in range(0, messages, TOGETHER):
        OpenMessage.objects.bulk_create(
            OpenMessage(
                chat_id=chat,
                sender_id=owner.pk,
                client_message_id=uuid.uuid4(),
                body=" ".join(chance.choices(words, k=12))
                + (" common" if number % 2 else "")
                + more
                + (" rare" if number % RARE_EVERY == RARE_EVERY // 2 else ""),
                accepted_at=now,
            )
            for number in range(start, min(start + TOGETHER, messages))
        )


def _times(work: Callable[[], object], times: int) -> list[float]:
    took = []
    for _ in range(times + 3):
        started = time.perf_counter()
        work()
        took.append((time.perf_counter() - started) * 1000)
    return took[3:]  # the first ones warm what is cached


def main(messages: int, times: int) -> None:
    owner = User.objects.create(username="reader", email="reader@example.org")
    words = [f"word{number}" for number in range(5_000)]
    chat, other = _chat(owner, "Read"), _chat(owner, "Beside it")
    _fill(chat, owner, messages, words)
    _fill(other, owner, messages, words, " elsewhere")
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE chats_openmessage")
    own = OpenMessage.objects.filter(chat=chat)
    first = own.order_by("position").values_list("position", flat=True)[0]

    def page(before: int) -> Callable[[], object]:
        return lambda: services.open_history(account=owner.pk, chat=chat, before=before, limit=50)

    def search(text: str, where: uuid.UUID | None) -> Callable[[], object]:
        return lambda: services.search_open(account=owner.pk, chat=where, text=text, before=NEWEST, limit=50)

    works = {
        "newest page": page(NEWEST),
        "page in the middle": page(first + messages // 2),
        "oldest page": page(first + 50),
        "rare word": search("rare", chat),
        "common word": search("common", chat),
        "no such word": search("nowhere", chat),
        "common, but elsewhere": search("elsewhere", chat),
        "rare word, all chats": search("rare", None),
        "common word, all chats": search("common", None),
        "two words": search("word17 common", chat),
    }
    print(json.dumps({name: _times(work, times) for name, work in works.items()}))


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
