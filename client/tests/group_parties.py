"""What the tests of group chats do with people."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, replace
from uuid import UUID

import pytest
from parties import PASSWORD, Open, second_device, shown
from relay import Relay, b64
from relay_keys import Json

from messenger_client import Client, Message, Notice
from messenger_client.client.context import own_device, require_me
from messenger_client.client.group_encrypting import GroupSealer
from messenger_client.errors import IdentityHasChanged, KeysRefused, LinkingNeeded
from messenger_client.protocol import cbor, form, keys
from messenger_client.protocol.device_list import DeviceList, listed, sign_list
from messenger_client.protocol.entropy import SYSTEM
from messenger_client.protocol.group_args import Args
from messenger_client.protocol.group_operation import sign_operation
from messenger_client.protocol.group_state import GroupState
from messenger_client.protocol.ids import AccountId, ConversationId, DeviceId, GroupId
from messenger_client.protocol.keys import OwnDevice
from messenger_client.protocol.sender_key import OwnChain, Recipient
from messenger_client.store import Transaction, groups, peers, settings
from messenger_client.store.group_records import Group

Friends = tuple[Client, Client, Client]


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


def account(relay: Relay, name: str) -> str:
    return str(relay.accounts[name]["id"])


def account_id(relay: Relay, name: str) -> AccountId:
    return AccountId(UUID(account(relay, name)).bytes)


async def written_by(author: Client, relay: Relay, args: Args) -> Json:
    """The next operation, that its author's device has signed whether the rules allow it or not."""
    me = await author._context.write(settings.me)
    assert me is not None
    pin = await author._context.write(lambda tx: peers.pin_of(peers.by_account(tx, me.account)))
    assert pin is not None
    return signed_by(own_device(me), pin.newest.hash, relay.groups.only.state, args)


def signed_by(author: OwnDevice, list_hash: bytes, state: GroupState, args: Args) -> Json:
    operation = sign_operation(author, list_hash, state.group, state.index + 1, state.hash, args, time=state.time)
    return {"payload": b64(operation.payload), "signature": b64(operation.signature)}


async def tell(client: Client, relay: Relay, to: str, *, gsh: bytes, group: bytes | None = None) -> None:
    """A sender key that names a state, and perhaps a group chat, that nobody knows."""
    device = UUID(relay.listed(account(relay, to))[0]).bytes

    def work(tx: Transaction) -> None:
        state = relay.groups.only.state
        gid = GroupId(ConversationId(group or state.group))
        chain = OwnChain.begin(replace(state, group=gid, hash=gsh), now=1, entropy=SYSTEM)
        owner = account_id(relay, to)
        key = peers.signing_key(tx, owner, device)
        sealer = GroupSealer(tx, require_me(tx), now=client._context.clock.now(), entropy=SYSTEM)
        sealer.tell(groups.get(tx, gid) or Group(gid), chain, [Recipient(owner, DeviceId(device), key)])

    await client._context.write(work)


async def refuses(client: Client, relay: Relay, why: str, *, name: str = "#Friends") -> None:
    """The client sends nothing to the group chat, says why, and keeps what was written."""
    sent = len(relay.bodies("device-messages")), len(relay.answers)
    waiting = await client.waiting()
    with pytest.raises(KeysRefused, match=why):
        await client.send(name, "for friends only")
    assert (len(relay.bodies("device-messages")), len(relay.answers)) == sent
    assert await client.waiting() == waiting + 1


def no_list_of(name: str) -> str:
    """Why an operation of theirs does not count."""
    return f"no list of {name}'s that counts here"


async def give_up_the_terminal(alice: Client, open_client: Open) -> Client:
    """Alice's first device is stolen: her laptop, which holds the account key, too, takes a new identity."""
    laptop = await second_device(open_client, alice, "laptop", managing=True)
    await settle(laptop, alice)
    await laptop.remove_device("Terminal", new_identity=True)
    return laptop


async def sees_a_change(client: Client, of: str, group: str = "#Friends") -> None:
    """What was written waits."""
    await client.sync()
    with pytest.raises((IdentityHasChanged, KeysRefused), match=f"{of}'s identity has changed"):
        await client.send(group, "who are you")


@dataclass
class MadeUp:
    """An identity that the server has made up for somebody's account."""

    own: keys.OwnDevice
    newest: DeviceList

    def signs(self, relay: Relay, args: Args) -> None:
        signed = signed_by(self.own, self.newest.hash, relay.groups.only.state, args)
        relay.groups.only.operations.append(signed)


def make_up(relay: Relay, name: str) -> MadeUp:
    account_key = keys.generate_account_key()
    own = keys.OwnDevice.generate(account_id(relay, name), DeviceId(secrets.token_bytes(16)), account_key.public)
    newest = sign_list(account_key, own.account, [listed(own, added=1)], previous=None, now=1)
    relay.ended[account(relay, name)].append(as_json(newest.signed))
    return MadeUp(own, newest)


def as_json(signed: bytes) -> Json:
    payload, signature = (form.any_octets(one) for one in form.array(cbor.decode(signed), 2))
    return {"payload": b64(payload), "signature": b64(signature)}


async def lose_everything(open_client: Open, name: str) -> Client:
    """Sign in on an empty device, and take a new identity, as nobody is left to approve it."""
    client = await open_client(f"{name} anew")
    with pytest.raises(LinkingNeeded):
        await client.login(name, PASSWORD, device="new phone")
    await client.reset_identity()
    return client
