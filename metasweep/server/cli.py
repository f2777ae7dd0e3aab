"""`metasweep server [COMMAND]`; without a command: serve."""

import click

from metasweep.server.commands.backup import backup
from metasweep.server.commands.keys import key
from metasweep.server.commands.running import env, start, stop
from metasweep.server.commands.serve import serve


class ServeByDefault(click.Group):
    """A command group whose command `serve` may be left out."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Put `serve` in front of its options."""
        if not args or (args[0].startswith("-") and args[0] not in ("-h", "--help")):
            args = ["serve", *args]
        return super().parse_args(ctx, args)


main = ServeByDefault(
    "server",
    commands=[serve, start, stop, env, backup, key],
    help="The embedded server: speaks the W&B protocol and keeps its state in one directory.",
    context_settings={"help_option_names": ["-h", "--help"]},
)
