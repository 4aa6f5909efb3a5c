"""What the environment turns on, in a process of its own: settings are read once."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
ASK = """
import django, json, sys
django.setup()
from django.test import Client
answers = []
for path, headers in json.loads(sys.argv[1]):
    answer = Client(headers=headers).get(path)
    answers.append([answer.status_code, dict(answer.headers), {k: dict(v) for k, v in answer.cookies.items()}])
print(json.dumps(answers))
"""


def ask(tmp_path: Path, *requests: tuple[str, dict[str, str]], **environment: str) -> list[Any]:
    """What these requests are answered by a server with this environment."""
    settings = {"DATA_DIR": str(tmp_path), "DJANGO_SETTINGS_MODULE": "messenger.settings", "DEBUG": "1"}
    done = subprocess.run(
        [sys.executable, "-c", ASK, json.dumps(requests)],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], **settings, **environment},
        capture_output=True,
        check=True,
        text=True,
    )
    answers: list[Any] = json.loads(done.stdout)
    return answers


def test_with_https_probes_still_get_their_answer_without_it(tmp_path: Path) -> None:
    probe = {"Host": "127.0.0.1:8000"}
    answers = ask(tmp_path, ("/livez", probe), ("/readyz", probe), ("/livezz", {"Host": "localhost"}), HTTPS="1")

    assert [status for status, *_ in answers] == [200, 200, 301]


def test_probes_get_their_answer_under_a_name_that_is_not_the_server_s(tmp_path: Path) -> None:
    probe = {"Host": "10.0.0.7:8000"}
    answers = ask(tmp_path, ("/livez", probe), ("/readyz", probe), ("/", probe), ALLOWED_HOSTS="chat.example.org")

    assert [status for status, *_ in answers] == [200, 200, 400]


def test_with_https_a_refused_host_gets_the_headers_too(tmp_path: Path) -> None:
    ((status, headers, _),) = ask(tmp_path, ("/", {"Host": "elsewhere.example"}), HTTPS="1")

    assert status == 400
    assert "default-src 'none'" in headers["Content-Security-Policy"]
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["X-Frame-Options"] == "DENY"


def test_with_https_cookies_are_bound_to_host_and_scheme(tmp_path: Path) -> None:
    secure = {"Host": "localhost", "X-Forwarded-Proto": "https"}
    environment = {"HTTPS": "1", "TRUST_X_FORWARDED_PROTO": "1"}
    ((status, headers, cookies),) = ask(tmp_path, ("/accounts/login/", secure), **environment)

    assert status == 200
    assert headers["Strict-Transport-Security"] == "max-age=31536000"
    assert list(cookies) == ["__Host-csrf"]
    assert (cookies["__Host-csrf"]["secure"], cookies["__Host-csrf"]["path"]) == (True, "/")
    assert cookies["__Host-csrf"]["domain"] == ""


@pytest.mark.parametrize(("host", "asked"), [("fd00::7", "[fd00::7]:8000"), ("10.0.0.7", "10.0.0.7:8000")])
def test_the_address_that_is_served_is_a_name_of_this_server(tmp_path: Path, host: str, asked: str) -> None:
    ((status, *_),) = ask(tmp_path, ("/accounts/login/", {"Host": asked}), HOST=host)

    assert status == 200


def test_the_development_server_leaves_files_to_what_knows_their_headers(tmp_path: Path) -> None:
    """A page that is isolated starts no Worker whose file does not say that it is, too."""
    ask = "import django, django.core.management as m; django.setup(); print(m.get_commands()['runserver'])"
    settings = {"DATA_DIR": str(tmp_path), "DJANGO_SETTINGS_MODULE": "messenger.settings", "DEBUG": "1"}
    environment = {"PATH": os.environ["PATH"], **settings}
    done = subprocess.run([sys.executable, "-c", ask], cwd=ROOT, env=environment, capture_output=True, check=True)

    assert done.stdout.strip() == b"whitenoise.runserver_nostatic"
