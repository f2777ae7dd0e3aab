"""`--copy-to DIR`: work from a copy of the Python environment on a local disk, made once per node.

Importing torch and wandb takes 50,000 look-ups and opens 4,500 files. A hundred agents that start together
make the shared storage of a cluster slow for everyone. Agents that use the copy read the disk of their own
node.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import sys
import sysconfig
from pathlib import Path

import click

VARIABLE = "METASWEEP_COPIED_FROM"
"""Names the original environment. It is set for an agent that works from a copy."""


def work_from_copy(folder: Path) -> None:
    """Make the copy if there is none, and start this command again in it.

    Return if this process is in the copy.

    Raises: click.UsageError if there is no environment to copy, click.ClickException if copying fails.
    """
    if VARIABLE in os.environ:
        return
    if sys.prefix == sys.base_prefix:
        raise click.UsageError(
            f"--copy-to: {sys.executable} is not in a virtual environment, which alone can be copied"
        )
    try:
        copy = make(Path(sys.prefix), folder)
    except (OSError, shutil.Error) as error:
        raise click.ClickException(f"--copy-to {folder}: the copy cannot be made there: {error}") from error
    path = os.pathsep.join([str(copy / "bin"), os.environ.get("PATH", os.defpath)])
    environ = os.environ | {VARIABLE: sys.prefix, "VIRTUAL_ENV": str(copy), "PATH": path}
    os.execve(copy / "bin" / "python", ["python", *sys.orig_argv[1:]], environ)


def make(environment: Path, folder: Path) -> Path:
    """Return the copy of an environment in a folder. The first agent of a node makes it; the others wait."""
    folder.mkdir(parents=True, exist_ok=True)
    copy = folder.resolve() / f"environment-{version_of(environment)}"
    with (folder / ".environment.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not copy.exists():
            draft = copy.with_suffix(".draft")
            shutil.rmtree(draft, ignore_errors=True)  # an agent was killed while it copied
            shutil.copytree(environment, draft, symlinks=True, ignore=shutil.ignore_patterns("include"))
            draft.rename(copy)
    return copy


def version_of(environment: Path) -> str:
    """Return a name that changes whenever a package of the environment is installed or removed."""
    packages = Path(sysconfig.get_path("purelib"))
    state = f"{environment} {packages.stat().st_mtime_ns}"
    return hashlib.sha256(state.encode()).hexdigest()[:12]
