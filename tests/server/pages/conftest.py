"""A browser in front of a real server, and runs that need no client to be there."""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pytest
import requests

from tests.conftest import ServerProcess
from tests.page.conftest import View, expect
from tests.server.protocol import Client

SIGN_IN = re.compile("/sign-in")


@pytest.fixture
def open_tab(browser, server: ServerProcess) -> Iterator:
    """Opens an address of the server, signed in unless told otherwise."""
    contexts = []

    def open_address(address: str, signed_in: bool = True, **options) -> View:
        # Without smooth scrolling, so that nothing moves while it is being clicked.
        options = {"viewport": {"width": 1280, "height": 900}, "reduced_motion": "reduce", **options}
        context = browser.new_context(**options)
        contexts.append(context)
        view = View(context.new_page())
        view.tab.goto(address)
        if signed_in:
            sign_in(view, server.key)
            expect(view.tab).not_to_have_url(SIGN_IN)
            view.loaded()
        return view

    yield open_address
    for context in contexts:
        context.close()


def sign_in(view: View, key: str) -> None:
    view.tab.get_by_label("Key of this server").fill(key)
    view.tab.get_by_role("button", name="Sign in").click()


def signed_in(server: ServerProcess) -> requests.Session:
    """A browser's session without a browser."""
    session = requests.Session()
    answer = session.post(
        f"{server.url}/sign-in", data={"key": server.key}, allow_redirects=False, timeout=30
    )
    assert answer.status_code == 303
    return session


class Lab(Client):
    """A project that is filled through the protocol, line by line or many runs at once."""

    def address(self, *parts: str) -> str:
        """The address of a page below the project."""
        return "/".join([self.server.url, self.entity, self.project, *parts])

    def log(
        self, run: str, lines: Sequence[Mapping[str, Any]], summary: Mapping[str, Any] | None = None
    ) -> None:
        """The whole history of a run; NaN and infinities as the client writes them."""
        texts = [json.dumps({"_step": step, **line}) for step, line in enumerate(lines)]
        files = {"wandb-history.jsonl": {"offset": 0, "content": texts}}
        if summary is not None:
            files["wandb-summary.json"] = {"offset": 0, "content": [json.dumps(summary)]}
        self.stream(run, {"files": files})

    def row(self, run: str) -> dict[str, Any]:
        """The row of a run as the database holds it."""
        with sqlite3.connect(self.server.data_dir / "metasweep.db") as connection:
            connection.row_factory = sqlite3.Row
            return dict(connection.execute("SELECT * FROM runs WHERE name = ?", (run,)).fetchone())

    def fill(self, runs: Sequence[Mapping[str, Any]]) -> None:
        """Many finished runs at once, with `config` and `summary`, written where the server keeps them."""
        self.start_run("first")
        with sqlite3.connect(self.server.data_dir / "metasweep.db", timeout=30) as connection:
            found = connection.execute("SELECT id FROM projects WHERE name = ?", (self.project,))
            (project,) = found.fetchone()
            connection.execute("DELETE FROM runs WHERE name = 'first'")
            rows = [
                (
                    project,
                    f"r{index:05d}",
                    f"run {index}",
                    run.get("state", "finished"),
                    json.dumps({name: {"value": value} for name, value in run["config"].items()}),
                    json.dumps(run["summary"]),
                )
                for index, run in enumerate(runs)
            ]
            connection.executemany(
                "INSERT INTO runs (project_id, name, display_name, state, config, summary, username,"
                " created_at, updated_at, heartbeat_at) VALUES (?, ?, ?, ?, ?, ?, 'x',"
                " '2026-01-01T00:00:00Z', '2026-01-01T00:00:00Z', '2026-01-01T00:00:00Z')",
                rows,
            )


@pytest.fixture
def lab(server: ServerProcess, request: pytest.FixtureRequest) -> Lab:
    """An empty project of the test's own."""
    return Lab(server, request.node.name.replace("[", "-").replace("]", "")[:60])
