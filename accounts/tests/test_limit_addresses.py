"""An address is counted before its token is looked at."""

from typing import Any

import pytest
from django.test import Client


@pytest.mark.django_db
def test_wrong_tokens_use_up_the_share_of_an_address(client: Client, settings: Any) -> None:
    settings.LIMITS = {**settings.LIMITS, "address": "3/hour"}
    answers = [client.get("/api/v1/devices", headers={"Authorization": "Bearer nonsense"}) for _ in range(6)]
    assert [answer.status_code for answer in answers[:3]] == [401, 401, 401]
    assert answers[-1].status_code == 429
    assert int(answers[-1]["Retry-After"]) > 0
