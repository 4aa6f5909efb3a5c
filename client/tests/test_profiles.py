"""Where a profile may be: an own directory, and none that holds anything else."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest
from relay import Relay

from messenger_client import Client
from messenger_client.errors import SignInNeeded, StoreError, Unreachable
from messenger_client.store import Store, settings
from messenger_client.stream import Stream


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


def test_a_directory_that_holds_other_files_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    (tmp_path / "thesis.tex").write_text("years of work")
    with pytest.raises(StoreError, match="no profile"):
        Store.open(tmp_path)
    assert mode(tmp_path) == 0o755
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]


def test_a_directory_is_made_for_its_owner_and_one_that_is_there_keeps_its_mode(tmp_path: Path) -> None:
    Store.open(tmp_path / "new").close()
    assert mode(tmp_path / "new") == 0o700
    there = tmp_path / "there"
    there.mkdir()
    there.chmod(0o750)
    for _ in range(2):
        Store.open(there).close()
        assert mode(there) == 0o750


def test_a_profile_whose_making_broke_off_is_made_to_its_end(tmp_path: Path) -> None:
    (tmp_path / "profile.lock").touch()
    (tmp_path / "profile.key.new").touch()
    Store.open(tmp_path).close()
    assert (tmp_path / "profile.json").exists()


async def test_the_socket_takes_its_token_to_no_other_origin() -> None:
    asked: list[bytes] = []

    async def other(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append(await reader.read(4096))
        writer.close()

    async def redirecting(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 302 Found\r\nLocation: " + f"ws://127.0.0.1:{port}/".encode())
        writer.write(b"\r\nContent-Length: 0\r\n\r\n")
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(other, "127.0.0.1", 0) as elsewhere:
        port = elsewhere.sockets[0].getsockname()[1]
        async with await asyncio.start_server(redirecting, "127.0.0.1", 0) as server:
            with pytest.raises(Unreachable):
                async with Stream(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", "token"):
                    pass
    assert asked == []


async def test_tokens_go_to_no_other_host_than_they_came_from(alice: Client, relay: Relay, tmp_path: Path) -> None:
    before = len(relay.requests)
    async with Client.open(tmp_path / "alice", server=relay.url.replace("127.0.0.1", "localhost")) as elsewhere:
        for _ in range(2):
            with pytest.raises(SignInNeeded, match="This profile is signed in at"):
                await elsewhere.requests()
        with pytest.raises(SignInNeeded):
            await anext(elsewhere.messages())
    assert len(relay.requests) == before
    assert await alice.requests() == []


async def test_tokens_serve_another_port_of_their_host(alice: Client, relay: Relay, tmp_path: Path) -> None:
    with alice._context.store.transaction() as tx:
        kept = settings.tokens(tx)
        assert kept is not None
        assert kept.origin == relay.url
        settings.save_tokens(tx, replace(kept, origin="http://127.0.0.1:1"))
    assert await alice.requests() == []
