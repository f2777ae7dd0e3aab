"""How jobs find the server's key. It cannot be passed to `qsub`, because everyone can read what is passed."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import click

from metasweep.client.account import Account, resolve


def check_key(base_url: str, key_file: Path | None, environ: Mapping[str, str]) -> Account:
    """Return the server and the key that a job will find.

    Raises click.ClickException if it will find no key.
    """
    seen = {name: value for name, value in environ.items() if name != "WANDB_API_KEY"}
    if base_url:
        seen["WANDB_BASE_URL"] = base_url
    if key_file:
        seen["WANDB_API_KEY"] = read_key(key_file)
    try:
        account = resolve(seen, Path.cwd())
        return replace(account, key_from=str(key_file)) if key_file else account
    except click.ClickException as error:
        if "WANDB_API_KEY" not in environ:
            raise click.ClickException(
                f"{error.message.split(': ')[0]}: run `wandb login`, or use --key-file"
            ) from error
        raise click.ClickException(
            "WANDB_API_KEY cannot be passed to a job, since everyone can read what qsub is given: "
            "run `wandb login`, or put the key into a file that only you can read and use --key-file"
        ) from error


def read_key(path: Path) -> str:
    """Return the key in a file. Raises click.ClickException if the file is missing or others can read it."""
    try:
        if path.stat().st_mode & 0o077:
            raise click.ClickException(
                f"Others may read the key in {path}: chmod 600 {shlex.quote(str(path))}"
            )
        key = path.read_text("utf-8").strip()
    except OSError as error:
        raise click.ClickException(f"Cannot read the key: {error}") from error
    if not key:
        raise click.ClickException(f"There is no key in {path}")
    return key
