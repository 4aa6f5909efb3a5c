"""Which group chat a name means: nothing that is meant for an encrypted one goes into an open one."""

from __future__ import annotations

import unicodedata

import pytest
from open_parties import choir
from relay import Relay

from messenger_client import Client
from messenger_client.errors import WrongUse

CANARY = "the canary"


def leaked(relay: Relay) -> bool:
    paths = ("open-chats", "open.")
    return any(CANARY in str(body) for _, path, body in relay.requests if path.startswith(paths))


async def test_an_open_chats_title_never_stands_for_an_encrypted_ones_id(
    alice: Client, bob: Client, relay: Relay
) -> None:
    friends = (await alice.create_group("Friends")).id
    for title in (friends, friends[:8]):
        await bob.create_group(title, ["alice"], open_chat=True)
    await alice.sync()
    assert not (await alice.send(f"#{friends}", CANARY)).is_open
    assert (await alice.place(f"#{friends}")).is_open is False
    for to_write in (True, False):
        with pytest.raises(WrongUse, match="Several group chats"):
            await alice.place(f"#{friends[:8]}", to_write=to_write)
    with pytest.raises(WrongUse, match="Several group chats"):
        await alice.send(f"#{friends[:8]}", CANARY)
    with pytest.raises(WrongUse, match="is end-to-end encrypted"):
        await alice.send(f"#{friends}", CANARY, open_chat=True)
    assert not leaked(relay)
    assert await alice.waiting() == 0


async def test_a_bare_title_takes_no_text_into_an_open_chat(alice: Client, bob: Client, relay: Relay) -> None:
    await alice.create_group("Plans")
    await alice.rename_group("Plans", "Party")  # by its former title
    await alice.create_group(unicodedata.normalize("NFD", "Café"))
    await alice.create_group("Trip ")
    for title in ("Plans", "Café", "Trip", "Elsewhere"):
        await bob.create_group(title, ["alice"], open_chat=True)
    await alice.sync()
    made = {one.title: one.id for one in await alice.groups() if one.is_open}
    for title in ("Plans", "Café", "Trip", "Elsewhere"):
        name = f"#{title}"
        for call in (
            alice.send(name, CANARY),
            alice.write_down(name, CANARY),
            alice.edit_line(name, "1", CANARY),
            alice.rename_group(title, CANARY),
            alice.place(name),
        ):
            with pytest.raises(WrongUse, match=f"add --open, or name it by its id: '#{made[title]}'"):
                await call
        assert (await alice.place(name, to_write=False)).is_open
    assert not leaked(relay)
    assert await alice.waiting() == 0


async def test_an_open_chat_is_written_to_by_its_id_or_where_it_is_said(alice: Client, bob: Client) -> None:
    chat = await choir(alice, bob)
    with pytest.raises(WrongUse, match="add --open"):
        await alice.send(f"#{chat[:7]}", "hello")
    for name in (f"#{chat[:8]}", f"#{chat}", f"#{chat.upper()}"):
        assert (await alice.send(name, "hello")).is_open
    place = await alice.place("#Choir", open_chat=True)
    assert (await alice.send(place.name, "hello", open_chat=place.is_open)).is_open
    assert (await alice.rename_group("Choir", "Band", open_chat=True)).title == "Band"
    assert (await alice.rename_group(chat, "Choir")).title == "Choir"
    with pytest.raises(WrongUse, match="a title, and nothing else"):
        await alice.change_group("Choir", description="singing")


async def test_what_a_title_is_called_like_takes_no_id_away(alice: Client, bob: Client) -> None:
    chat = await choir(alice, bob)
    await bob.create_group(chat, ["alice"], open_chat=True)
    await alice.sync()
    place = await alice.place("#Choir", open_chat=True)
    assert place.name == f"#{chat}"
    assert (await alice.place(place.name, open_chat=True)) == place
    assert (await alice.group(chat)).title == "Choir"
