"""Scripts and stylesheets are held to their digests, and carry the headers that a Worker needs."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import re
from pathlib import Path
from typing import Any
from wsgiref.headers import Headers

import pytest
from django.contrib.staticfiles import finders
from django.core.exceptions import ImproperlyConfigured
from django.core.management import call_command
from django.template import engines

from messenger.pages import checks, headers
from messenger.pages.storage import PageFilesStorage

CHUNK, ENTRY = "assets/lit-aBcD_-12.js", "assets/chats-BvRk9kiK.js"


def render(text: str) -> str:
    template = engines["django"].from_string("{% load assets %}" + text)
    return str(template.render({}))


def digest(data: bytes) -> str:
    return "sha384-" + base64.b64encode(hashlib.sha384(data).digest()).decode()


@pytest.fixture
def built(tmp_path: Path, settings: Any) -> Path:
    """A build of one page that imports one chunk, twice."""
    for name in (CHUNK, ENTRY):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(f"// {name}")
    chunks = {
        "_lit.js": {"file": CHUNK, "name": "lit"},
        "_more.js": {"file": CHUNK, "name": "more", "imports": ["_lit.js"]},
        "pages/chats.ts": {"file": ENTRY, "name": "chats", "isEntry": True, "imports": ["_lit.js"]},
        "worker.ts": {"file": "assets/worker-aBcD_-12.js", "name": "worker", "isDynamicEntry": True},
    }
    (tmp_path / "manifest.json").write_text(json.dumps(chunks))
    settings.VITE_MANIFEST = tmp_path / "manifest.json"
    settings.STATICFILES_DIRS = [("js", tmp_path)]
    finders.get_finder.cache_clear()  # type: ignore[attr-defined]  # an lru_cache
    return tmp_path


@pytest.fixture(autouse=True)
def _plain_static_files(settings: Any) -> Any:
    """Without `collectstatic`, and nothing remembered of where files were."""
    plain = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    settings.STORAGES = {**settings.STORAGES, "staticfiles": plain}
    yield
    finders.get_finder.cache_clear()  # type: ignore[attr-defined]  # an lru_cache


def test_a_script_and_its_chunks_are_named_with_their_digests(built: Path) -> None:
    page = render('{% script "chats" %}')

    for name in (CHUNK, ENTRY):
        assert f'"/static/js/{name}" integrity="{digest((built / name).read_bytes())}" crossorigin="anonymous"' in page
    assert page.count("<script ") == 1
    assert page.count('rel="modulepreload"') == 1
    assert "worker" not in page


def test_a_stylesheet_is_held_to_its_digest(built: Path) -> None:
    (built / "one.css").write_text("p {}")

    assert render('{% stylesheet "js/one.css" %}') == (
        f'<link rel="stylesheet" href="/static/js/one.css" integrity="{digest(b"p {}")}">'
    )


def test_what_changed_has_another_digest(built: Path) -> None:
    before = render('{% script "chats" %}')
    (built / ENTRY).write_text("// something else, and longer")

    assert render('{% script "chats" %}') != before


def test_a_build_beside_a_running_server_is_of_the_next_one(built: Path, settings: Any) -> None:
    before = render('{% script "chats" %}')
    chunks = {"pages/chats.ts": {"file": "assets/chats-nOtThErE.js", "name": "chats", "isEntry": True}}
    (built / "manifest.json").write_text(json.dumps(chunks))

    assert render('{% script "chats" %}') == before
    (built / "manifest.json").rename(built / "soon.json")  # as while it is written
    assert render('{% script "chats" %}') == before
    (built / "soon.json").rename(built / "manifest.json")
    settings.DEBUG = True
    with pytest.raises(ImproperlyConfigured, match="nOtThErE"):
        render('{% script "chats" %}')


@pytest.mark.parametrize("tag", ['{% script "nothing" %}', '{% script "lit" %}', '{% stylesheet "css/none.css" %}'])
def test_what_is_not_there_says_so(built: Path, tag: str) -> None:
    with pytest.raises(ImproperlyConfigured):
        render(tag)


def test_without_a_build_there_is_one_line_that_says_what_to_do(built: Path) -> None:
    assert checks.check_scripts(None) == []
    (built / "manifest.json").unlink()

    (error,) = checks.check_scripts(None)
    assert "bin/setup" in str(error.hint)
    with pytest.raises(ImproperlyConfigured, match="bin/setup"):
        render('{% script "chats" %}')


def test_collecting_leaves_the_names_that_vite_gave(built: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    root = tmp_path_factory.mktemp("static")
    storage = PageFilesStorage(location=str(root), base_url="/static/")
    (built / "plain.css").write_text("p {}")
    paths = {}
    for stored, source in {f"js/{ENTRY}": ENTRY, "css/plain.css": "plain.css"}.items():
        (root / stored).parent.mkdir(parents=True, exist_ok=True)
        (root / stored).write_bytes((built / source).read_bytes() * 100)
        paths[stored] = (storage, stored)

    done = list(storage.post_process(paths))

    assert not [outcome for *_, outcome in done if isinstance(outcome, Exception)]
    assert storage.url(f"js/{ENTRY}") == f"/static/js/{ENTRY}"
    assert re.fullmatch(r"/static/css/plain\.[0-9a-f]{12}\.css", storage.url("css/plain.css"))
    assert sorted(path.name for path in (root / "js/assets").iterdir()) == [
        Path(ENTRY).name,
        Path(ENTRY).name + ".gz",
    ]


@pytest.mark.parametrize(
    ("url", "forever"),
    [
        ("/static/js/assets/chats-BvRk9kiK.js", True),
        ("/static/js/assets/sqlite3-a_c-e0gH.wasm", True),
        ("/static/css/base.98d4c7c51905.css", True),
        ("/static/css/base.css", False),
        ("/static/js/assets/chats.js", False),
        ("/static/staticfiles.json", False),
    ],
)
def test_what_has_a_hash_in_its_name_is_kept_forever(url: str, forever: bool, settings: Any) -> None:
    assert bool(re.search(settings.WHITENOISE_IMMUTABLE_FILE_TEST, url)) == forever


def test_scripts_alone_may_compile_webassembly() -> None:
    policies = {}
    for path in ("x.js", "x.mjs", "x.css", "x.wasm", "x.svg", "x.json"):
        told = Headers([])
        headers.of_file(told, path, f"/static/{path}")
        policies[path] = str(told["Content-Security-Policy"])

    assert {path for path, policy in policies.items() if "wasm-unsafe-eval" in policy} == {"x.js", "x.mjs"}
    assert all("default-src 'none'" in policy for policy in policies.values())
    assert not any("'unsafe" in policy for policy in policies.values())


@pytest.mark.parametrize(
    "path", ["/", "/no/such/page", "/livez", "/api/v1/accounts/me", "/static/none.js", "/accounts/login/"]
)
def test_every_answer_belongs_to_this_origin_alone(db: None, client: Any, path: str) -> None:
    answer = client.get(path, headers={"host": "elsewhere.example"} if path == "/accounts/login/" else {})

    assert answer["Cross-Origin-Opener-Policy"] == "same-origin"
    assert answer["Cross-Origin-Embedder-Policy"] == "require-corp"
    assert answer["Cross-Origin-Resource-Policy"] == "same-origin"
    assert "camera=()" in answer["Permissions-Policy"]
    assert "require-trusted-types-for 'script'" in answer["Content-Security-Policy"]
    assert "trusted-types default lit-html" in answer["Content-Security-Policy"]
    assert answer["X-Frame-Options"] == "DENY"


def test_only_the_page_of_the_chats_may_use_the_camera(db: None, client: Any, django_user_model: Any) -> None:
    client.force_login(django_user_model.objects.create_user("alice"))

    assert "camera=(self)" in client.get("/chats/")["Permissions-Policy"]
    assert "microphone=()" in client.get("/chats/")["Permissions-Policy"]
    assert "camera=()" in client.get("/settings/")["Permissions-Policy"]


@pytest.mark.parametrize("path", ["/", "/no/such/page", "/livez", "/api/v1/accounts/me", "/accounts/login/"])
def test_nothing_but_files_is_kept_by_a_cache(db: None, client: Any, path: str) -> None:
    assert "no-store" in client.get(path)["Cache-Control"]


def test_who_says_how_long_an_answer_may_be_kept_is_heard(db: None, client: Any) -> None:
    assert client.get("/.well-known/jwks.json")["Cache-Control"] == "public, max-age=300"


def test_a_file_that_is_older_than_the_one_it_replaces_is_collected(tmp_path: Path, settings: Any) -> None:
    source, root = tmp_path / "source", tmp_path / "root"
    source.mkdir()
    settings.STATICFILES_DIRS = [("css", source)]
    settings.STATIC_ROOT = root
    backend = f"{PageFilesStorage.__module__}.{PageFilesStorage.__name__}"
    settings.STORAGES = {**settings.STORAGES, "staticfiles": {"BACKEND": backend}}
    finders.get_finder.cache_clear()  # type: ignore[attr-defined]  # an lru_cache
    for text in ("p { top: 1px }", "p { top: 2px }"):
        (source / "one.css").write_text(text)
        # An image is built before the version in it first runs, and perhaps before the last one did.
        os.utime(source / "one.css", (1, 1))
        call_command("collectstatic", interactive=False, verbosity=0)

    assert (root / "css/one.css").read_text() == "p { top: 2px }"
