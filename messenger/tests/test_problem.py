"""Every error has one body, and one that is not the caller's fault says when to try again."""

import pytest
from django.db import InterfaceError, OperationalError
from rest_framework import exceptions as drf

from messenger.lib import problem


@pytest.mark.parametrize("error", [OperationalError("canary"), InterfaceError("canary")])
def test_a_database_that_does_not_answer_is_unavailable_and_quotes_nothing(error: Exception) -> None:
    answer = problem.exception_handler(error, {})
    assert answer is not None
    assert (answer.status_code, answer["Retry-After"]) == (503, "1")
    assert answer.data["code"] == "unavailable"
    assert "canary" not in str(answer.data)


def test_nested_field_errors_are_named_by_their_path() -> None:
    answer = problem.exception_handler(drf.ValidationError({"devices": [{}, {"account": ["required"]}]}), {})
    assert answer is not None
    assert answer.data["errors"] == [{"field": "devices[1].account", "message": "required"}]


def test_a_defect_of_ours_is_left_to_the_framework() -> None:
    assert problem.exception_handler(RuntimeError("ours"), {}) is None
