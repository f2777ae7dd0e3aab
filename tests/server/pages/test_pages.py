"""The pages behind the links that the client prints, in a headless Chromium, with a real sweep."""

from __future__ import annotations

import re
import subprocess
import sys
import textwrap
from dataclasses import dataclass

import pytest
import requests

from tests.conftest import ServerProcess, make_server
from tests.page.conftest import View, expect
from tests.server.pages.conftest import SIGN_IN, sign_in, signed_in
from tests.server.protocol import Client
from tests.waiting import wait_until

HOSTILE = "<img src=x onerror=alert(1)>"
PROGRAM = """
import sys, numpy, wandb
with wandb.init(notes="HOSTILE") as run:
    print("begins with", run.config.lr, "HOSTILE")
    if run.config.lr == 0.001:
        raise ValueError("the loss is not a number")
    for epoch in range(1, 4):
        run.log({"train/loss": 1 / epoch, "val/acc": 1 - run.config.lr / epoch, "epoch": epoch})
    picture = numpy.zeros((8, 8, 3), dtype=numpy.uint8)
    run.log({
        "picture": wandb.Image(picture, caption="HOSTILE"),
        "document": wandb.Html(
            "<h1>inside</h1><script>parent.document.title = 'broken in'</script>", inject=False
        ),
        "table": wandb.Table(columns=["digit", "HOSTILE"], data=[[7, "HOSTILE"]]),
    })
    run.summary["HOSTILE"] = "HOSTILE"
""".replace("HOSTILE", HOSTILE)
SWEEP = f"""
program: program.py
method: grid
name: "{HOSTILE}"
metric: {{name: val/acc, goal: maximize}}
parameters:
  lr: {{values: [0.1, 0.001]}}
  note: {{value: "{HOSTILE}"}}
"""


@dataclass
class Finished:
    """A sweep that the stock client has run, and the addresses that it printed."""

    server: ServerProcess
    links: set[str]

    def link(self, part: str) -> str:
        """The first printed address with this in it."""
        return next(link for link in sorted(self.links) if part in link)


@pytest.fixture(scope="module")
def sweep(server: ServerProcess) -> Finished:
    (server.home / "program.py").write_text(textwrap.dedent(PROGRAM))
    (server.home / "sweep.yaml").write_text(SWEEP)
    made = server.run("wandb", "sweep", "--project", "pages", "sweep.yaml", WANDB_SILENT="false")
    path = made.stderr.split("wandb agent ")[1].split()[0]
    agent = server.run("wandb", "agent", "--count", "2", path, WANDB_SILENT="false")
    printed = re.findall(rf"{re.escape(server.url)}/\S+", made.stderr + agent.stdout + agent.stderr)
    return Finished(server, {link.rstrip(".") for link in printed})


def test_every_printed_link_opens(sweep: Finished) -> None:
    kinds = {re.sub(r"[^/]+$", "", link.partition("/pages")[2]) for link in sweep.links}
    assert {"/sweeps/", "/runs/"} <= kinds
    session = signed_in(sweep.server)
    for link in sweep.links:
        page, data = session.get(link, timeout=30), session.get(f"{link}/data", timeout=30)
        assert (page.status_code, data.status_code) == (200, 200), link
        assert "text/html" in page.headers["Content-Type"]
        assert page.headers["X-Content-Type-Options"] == "nosniff"
        again = session.get(f"{link}/data", headers={"If-None-Match": data.headers["ETag"]}, timeout=30)
        assert (again.status_code, again.content) == (304, b"")
        assert data.headers["Content-Encoding"] == "gzip"


def test_nothing_without_signing_in(sweep: Finished) -> None:
    for link in [*sweep.links, f"{sweep.server.url}/", f"{sweep.server.url}/no/such"]:
        bare = requests.get(f"{link}/data", timeout=30)
        assert bare.status_code == 401
        page = requests.get(link, headers={"Accept": "text/html"}, allow_redirects=False, timeout=30)
        assert page.status_code == 303
        assert page.headers["Location"].startswith("/sign-in")
        assert page.content == b""
    forged = {"metasweep_session": f"9999999999.{'0' * 64}"}
    assert requests.get(f"{sweep.server.url}/data", cookies=forged, timeout=30).status_code == 401
    assert (
        requests.get(f"{sweep.server.url}/data", cookies={"metasweep_session": "ü"}, timeout=30).status_code
        == 401
    )


