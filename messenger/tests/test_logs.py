"""Logs say what failed, and nothing about whom."""

import logging

import pytest
from django.test import Client, RequestFactory

from messenger.lib.logs import FailuresOnly, PrivateFormatter


def test_a_traceback_names_places_and_kinds_and_quotes_nothing() -> None:
    try:
        try:
            raise KeyError("alice@example.org")
        except KeyError as error:
            raise RuntimeError("row (alice)") from error
    except RuntimeError as error:
        info = (type(error), error, error.__traceback__)
    text = PrivateFormatter("%(message)s").format(
        logging.LogRecord("name", logging.ERROR, "file", 1, "failed", None, info)
    )
    assert "RuntimeError" in text
    assert "KeyError" in text
    assert "test_logs.py" in text
    assert "alice" not in text


def _record(status: int) -> logging.LogRecord:
    request = RequestFactory().get("/api/v1/accounts/alice")
    record = logging.LogRecord("django.request", logging.ERROR, "file", 1, "%s: %s", ("Failed", request.path), None)
    record.request, record.status_code = request, status
    return record


def test_a_refused_request_is_not_logged() -> None:
    assert not FailuresOnly().filter(_record(404))


def test_a_failed_request_is_logged_without_its_path() -> None:
    record = _record(500)
    assert FailuresOnly().filter(record)
    assert "alice" not in record.getMessage()


def test_an_unknown_path_leaves_no_trace_in_the_log(client: Client, caplog: pytest.LogCaptureFixture) -> None:
    assert client.get("/api/v1/canary-in-a-path").status_code == 404
    assert "canary" not in caplog.text
