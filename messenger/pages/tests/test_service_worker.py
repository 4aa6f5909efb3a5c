"""The service worker: every file of the pages and nothing else, under the policy of pages, and never an old one."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from django.test import Client

from messenger.pages import service_worker
from messenger.pages.service_worker import files


def test_it_names_every_file_of_the_pages() -> None:
    named = files()
    assert {"css", "images", "js"} == {address.split("/")[2] for address in named}
    assert any(re.search(r"/js/assets/worker-.+\.js$", address) for address in named)
    assert any(address.endswith(".wasm") for address in named)
    assert not any("admin" in address or "/ts/" in address for address in named)


def test_each_file_that_it_names_is_there(client: Client) -> None:
    for address in files():
        assert client.get(address).status_code == 200, address


def test_it_is_served_for_the_whole_site_and_asked_for_anew(client: Client) -> None:
    answer = client.get("/sw.js")
    assert answer.status_code == 200
    assert answer["Content-Type"].startswith("text/javascript")
    assert answer["Cache-Control"] == "no-cache"
    assert "default-src 'none'" in answer["Content-Security-Policy"]
    first, rest = answer.content.decode().split("\n", 1)
    assert json.loads(first.removeprefix("const MESSENGER_FILES = ").removesuffix(";")) == files()
    assert "addEventListener" in rest


def test_the_offline_page_names_nobody(client: Client) -> None:
    answer = client.get("/offline/")
    assert answer.status_code == 200
    assert "There is no connection" in answer.content.decode()


def test_the_kept_pages_name_no_other_file(client: Client, django_user_model: Any, db: None) -> None:
    client.force_login(django_user_model.objects.create_user("alice", password="correct horse"))
    for page in ("/chats/", "/offline/"):
        named = set(re.findall(r'(?:href|src)="(/static/[^"]+)"', client.get(page).content.decode()))
        assert named
        assert named <= set(files()), page


def test_it_looks_for_the_files_once_a_build(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    client.get("/sw.js")
    monkeypatch.setattr(service_worker, "files", lambda: pytest.fail("looked again"))
    assert client.get("/sw.js").status_code == 200


def test_files_of_a_developer_change_under_their_names_and_are_not_kept(client: Client, settings: Any) -> None:
    settings.DEBUG = True
    assert client.get("/sw.js").status_code == 404
