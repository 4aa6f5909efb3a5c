"""Static files with a hash in the name and a compressed twin. What Vite built has its hash already, and keeps it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from whitenoise.storage import CompressedManifestStaticFilesStorage

from messenger.pages.assets import BUILT


class PageFilesStorage(CompressedManifestStaticFilesStorage):  # type: ignore[misc]  # WhiteNoise has no types
    """STORAGES["staticfiles"]. Scripts name their chunks themselves: a second hash would lead them astray."""

    def post_process(self, paths: dict[str, Any], dry_run: bool = False, **options: Any) -> Iterator[Any]:
        others = {name: found for name, found in paths.items() if not name.startswith(BUILT)}
        yield from super().post_process(others, dry_run, **options)
        if not dry_run:
            for name, compressed in self.compress_files([name for name in paths if name not in others]):
                yield name, compressed, True

    def get_modified_time(self, name: str) -> datetime:
        # `collectstatic` asks whether what lies here is as new as what it would put there. A time does not tell: the
        # files of a new version may have been built before an older version was last collected.
        if name.startswith(BUILT):
            modified: datetime = super().get_modified_time(name)  # the same name is the same file
            return modified
        raise NotImplementedError("files are always collected anew")

    def stored_name(self, name: str) -> str:
        return name if name.startswith(BUILT) else str(super().stored_name(name))
