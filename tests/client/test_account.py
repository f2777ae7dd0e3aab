"""Which server, and where its pages are: as the wandb client has it."""

from __future__ import annotations

import pytest
from wandb import util

from metasweep.client.account import page_address


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
