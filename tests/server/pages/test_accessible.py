"""axe-core finds nothing on any page, light or dark, wide or narrow."""

from __future__ import annotations

import pytest

from tests.page.conftest import expect
from tests.server.pages.conftest import SIGN_IN, Lab, sign_in

sync_playwright = pytest.importorskip("axe_playwright_python.sync_playwright")
SWEEP = """
program: train.py
method: grid
metric: {name: val/acc, goal: maximize}
parameters:
  lr: {values: [0.1, 0.01, 0.001]}
  seed: {values: [1, 2, 3]}
"""
CHARTS = "charts=line%7Closs%7C_step%7C,scatter%7Cval%252Facc%7Clr,best%7Cval%252Facc"


@pytest.fixture
def addresses(lab: Lab) -> list[str]:
    """Every kind of page, with something on it."""
    sweep = lab.sweep(SWEEP)
    agent = lab.agent(sweep)
    weights = {"_type": "histogram", "bins": [0, 1, 2], "values": [3, 4]}
    for number in range(10):
        run = lab.claim(agent)["run_id"]
        lines = [
            {"loss": 1 / (step + 1), "train/x": "NaN" if step == 2 else step, "weights": weights}
            for step in range(5)
        ]
        lab.log(run, lines, {"val/acc": 0.99 - number / 100 if number else 0.1})
        lab.end(run, int(number == 4))
    other = lab.sweep(SWEEP)["name"]
    return [
        lab.server.url + "/",
        lab.address(),
        f"{lab.address('sweeps', sweep['name'])}?against={other}",
        f"{lab.address('sweeps', sweep['name'])}?{CHARTS}&filter=lr%3D0.1+or+lr%3D0.01&group=lr",
        lab.address("runs", run),
        lab.address("runs", "none"),
    ]


@pytest.mark.parametrize(("scheme", "width"), [("light", 1280), ("dark", 360)])
def test_axe_finds_nothing(lab: Lab, addresses: list[str], open_tab, scheme: str, width: int) -> None:
    axe = sync_playwright.Axe()
    view = open_tab(f"{lab.server.url}/sign-in", signed_in=False, color_scheme=scheme)
    view.tab.set_viewport_size({"width": width, "height": 800})
    found = [("sign-in", axe.run(view.tab))]
    sign_in(view, lab.server.key)
    expect(view.tab).not_to_have_url(SIGN_IN)
    for address in addresses:
        view.tab.goto(address)
        view.tab.locator("h1").wait_for()
        if "/sweeps/" in address:  # the report has spoken
            view.tab.get_by_text("Findings so far").wait_for(state="attached")
            view.tab.locator(".warnings li").first.wait_for(state="attached")
        if "against" in address:  # the other sweep has been fetched
            view.tab.get_by_role("dialog").get_by_role("heading", name="Reached").wait_for()
        if CHARTS in address:  # the lines have been fetched
            lines = view.tab.get_by_role("img", name="loss over step").locator(".run-line")
            lines.first.wait_for(state="attached")
        view.settle()
        assert view.tab.evaluate("document.documentElement.scrollWidth") == width, address
        found.append((address, axe.run(view.tab)))
    wrong = [
        (address.rpartition("/")[2], problem["id"], [node["html"][:160] for node in problem["nodes"][:3]])
        for address, results in found
        for problem in results.response["violations"]
    ]
    assert wrong == []
