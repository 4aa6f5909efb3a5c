"""Typed readers of the environment. Settings come from here and from nowhere else."""

from collections.abc import Callable
from pathlib import Path

import environ
from django.core.exceptions import ImproperlyConfigured

from messenger.lib.secret_files import read_or_create

env = environ.Env()


def secret(name: str, file: Path, make: Callable[[], bytes]) -> bytes:
    """The secret in the variable `name`, in the file that `name`_FILE names, or in `file`, made on first start."""
    if value := str(env.str(name, default="")):
        return value.encode()
    if named := env.str(f"{name}_FILE", default=""):
        try:
            return Path(named).read_bytes()
        except OSError as error:
            raise ImproperlyConfigured(f"{name}_FILE cannot be read: {error.strerror}") from error
    return read_or_create(file, make)
