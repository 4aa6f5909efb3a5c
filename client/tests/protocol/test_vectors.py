"""The published vectors hold, and would not if a byte of them were another."""

from __future__ import annotations

import copy
import importlib.util
import json
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import jsonschema
import pytest

from messenger_client.protocol import errors

FOLDER = Path(__file__).resolve().parents[3] / "vectors"


def _load() -> ModuleType:
    """The runner of the vectors' own folder, under a name that nothing else has."""
    spec = importlib.util.spec_from_file_location("messenger_vectors_run", FOLDER / "run.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up
    sys.path.insert(0, str(FOLDER))  # its own modules lie beside it
    spec.loader.exec_module(module)
    return module


run = _load()
FILES = run.files()
CASES = [(path.stem, case) for path in FILES for case in json.loads(path.read_text())["cases"]]
NAMES = [f"{stem}: {case['name']}" for stem, case in CASES]


@pytest.mark.parametrize(("stem", "case"), CASES, ids=NAMES)
def test_a_vector_holds(stem: str, case: dict[str, Any]) -> None:
    assert run.outcome(case["op"], case["in"]) == case["expect"]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_a_file_is_of_the_published_form(path: Path) -> None:
    schema = json.loads((FOLDER / "schema.json").read_text())
    jsonschema.Draft202012Validator(schema).validate(json.loads(path.read_text()))


def test_the_files_are_the_ones_that_the_manifest_names() -> None:
    assert json.loads((FOLDER / "manifest.json").read_text()) == run.manifest()


def test_every_case_of_a_file_has_a_name_of_its_own() -> None:
    assert len(set(NAMES)) == len(NAMES)


def test_every_failure_of_the_closed_set_is_met() -> None:
    met = {one for _, case in CASES for one in (case["expect"], *leaves(case["expect"])) if isinstance(one, str)}
    assert set(errors.FAILURES) <= met


def test_both_signs_of_every_operation_are_met() -> None:
    """Each op has a case that works; and each that can fail from outside has one that does not."""
    works = {case["op"] for _, case in CASES if not isinstance(case["expect"], str)}
    assert works == set(run.OPS)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_a_changed_byte_anywhere_in_a_file_makes_the_run_fail(path: Path, tmp_path: Path) -> None:
    shutil.copy(FOLDER / "manifest.json", tmp_path)
    for one in FILES:
        shutil.copy(one, tmp_path)
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    (tmp_path / path.name).write_bytes(data)
    assert run.failures(tmp_path) == [f"{path.name}: not the file that manifest.json names"]


@pytest.mark.parametrize(("stem", "case"), CASES, ids=NAMES)
def test_a_changed_byte_of_a_vector_is_noticed_by_what_it_means(stem: str, case: dict[str, Any]) -> None:
    """Not by the file's hash: by the run itself, for the expectation and for what goes in."""
    got = run.outcome(case["op"], case["in"])
    if isinstance(case["expect"], str):
        assert all(got != other for other in errors.FAILURES if other != case["expect"])
        return
    changed = 0
    for place in hex_places(case["expect"]):
        other = with_flipped_byte(case["expect"], place)
        assert got != other
        changed += 1
    for place in input_places(case):
        assert not run.passes({**case, "in": with_flipped_byte(case["in"], place)}), place
        changed += 1
    assert changed or case["op"] == "check_ek"


Place = tuple[str | int, ...]


def leaves(value: Any) -> Iterator[Any]:
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        for one in value:
            yield from leaves(one)
    else:
        yield value


def hex_places(value: Any, above: Place = ()) -> Iterator[Place]:
    if isinstance(value, dict | list):
        items = value.items() if isinstance(value, dict) else enumerate(value)
        for key, one in items:
            yield from hex_places(one, (*above, key))
    elif (
        isinstance(value, str) and len(value) >= 2 and len(value) % 2 == 0 and not set(value) - set("0123456789abcdef")
    ):
        yield above


# What an operation does not use, or what stays as good as it was: another ek is a key as well.
IGNORED = {
    "sign_prekey": {"account_key", "identity_private"},
    "prove_device": {"account_key", "identity_private"},
    "check_ek": {"ek"},
    "link_code": {"account_key"},
    "sign_operation": {"account_key", "identity_private"},
}
CONVERSATIONS = {"conversation", "group_conversation"}
STEP_INPUTS = {"padded", "bundle", "wire", "tag", "psk", "nonces", "announced", "operation", "secrets"}
MOST_CHANGED_INPUTS = 6  # of a conversation, which is long to run again


def input_places(case: dict[str, Any]) -> list[Place]:
    if case["op"] == "group_chain":
        # An operation that is refused is refused when it is damaged, too.
        return [place for place in hex_places(case["in"]) if place[0] == "lists" or is_taken(case, place)]
    if case["op"] not in CONVERSATIONS:
        ignored = IGNORED.get(case["op"], set())
        if case["name"] == "place: a sender key carries a group's id":
            ignored = {"own", "sender"}  # the group code checks it
        if case["op"] == "read_history" and case["in"]["group"] is not None:
            ignored = {"own", "sender"}  # members come and go
        return [place for place in hex_places(case["in"]) if place[-1] not in ignored]
    places = [
        place
        for place in hex_places(case["in"])
        if place[0] == "steps" and STEP_INPUTS & set(place) and not isinstance(case["expect"][place[1]], str)
    ]
    return places[:: max(1, len(places) // MOST_CHANGED_INPUTS)]


def is_taken(case: dict[str, Any], place: Place) -> bool:
    return not isinstance(case["expect"][place[1]], str)


def with_flipped_byte(value: Any, place: Place) -> Any:
    changed = copy.deepcopy(value)
    inside = changed
    for key in place[:-1]:
        inside = inside[key]
    data = bytearray.fromhex(inside[place[-1]])
    # The second byte: the first of an X25519 key loses bits to clamping, and half of a KEM seed serves rejection only.
    data[min(1, len(data) - 1)] ^= 0x10
    inside[place[-1]] = data.hex()
    return changed
