"""Environments of wandb clients: `python -m tests.clients.environments newest|all` makes them.

They are in .venv-clients/VERSION. If one cannot be made, this is printed, and the tests skip it.
"""

import json
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

FOLDER = Path(__file__).parents[2] / ".venv-clients"
NEWEST = FOLDER / "newest"
MATRIX = ("0.19.0", "0.19.11", "0.20.1", "0.21.4", "0.22.3", "0.24.2", "0.26.1", "0.28.2", "0.30.0")
INSTALLED = version("wandb")
PIP = (sys.executable, "-m", "pip", "--disable-pip-version-check", "--retries", "1", "--timeout", "10")


def python_of(client: str) -> Path:
    """The interpreter that has this version of the client."""
    return Path(sys.executable) if client == INSTALLED else FOLDER / client / "bin" / "python"


def newest() -> str | None:
    """Return the newest release on the index at the last look; None if that was never looked up."""
    return NEWEST.read_text().strip() if NEWEST.exists() else None


def look_up_newest() -> None:
    """Ask the index for the newest release."""
    command = [
        *PIP,
        "install",
        "--quiet",
        "--dry-run",
        "--no-deps",
        "--ignore-installed",
        "--report",
        "-",
        "wandb",
    ]
    found = subprocess.run(command, capture_output=True, text=True, check=True)
    NEWEST.write_text(json.loads(found.stdout)["install"][0]["metadata"]["version"] + "\n")


def make(client: str) -> None:
    """An environment with that version, unless it is there."""
    folder = FOLDER / client
    ready = folder / ".ready"
    if client == INSTALLED or ready.exists():
        return
    print(f"installing wandb {client} in {folder.relative_to(FOLDER.parent)}")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", "--clear", folder], check=True)
    install = ["--python", python_of(client), "install", "--quiet", f"wandb=={client}"]
    subprocess.run([*PIP, *install], capture_output=True, text=True, check=True)
    ready.touch()


def main(which: str) -> None:
    """Make all environments that can be made, and name the others."""
    FOLDER.mkdir(exist_ok=True)
    try:
        look_up_newest()
    except subprocess.CalledProcessError as error:
        print(f"the newest wandb cannot be looked up ({last_line(error)}): it is not tested")
    for client in dict.fromkeys([*(MATRIX if which == "all" else ()), newest() or INSTALLED]):
        try:
            make(client)
        except subprocess.CalledProcessError as error:
            print(f"wandb {client} cannot be had here ({last_line(error)}): it is not tested")


def last_line(error: subprocess.CalledProcessError) -> str:
    """The last line that a command wrote before it failed."""
    return ((error.stderr or "").strip().splitlines() or [str(error)])[-1]


if __name__ == "__main__":
    main(sys.argv[1])
