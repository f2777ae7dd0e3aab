"""serve: the server in the foreground."""

from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import click

from metasweep.client.account import is_address
from metasweep.server.commands.options import cannot_write, data_dir_option, host_option

PORT = 8080
FILE = click.Path(path_type=Path, exists=True, dir_okay=False)


def check_url(_context: click.Context, _parameter: click.Parameter, text: str | None) -> str | None:
    """Read the value of --url."""
    if text is None:
        return None
    if not is_address(text):
        raise click.UsageError("--url must begin with http:// or https:// and a host")
    found = urlsplit(text)
    if found.path.strip("/") or found.query or found.fragment:  # uploads and links would not have that path
        raise click.UsageError(
            "--url: no path after the host: give the server a host name or a port of its own"
        )
    return text.rstrip("/")


@click.command()
@host_option
@click.option(
    "--port", default=PORT, show_default=True, type=click.IntRange(0, 65535), help="0: any free port."
)
@click.option("--or-any-port", is_flag=True, help="Listen on any free port when --port is taken.")
@data_dir_option
@click.option(
    "--lease",
    default=300.0,
    show_default=True,
    type=click.FloatRange(min=1),
    help="Seconds without a heartbeat after which a run has crashed.",
)
@click.option(
    "--max-attempts",
    default=3,
    show_default=True,
    type=click.IntRange(min=1),
    help="Attempts at a point of a sweep; after that many failures it is not offered again.",
)
@click.option("--certfile", type=FILE, help="Certificate chain, PEM: serve HTTPS.")
@click.option("--keyfile", type=FILE, help="The private key, if the certificate's file does not hold it.")
@click.option(
    "--behind-proxy",
    is_flag=True,
    help="Trust X-Forwarded-Proto and X-Forwarded-Host; only behind a proxy that sets them.",
)
@click.option(
    "--url",
    callback=check_url,
    help="The address that `env` prints, if clients use another one than HOST:PORT.",
)
def serve(data_dir: Path, lease: float, max_attempts: int, **front: Any) -> None:
    """Serve until told to stop."""
    from metasweep.server.serving import Front, serve_forever  # slow to import, and only needed here

    if front["keyfile"] and not front["certfile"]:
        raise click.UsageError("--keyfile goes with --certfile")
    try:
        serve_forever(Front(**front), data_dir, lease, max_attempts)
    except OSError as error:
        raise cannot_write(data_dir, error) from error
