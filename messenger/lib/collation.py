"""The order of texts by the numbers of their characters, the same in every database and language."""

from __future__ import annotations

from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import Func
from django.db.models.sql.compiler import SQLCompiler


class ByCharacters(Func):
    """To order by and to index. In an index of this order PostgreSQL finds a prefix, and what it finds is in order."""

    arity = 1
    template = '%(expressions)s COLLATE "C"'

    def as_sqlite(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper, **context: Any) -> Any:
        return self.as_sql(compiler, connection, template="%(expressions)s COLLATE BINARY", **context)
