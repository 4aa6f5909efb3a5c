"""What has to be built before pages can be served."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.core.checks import CheckMessage, Error, register

from messenger.pages import assets


@register()
def check_scripts(app_configs: Sequence[Any] | None, **kwargs: Any) -> list[CheckMessage]:
    """The pages' scripts are built by Vite, which is no part of Python."""
    if assets.is_built():
        return []
    return [Error("The pages' scripts are not built.", hint=assets.HINT, id="pages.E001")]
