"""GET /metrics: numbers, for the operator alone."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from messenger.lib import metrics


@pytest.mark.django_db
def test_the_numbers_are_for_who_holds_the_token(client: Client, settings: Any) -> None:
    plain = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    settings.STORAGES = {**settings.STORAGES, "staticfiles": plain}  # the 404 page, without `collectstatic`
    assert client.get("/metrics").status_code == 404
    assert client.get("/metrics", headers={"authorization": "Bearer "}).status_code == 404
    settings.METRICS_TOKEN, settings.ALLOWED_HOSTS = "a long secret", ["chat.example.org"]
    metrics.unreadable(["malformed"])
    for header in ("", "Bearer ", "Bearer a long secret.", "a long secret", "Bearer é", "Basic a long secret"):
        answer = client.get("/metrics", headers={"authorization": header})
        assert (answer.status_code, answer.content) == (401, b"")
    answer = client.get("/metrics", headers={"authorization": "Bearer a long secret", "host": "10.0.0.7:8000"})
    assert answer.status_code == 200
    assert answer["Content-Type"].startswith("text/plain")
    lines = answer.content.decode().splitlines()
    assert any(line.startswith('messenger_envelopes_unreadable_total{cause="malformed"} ') for line in lines)
    names = {line.split("{")[0].split(" ")[0] for line in lines if not line.startswith("#")}
    assert {name for name in names if not name.endswith("_created")} == {
        "messenger_sockets",
        "messenger_messages_accepted_total",
        "messenger_envelopes_delivered_total",
        "messenger_envelopes_unreadable_total",
    }
