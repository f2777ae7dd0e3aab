"""`python -m metacentrum setup`: the environment and the data of the study, made in a job."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from metasweep.cluster.options import interval_option, read_target, site_options
from metasweep.cluster.submitting.cli import try_out
from metasweep.cluster.submitting.launch import at_most, make_request

BODY = Path(__file__).with_name("environment.sh")
SECONDS = 3600
NEEDS: dict[str, Any] = {"cpus": 2, "mem": "8gb", "scratch": "20gb"}


@click.command()
@interval_option
@site_options
def setup(interval: float, **options: Any) -> None:
    """Make the environment and fetch the data, once, in a job."""
    target = read_target(options)
    request = make_request(target, name="setup", walltime=at_most(target, SECONDS), **NEEDS)
    try_out(target, BODY, request, interval)
