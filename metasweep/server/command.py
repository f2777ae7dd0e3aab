"""`metasweep server [COMMAND]`: without a command, serve."""

import click

from metasweep.server.access.key_commands import key
from metasweep.server.cli import main


class ServeByDefault(click.Group):
    """A group whose command `serve` need not be named."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Put `serve` in front of what names no command."""
        if not args or args[0] not in (*self.commands, "-h", "--help"):
            args = ["serve", *args]
        return super().parse_args(ctx, args)


server = ServeByDefault(
    "server", commands=[*main.commands.values(), key], help=main.help, context_settings=main.context_settings
)
