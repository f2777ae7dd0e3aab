"""The command `metasweep`. Each subcommand is imported only when it is called."""

from __future__ import annotations

from difflib import get_close_matches
from importlib import import_module

import click

# name -> the module of the command, and its line in `metasweep --help`; importing one takes up to a second
COMMANDS = {
    "agent": ("metasweep.agent.cli:main", "Work on a sweep: claim its points, run them, report."),
    "check": ("metasweep.agent.check:main", "Try a sweep's first point, alone and by the agent."),
    "server": ("metasweep.server.cli:main", "The embedded server: start, stop, env, backup, keys."),
    "status": ("metasweep.report.cli:status", "Whether every grid point is finished exactly once."),
    "table": ("metasweep.report.cli:table", "The best configurations, with intervals over their seeds."),
    "report": ("metasweep.report.cli:report", "The whole report in one folder, with a README.md."),
    "section": ("metasweep.report.cli:section", "One section of the report, its words and tables."),
    "charts": ("metasweep.report.cli:charts", "The figures, as SVG in light and dark and as PNG."),
    "importance": ("metasweep.report.cli:importance", "How much each hyper-parameter explains."),
    "export": ("metasweep.report.cli:export", "Runs and histories as Parquet and CSV."),
    "publish": ("metasweep.report.cli:publish", "The report as a W&B Report."),
    "push": ("metasweep.transfer.cli:push", "Copy a sweep from the embedded server to W&B's cloud."),
    "pull": ("metasweep.transfer.cli:pull", "Copy a sweep from W&B's cloud to the embedded server."),
    "hello": ("metasweep.cluster.cli:hello", "Submit a tiny test job, and show what it found."),
    "submit": ("metasweep.cluster.cli:submit", "Submit agents for a sweep as jobs of a cluster."),
    "jobs": ("metasweep.cluster.cli:status", "The jobs, their agents and the sweep's points."),
    "logs": ("metasweep.cluster.cli:logs", "The output of the jobs."),
    "cancel": ("metasweep.cluster.cli:cancel", "End the jobs; their points are offered again."),
}


class LazyGroup(click.Group):
    """A group that imports a command only when it is needed."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        """Return the names, in the order in which people use them."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """Import the command of this name."""
        if cmd_name not in COMMANDS:
            return None
        module, _, name = COMMANDS[cmd_name][0].partition(":")
        command: click.Command = getattr(import_module(module), name)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command. For a wrong name, suggest similar ones."""
        near = get_close_matches(args[0], COMMANDS)
        if args[0] not in COMMANDS and near:
            ctx.fail(f"No such command {args[0]!r}. Did you mean {' or '.join(near)}?")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """List the commands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in COMMANDS.items()])


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="metasweep")
def main() -> None:
    """Hyper-parameter search for batch clusters, driven by Weights & Biases Sweeps."""
