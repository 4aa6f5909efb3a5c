from django.apps import AppConfig
from django.conf import settings


class KeysConfig(AppConfig):
    name = "keys"

    def ready(self) -> None:
        from keys.limits import DIRECTORY

        settings.LIMITS.setdefault("directory", DIRECTORY)
