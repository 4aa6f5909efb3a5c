"""What each test need not pay for: a full flush of the database, and a look at every static file."""

from __future__ import annotations

from functools import cache
from typing import Any

import pytest
from django.conf import settings
from django.db import connection, transaction
from django.test import TransactionTestCase
from whitenoise.base import WhiteNoise

# What `migrate` wrote itself. Django's flush empties these tables too and has them filled again, test by test.
KEPT = {"django_content_type", "auth_permission"}


def economize(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(TransactionTestCase, "_fixture_teardown", _empty)
    patch.setattr(WhiteNoise, "update_files_dictionary", _found_once(WhiteNoise.update_files_dictionary))


def _empty(case: TransactionTestCase) -> None:
    """Delete from the few tables that hold something. Truncating all of them costs a tenth of a second each time."""
    tables = _tables()
    with transaction.atomic(), connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            # As truncating does, wait for whoever still writes: a row committed later would reach the next test.
            cursor.execute(f"LOCK TABLE {', '.join(tables)} IN SHARE ROW EXCLUSIVE MODE")
        looks = [f"SELECT {n} WHERE EXISTS (SELECT 1 FROM {table})" for n, table in enumerate(tables)]  # noqa: S608
        cursor.execute(" UNION ALL ".join(looks))
        for (number,) in cursor.fetchall():
            cursor.execute(f"DELETE FROM {tables[number]}")  # noqa: S608  foreign keys wait for the commit


@cache
def _tables() -> list[str]:
    names = connection.introspection.django_table_names(only_existing=True, include_views=False)
    return [connection.ops.quote_name(name) for name in sorted(set(names) - KEPT)]


def _found_once(look: Any) -> Any:
    """Each test's client makes the middleware anew. The files collected for the whole run stay as they are."""
    found: dict[str, Any] = {}
    collected = str(settings.STATIC_ROOT).rstrip("/") + "/"

    def update_files_dictionary(self: WhiteNoise, root: str, prefix: str) -> None:
        if root != collected:
            look(self, root, prefix)
            return
        if not found:
            look(self, root, prefix)
            found.update(self.files)
        self.files.update(found)

    return update_files_dictionary