def test_a_session_writes_only_from_its_own_pages(sweep: Finished) -> None:
    session = signed_in(sweep.server)
    (cookie,) = session.cookies
    assert sweep.server.key not in (cookie.value or "")
    assert cookie.has_nonstandard_attr("HttpOnly")
    assert cookie.get_nonstandard_attr("SameSite") == "lax"
    assert cookie.expires
    query = {"query": "{ viewer { entity } }"}
    assert session.post(f"{sweep.server.url}/graphql", json=query, timeout=30).status_code == 401
    wrong = {"X-Metasweep-Write": "0" * 64}
    assert (
        session.post(f"{sweep.server.url}/graphql", json=query, headers=wrong, timeout=30).status_code == 401
    )
    shown = session.get(f"{sweep.server.url}/", timeout=30).text
    token = {"X-Metasweep-Write": re.search(r'"write":"(\w+)"', shown).group(1)}
    answer = session.post(f"{sweep.server.url}/graphql", json=query, headers=token, timeout=30)
    assert answer.status_code == 200
    foreign = token | {"Origin": "http://evil.example"}
    answer = session.post(f"{sweep.server.url}/graphql", json=query, headers=foreign, timeout=30)
    assert answer.status_code == 403
    bare = requests.post(f"{sweep.server.url}/graphql", json=query, headers=token, timeout=30)
    assert bare.status_code == 401
    session.post(f"{sweep.server.url}/sign-out", timeout=30)
    assert session.get(f"{sweep.server.url}/data", timeout=30).status_code == 401


@pytest.mark.parametrize(
    "target", ["//evil.example", "/\\evil.example", "https://evil.example", "/\t/evil.example"]
)
def test_signing_in_leads_nowhere_else(server: ServerProcess, target: str) -> None:
    fields = {"key": server.key, "next": target}
    answer = requests.post(f"{server.url}/sign-in", data=fields, allow_redirects=False, timeout=30)
    assert (answer.status_code, answer.headers["Location"]) == (303, "/")
    other = {"Origin": "http://evil.example"}
    answer = requests.post(
        f"{server.url}/sign-in", data=fields, headers=other, allow_redirects=False, timeout=30
    )
    assert (answer.status_code, "Set-Cookie" in answer.headers) == (403, False)


@pytest.mark.parametrize("options", [("--behind-proxy",), ()])
def test_the_cookie_stays_on_tls(options: tuple[str, ...]) -> None:
    for server in make_server(*options):
        for headers in ({"X-Forwarded-Proto": "https"}, {}):
            answer = requests.post(
                f"{server.url}/sign-in",
                data={"key": server.key},
                headers=headers,
                allow_redirects=False,
                timeout=30,
            )
            assert ("Secure" in answer.headers["Set-Cookie"]) is bool(options and headers)


def test_an_address_that_leads_nowhere(server: ServerProcess) -> None:
    session = signed_in(server)
    for path in ("/no/such/address/at/all", "/no/project", "/no/project/sweeps/x", "/no/project/runs/x"):
        answer = session.get(server.url + path, headers={"Accept": "text/html"}, timeout=30)
        assert answer.status_code == 404
        assert "<h1>Not found</h1>" in answer.text
        assert "default-src" in answer.text
    assert session.get(f"{server.url}/no/such/address/at/all", timeout=30).json()["error"]


def test_signing_in_leads_back(sweep: Finished, open_tab) -> None:
    link = sweep.link("/sweeps/")
    view = open_tab(link, signed_in=False)
    sign_in(view, "0" * 40)
    expect(view.tab.get_by_role("alert")).to_have_text("This is not the key of this server.")
    sign_in(view, sweep.server.key)
    expect(view.tab).to_have_url(link)
    view.tab.get_by_role("button", name="Sign out").click()
    expect(view.tab).to_have_url(SIGN_IN)


def test_sweep_page(sweep: Finished, open_tab) -> None:
    view = open_tab(sweep.link("/sweeps/"))
    assert view.selected() == 2
    expect(view.tab.locator("h1")).to_have_text(HOSTILE)
    expect(view.axis("lr")).to_have_count(1)
    expect(view.axis("val/acc")).to_have_count(1)
    expect(view.tab.locator(".progress-line")).to_contain_text("1 finished")
    expect(view.tab.locator(".highlights")).to_contain_text("96.67")
    assert view.problems == []


