"""The verbs of one's own account."""

from __future__ import annotations

from typing import Annotated

import typer

from ..client import Account
from ..client.account import DEVICE_NAME
from ..errors import SignInNeeded
from .verb import Terminal, verb

DeviceName = Annotated[str, typer.Option("--device", metavar="NAME", help="What your list of devices calls this one.")]


def add_to(app: typer.Typer) -> None:
    @verb(app)
    async def register(
        terminal: Terminal,
        username: Annotated[str, typer.Argument(help="How others will find you. It is yours for ever.")],
        email: Annotated[str, typer.Option("--email", metavar="ADDRESS", help="For news about your account.")],
        device: DeviceName = DEVICE_NAME,
    ) -> None:
        """Make an account, and its keys on this device.

        The password is asked for, or taken from MESSENGER_PASSWORD.
        """
        async with terminal.client() as client:
            account = await client.register(username, email, terminal.password(new=True), device=device)
            print_account(
                terminal, account, f"Welcome, {account.username}. Write to somebody: messenger send NAME TEXT"
            )

    @verb(app)
    async def login(
        terminal: Terminal,
        username: Annotated[str, typer.Argument(help="Your username or e-mail address.")],
        device: DeviceName = DEVICE_NAME,
    ) -> None:
        """Sign in again on this device, or on a new one.

        Where the account has a device already, `messenger link` follows; the exit status is 3 until then.
        """
        async with terminal.client() as client:
            account = await client.login(username, terminal.password(new=False), device=device)
            print_account(terminal, account, f"Signed in as {account.username}.")

    @verb(app)
    async def logout(terminal: Terminal) -> None:
        """End this device's session. Keys and conversations stay here for the next login."""
        async with terminal.client() as client:
            await client.logout()
            terminal.output.result({"type": "signed_out"}, "Signed out.")

    @verb(app)
    async def whoami(terminal: Terminal) -> None:
        """Say whose profile this is."""
        async with terminal.client() as client:
            account = await client.account()
            if account is None:
                raise SignInNeeded("Nobody is signed in here: start with `messenger register NAME --email E`.")
            print_account(terminal, account, f"{account.username} at {account.server}\ndevice {account.device}")


def print_account(terminal: Terminal, account: Account, line: str) -> None:
    terminal.output.result(
        {
            "type": "account",
            "username": account.username,
            "account": account.account,
            "device": account.device,
            "server": account.server,
        },
        line,
    )
