"""The connection to the server that the environment names: W&B's cloud or the embedded server."""

from __future__ import annotations

import os
from pathlib import Path

os.environ.setdefault("WANDB_SILENT", "true")  # the client's greetings do not belong in our output
os.environ.setdefault("WANDB_ERROR_REPORTING", "false")  # two requests of the client about itself
# The longest wait between its retries, in seconds, after 429, 5xx and lost connections. With its own 60 there
# are only a few retries.
os.environ.setdefault("WANDB_X_GRAPHQL_RETRY_WAIT_MAX_SECONDS", "5")

import click
import requests
import wandb
from wandb.errors import AuthenticationError, UsageError

from metasweep.client import embedded
from metasweep.client.account import LOGIN, Account, refused, resolve
from metasweep.client.protocol import Client
from metasweep.report.base.errors import AnalysisError

PATIENCE = 60  # seconds for one call with its retries


def use_local_server(server_dir: Path) -> None:
    """Point this process at the embedded server of a folder. Raises: click.ClickException, if none runs."""
    os.environ.update(embedded.variables(server_dir))


def connect() -> wandb.Api:
    """A client of the server that the environment (or `wandb login`) names, its key checked.

    Raises: click.ClickException, if there is no key, no server, or if it refuses the key.
    """
    account = resolve(os.environ, Path.cwd(), f"{LOGIN}, or use --local")
    check_answers(account.base_url)
    patience = int(os.environ.get("WANDB_HTTP_TIMEOUT", PATIENCE))
    try:
        return wandb.Api({"base_url": account.base_url}, timeout=patience, api_key=account.api_key)
    except (AuthenticationError, UsageError) as error:
        raise AnalysisError(refused(account.base_url, account.key_from)) from error


def check_answers(url: str) -> None:
    """Raise AnalysisError if no server is there: the client would ask again for many minutes."""
    try:
        requests.get(url, timeout=10)
    except requests.exceptions.SSLError as error:
        raise AnalysisError(f"{url} does not answer (its certificate was not accepted)") from error
    except requests.RequestException as error:
        raise AnalysisError(
            f"{url} does not answer: check WANDB_BASE_URL, or use --local for the embedded server"
        ) from error


def beside(api: wandb.Api) -> Client:
    """A client of ours for the same account, which says when it waits for a rate limit."""
    client = Client(Account(api.settings["base_url"], api.api_key))
    client.throttle.say = lambda seconds: click.echo(
        f"W&B is throttling this account: waiting {seconds:.0f} s", err=True
    )
    return client
