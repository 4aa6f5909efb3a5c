"""What the tests of group chats do with people."""

from __future__ import annotations

from parties import PASSWORD, Open, shown

from messenger_client import Client, Message, Notice

Friends = tuple[Client, Client, Client]


async def registered(open_client: Open, name: str) -> Client:
    client = await open_client(name)
    await client.register(name, f"{name}@example.org", PASSWORD)
    return client


async def make_friends(alice: Client, bob: Client, dora: Client) -> Friends:
    """Alice owns the group chat `Friends`; bob and dora are in it, and have accepted."""
    await alice.create_group("Friends", ["bob", "dora"])
    for one in (bob, dora):
        await one.sync()
        await one.accept_group("#Friends")
        await shown(one, 1)
    return alice, bob, dora


async def settle(*clients: Client) -> None:
    """Let everybody fetch and answer until nothing moves."""
    for _ in range(3):
        for client in clients:
            await client.sync()


async def lines(client: Client, name: str = "#Friends") -> list[str]:
    return [event.text for event in await client.history(name) if isinstance(event, Message)]


async def notices(client: Client, name: str = "#Friends") -> list[str]:
    return [event.text for event in await client.history(name) if isinstance(event, Notice)]


async def roster(client: Client, name: str = "#Friends") -> dict[str, str]:
    return {one.username: one.role for one in (await client.group(name)).members}
