"""Chats: messages and their delivery."""

from django.apps import AppConfig


class ChatsConfig(AppConfig):
    name = "chats"

    def ready(self) -> None:
        from chats import checks  # noqa: F401  # registers
