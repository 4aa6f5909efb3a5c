"""The pages' foundations as a Django app: template tags and a system check."""

from django.apps import AppConfig


class PagesConfig(AppConfig):
    name = "messenger.pages"

    def ready(self) -> None:
        from messenger.pages import checks  # noqa: F401  # registers
