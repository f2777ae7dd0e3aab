"""Which server, and where its pages are: as the wandb client has it."""

from __future__ import annotations

from pathlib import Path

import click
import pytest
import wandb
from wandb import util

from metasweep.client.account import page_address, resolve


@pytest.mark.skipif(not hasattr(util, "api_to_app_url"), reason="an older client has another function")
@pytest.mark.parametrize(
    "url",
    [
        "https://api.forge.coreweave.com",
        "https://api.wandb.example.org",
        "https://api.example.org",
        "https://wandb.example.org",
        "http://127.0.0.1:8080",
    ],
)
def test_a_page_is_where_the_client_says(url: str) -> None:
    assert page_address(url, "me", "a/b") == f"{util.api_to_app_url(url)}/me/a%2Fb"


def test_the_cloud_is_where_the_client_looks_for_it(tmp_path: Path) -> None:
    environ = {"WANDB_CONFIG_DIR": str(tmp_path), "WANDB_API_KEY": "k" * 40}
    assert resolve(environ, tmp_path).base_url == wandb.Settings().base_url


def test_a_server_that_an_earlier_login_made_the_default_is_named_as_such(tmp_path: Path) -> None:
    """`wandb login --host` and `wandb verify --host` leave it in wandb's settings, for all later commands."""
    folder = tmp_path / "settings-of-wandb"
    folder.mkdir()
    (folder / "settings").write_text("[default]\nbase_url = http://127.0.0.1:8080\n")
    environ = {"WANDB_CONFIG_DIR": str(folder), "NETRC": str(tmp_path / "netrc")}
    with pytest.raises(click.ClickException, match=r"8080 \(.*`wandb login --cloud` goes back.*\): run"):
        resolve(environ, tmp_path)
    with pytest.raises(click.ClickException, match=r"no API key for http://127.0.0.1:8080: run"):
        resolve(environ | {"WANDB_BASE_URL": "http://127.0.0.1:8080"}, tmp_path)
