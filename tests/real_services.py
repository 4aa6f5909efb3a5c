"""A pytest plugin, `pytest -p tests.real_services`, that runs the suite on real PostgreSQL and Redis.

It starts them when it is imported, and it is a plugin and not a conftest: pytest-django reads the settings before any
conftest runs, so that services which start later would leave the suite on SQLite, unnoticed. DATABASE_URL and
REDIS_URL, where they are set, name services to use instead.
"""

import atexit
import os

from tests.services import Postgres, Redis

if not os.environ.get("DATABASE_URL"):
    _cluster = Postgres.create()
    atexit.register(_cluster.remove)
    os.environ["DATABASE_URL"] = _cluster.url
if not os.environ.get("REDIS_URL"):
    _redis = Redis.create()
    atexit.register(_redis.stop)
    os.environ["REDIS_URL"] = _redis.url


def pytest_report_header() -> str:
    return f"database {os.environ['DATABASE_URL'].split('@')[-1]}, Redis {os.environ['REDIS_URL'].split('@')[-1]}"
