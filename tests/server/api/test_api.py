"""What wandb.Api() and wandb.init() offer on runs: filters, orders, edits, resuming."""

import pytest
import wandb

from tests.conftest import ServerProcess
from tests.server.protocol import Client

pytestmark = pytest.mark.usefixtures("client_env")

MANY = """
import wandb
wandb.setup()
for i in range(5):
    with wandb.init(project="many", id=f"run{i}", tags=["even"] if i % 2 == 0 else ["odd"], group=f"g{i % 3}",
                    job_type="test", notes="about", config={"lr": 10.0 ** -i, "net": {"depth": i}}) as run:
        run.log({"acc": i / 10, "loss": -i})
"""
RESUMED = """
import wandb

def attempt(mode, steps):
    try:
        with wandb.init(project="resumed", id="again", resume=mode) as run:
            for i in range(steps):
                run.log({"x": i})
            run.config.update({"mode": mode}, allow_val_change=True)
    except wandb.errors.UsageError:
        print("refused", mode)
        wandb.teardown()  # the client's service holds on to a run that it refused

for mode, steps in [("must", 1), ("allow", 3), ("never", 1), ("must", 2), ("allow", 1)]:
    attempt(mode, steps)
"""


@pytest.fixture(scope="module")
def many(server: ServerProcess) -> str:
    logged = server.run("python", "-c", MANY)
    assert logged.returncode == 0, logged.stderr
    return "many"


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({}, [0, 1, 2, 3, 4]),
        ({"config.lr": {"$lt": 0.05}}, [2, 3, 4]),
        ({"config.net.depth": {"$in": [1, 3]}}, [1, 3]),
        ({"summary_metrics.acc": {"$gte": 0.2}, "tags": "even"}, [2, 4]),
        ({"$or": [{"group": "g0"}, {"display_name": "run1"}]}, [0, 1, 3]),
        ({"$not": {"tags": {"$in": ["odd"]}}}, [0, 2, 4]),
        ({"name": {"$regex": "run[12]$"}}, [1, 2]),
        ({"state": "finished", "config.missing": {"$exists": False}}, [0, 1, 2, 3, 4]),
        ({"state": "failed"}, []),
    ],
)
def test_filters(many: str, filters: dict, expected: list[int]) -> None:
    runs = wandb.Api().runs(many, filters=filters, order="+created_at", per_page=2)
    assert len(runs) == len(expected)
    assert [run.id for run in runs] == [f"run{i}" for i in expected]


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        ("-created_at", [4, 3, 2, 1, 0]),
        ("+summary_metrics.loss", [4, 3, 2, 1, 0]),
        ("-config.lr", [0, 1, 2, 3, 4]),
    ],
)
def test_orders(many: str, order: str, expected: list[int]) -> None:
    runs = wandb.Api().runs(many, order=order, per_page=2)
    assert [run.id for run in runs] == [f"run{i}" for i in expected]


def test_a_run_is_edited(many: str) -> None:
    run = wandb.Api().run(f"{many}/run3")
    assert (run.group, run.job_type, run.notes, run.tags) == ("g0", "test", "about", ["odd"])
    run.name, run.tags, run.notes = "renamed", ["a", "b"], "more"
    run.config["lr"] = 7
    run.summary["best"] = 1.5
    run.update()
    run.summary.update()
    again = wandb.Api().run(f"{many}/run3")
    assert (again.name, again.tags, again.notes, again.config["lr"]) == ("renamed", ["a", "b"], "more", 7)
    assert (again.summary["best"], again.summary["acc"], again.state) == (1.5, 0.3, "finished")
    assert set(again.metadata) >= {"os", "python", "program"}
    projects = {project.name for project in wandb.Api().projects()}
    assert many in projects


def test_resuming_continues_the_rows(server: ServerProcess) -> None:
    resumed = server.run("python", "-c", RESUMED)
    assert resumed.returncode == 0, resumed.stderr
    assert resumed.stdout.splitlines() == ["refused must", "refused never"]
    run = wandb.Api().run("resumed/again")
    rows = [(row["_step"], row["x"]) for row in run.scan_history()]
    assert rows == [(0, 0), (1, 1), (2, 2), (3, 0), (4, 1), (5, 0)]
    assert (run.config["mode"], run.state) == ("allow", "finished")


def test_deleting_a_run_removes_its_bytes(server: ServerProcess) -> None:
    code = "import wandb\nwith wandb.init(project='gone', id='gone') as run: run.log({'x': 1})"
    before = set((server.data_dir / "files").glob("*/*"))
    assert server.run("python", "-c", code).returncode == 0
    assert set((server.data_dir / "files").glob("*/*")) > before
    wandb.Api().run("gone/gone").delete()
    assert set((server.data_dir / "files").glob("*/*")) == before
    assert Client(server, "gone").run("gone") is None
    assert len(wandb.Api().runs("gone")) == 0


def test_an_offline_run_is_synced(server: ServerProcess) -> None:
    code = "import wandb\nwith wandb.init(project='offline', id='late') as run: run.log({'x': 1})"
    assert server.run("python", "-c", code, WANDB_MODE="offline").returncode == 0
    (folder,) = (server.home / "wandb").glob("offline-run-*")
    synced = server.run("wandb", "sync", str(folder))
    assert synced.returncode == 0, synced.stderr
    run = wandb.Api().run("offline/late")
    assert [row["x"] for row in run.scan_history()] == [1]
    assert run.state == "finished"
