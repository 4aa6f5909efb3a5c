"""`manage.py frames`: the JSON Schema of what a client may say on the socket, for authors of other clients."""

import json
from typing import Annotated, Any, Union

from django.core.management.base import BaseCommand
from pydantic import Field, TypeAdapter

from chats.frames import FRAMES


class Command(BaseCommand):
    help = "Print the JSON Schema of the frames that clients send."

    def handle(self, *args: Any, **options: Any) -> None:
        frames: Any = Annotated[Union[tuple(FRAMES.values())], Field(discriminator="type")]  # noqa: UP007
        schema = TypeAdapter(frames).json_schema()
        title = {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "Frames from the client, /ws/v1"}
        self.stdout.write(json.dumps(title | schema, indent=1, sort_keys=True))
