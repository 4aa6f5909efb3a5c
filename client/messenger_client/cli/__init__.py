"""The command `messenger`. Words and exit codes are here; what they are about is in `client`."""

from __future__ import annotations

import typer

from . import account, devices, groups, open_chats, people, talking
from .output import take_any_character
from .verb import JsonOption, ProfileOption, ServerOption, Shared

HELP = """A messenger whose server cannot read along.

Start with `messenger register NAME --email E`, then `messenger send NAME TEXT`, `messenger listen`, or
`messenger chat NAME`. Keys and conversations are in a profile on this machine, sealed; the options below
may stand before or after the verb.
"""

app = typer.Typer(help=HELP, no_args_is_help=True, pretty_exceptions_enable=False, rich_markup_mode=None)


@app.callback()
def _options(
    ctx: typer.Context, profile: ProfileOption = None, server: ServerOption = None, as_json: JsonOption = False
) -> None:
    ctx.obj = Shared(profile, server, as_json)


account.add_to(app)
talking.add_to(app)
people.add_to(app)
groups.add_to(app)
open_chats.add_to(app)
devices.add_to(app)


def main() -> None:
    """Run the command line."""
    take_any_character()
    app(prog_name="messenger")