def test_run_page_runs_nothing_of_what_was_logged(sweep: Finished, open_tab) -> None:
    view = open_tab(next(link for link in sorted(sweep.links) if "/runs/" in link and is_first(sweep, link)))
    tab = view.tab
    frame = tab.frame_locator("iframe")
    expect(frame.locator("h1")).to_have_text("inside")
    assert tab.title() != "broken in"
    tab.get_by_role("cell", name=HOSTILE).wait_for()
    image = tab.locator(".image img")
    image.scroll_into_view_if_needed()
    expect(image).to_have_js_property("naturalWidth", 8)
    expect(tab.locator("img")).to_have_count(1)
    expect(tab.locator(".console")).to_contain_text(f"begins with 0.1 {HOSTILE}")
    expect(tab.locator(".subtitle")).to_have_text(HOSTILE)
    assert all(address.startswith(f"{sweep.server.url}/") for address in view.requests)
    expect(tab.locator(".chart-box h3", has_text="val/acc")).to_have_count(1)
    assert [problem for problem in view.problems if "sandboxed" not in problem] == []
    source = tab.locator("iframe").get_attribute("src")
    tab.goto(sweep.server.url + source)
    assert tab.evaluate("self.origin") == "null"
    assert tab.title() != "broken in"


def is_first(sweep: Finished, link: str) -> bool:
    """Whether the run at a link logged what the tests look for."""
    return bool(signed_in(sweep.server).get(f"{link}/data", timeout=30).json()["media"])


def test_a_failed_run_shows_why(sweep: Finished, open_tab) -> None:
    session = signed_in(sweep.server)
    runs = [link for link in sweep.links if "/runs/" in link]
    failed = next(
        link for link in runs if session.get(f"{link}/data", timeout=30).json()["state"] == "failed"
    )
    view = open_tab(failed)
    expect(view.tab.locator(".console")).to_contain_text("ValueError: the loss is not a number")
    expect(view.tab.locator(".title .state")).to_have_text("failed")
    assert view.problems == []


LIVE = """
import sys, wandb
with wandb.init(project="live", id="live1", name="a live run", config={"lr": 0.5}) as run:
    for line in sys.stdin:
        run.log({"val/acc": float(line)})
        print("logged", line.strip())
"""


def test_pages_follow_a_run(server: ServerProcess, open_tab) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", LIVE], cwd=server.home, env=server.env, stdin=subprocess.PIPE, text=True
    )
    assert process.stdin is not None
    try:
        process.stdin.write("0.5\n")
        process.stdin.flush()
        entity = Client(server).entity
        view = open_tab(f"{server.url}/{entity}/live/runs/live1")

        def has_begun() -> bool:  # until then the page says "Not found"
            view.reload()
            return view.tab.locator(".title .state-running").count() > 0

        wait_until(has_begun)
        project = view.tab.context.new_page()
        project.goto(f"{server.url}/{entity}/live")
        project.get_by_role("cell", name="running").wait_for()
        process.stdin.write("0.75\n")
        process.stdin.close()
        view.tab.locator(".readout", has_text="75.00").first.wait_for()
        view.tab.locator(".title .state-finished").wait_for()
        expect(view.tab.locator(".console")).to_contain_text("logged 0.75")
        project.get_by_role("cell", name="running").wait_for(state="hidden")
    finally:
        process.kill()
        process.wait()


def test_a_page_survives_a_restart(own_server: ServerProcess, browser) -> None:
    view = View(browser.new_page())
    try:
        view.tab.goto(f"{own_server.url}/")
        sign_in(view, own_server.key)
        view.tab.get_by_text("No project yet").wait_for()
        own_server.kill()
        view.tab.get_by_role("alert").wait_for()
        own_server.start()
        view.tab.get_by_role("alert").wait_for(state="hidden")
        Client(own_server, "made-since").start_run("first")
        view.tab.get_by_text("made-since").wait_for()
    finally:
        view.tab.close()


def test_phone_width(sweep: Finished, open_tab) -> None:
    view = open_tab(sweep.link("/runs/"), color_scheme="dark")
    view.tab.set_viewport_size({"width": 390, "height": 800})
    for address in (
        sweep.link("/runs/"),
        sweep.link("/sweeps/"),
        sweep.link("/pages"),
        f"{sweep.server.url}/",
    ):
        view.tab.goto(address)
        view.loaded()
        assert view.tab.evaluate("document.documentElement.scrollWidth") == 390
        expect(view.tab.locator("html")).to_have_attribute("data-ground", "dark")
