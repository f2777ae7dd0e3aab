"""`python -m metacentrum`: the cluster commands for the study, with its site, agent and report."""

from __future__ import annotations

from pathlib import Path

from metacentrum.setup import setup
from metasweep.cluster.cli import call, cli
from metasweep.cluster.project import Project

ROOT = Path(__file__).resolve().parents[1]
STUDY = Project(
    folder=ROOT,
    agent="agent.py",
    report="-m analysis",
    command="python -m metacentrum",
    jobs="status",
    venv=ROOT / ".venv",
    site=ROOT / "metacentrum" / "site.yaml",
)


def main() -> None:
    """Run the command line."""
    cli.add_command(setup)
    call(cli, STUDY)


if __name__ == "__main__":
    main()
