"""`python3 -m metacentrum`: the cluster commands for the study, with its site, agent and report.

`setup` also works on a frontend with nothing but Debian's Python. It makes the environment in which the other
commands then run, whichever Python starts them.
"""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PYTHON = ROOT / ".venv" / "bin" / "python"


def main() -> None:
    """Run the command line, in the project's environment if this Python lacks the dependencies."""
    if find_spec("click") and find_spec("requests"):
        run()
    elif PYTHON.exists():
        os.execv(PYTHON, [str(PYTHON), "-m", "metacentrum", *sys.argv[1:]])
    elif sys.argv[1:] == ["setup"]:
        sys.exit(submit_setup())
    else:
        sys.exit("Error: there is no environment yet; make it first: python3 -m metacentrum setup")


def run() -> None:
    """Run the command line."""
    from metacentrum.setup import setup
    from metasweep.cluster.cli import call, cli
    from metasweep.cluster.project import Project

    study = Project(
        folder=ROOT,
        agent="agent.py",
        report="-m analysis",
        command="python3 -m metacentrum",
        jobs="status",
        venv=ROOT / ".venv",
        site=ROOT / "metacentrum" / "site.yaml",
    )
    cli.add_command(setup)
    call(cli, study)


def submit_setup() -> int:
    """Submit the job that makes the environment; return the exit status.

    Only Python's standard library is used.
    """
    log = ROOT / "logs" / "setup.log"
    log.parent.mkdir(exist_ok=True)
    command = ["qsub", "-o", str(log), "metacentrum/setup.sh"]
    try:
        done = subprocess.run(command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
    except FileNotFoundError:
        print("Error: No qsub here: run this on a frontend of the cluster", file=sys.stderr)
        return 1
    if done.returncode:
        return 1  # qsub has printed the reason
    print(f"Submitted {done.stdout.strip()}, which makes the environment and fetches the data.")
    print(f"It writes to {log}. When it has ended:")
    print("  .venv/bin/wandb login")
    print("  python3 -m metacentrum hello")
    return 0


if __name__ == "__main__":
    main()
