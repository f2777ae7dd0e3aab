"""Media, Tables, files and artifacts: uploaded and read back by the real client."""

import json
import textwrap

import pytest
import wandb

from tests.conftest import ServerProcess

PROGRAM = """
import numpy, wandb
with wandb.init(project="media", id="media1") as run:
    pixels = numpy.arange(192, dtype=numpy.uint8).reshape(8, 8, 3)
    table = wandb.Table(columns=["name", "score", "picture"])
    table.add_data("first", 0.5, wandb.Image(pixels))
    table.add_data("second", 0.25, wandb.Image(255 - pixels))
    run.log({"table": table, "image": wandb.Image(pixels), "histogram": wandb.Histogram([1, 2, 2, 3])})
    for version in range(2):
        artifact = wandb.Artifact("model", "weights", metadata={"version": version})
        with artifact.new_file("weights.txt") as file:
            file.write(f"weights {version}")
        with artifact.new_file("folder/same.txt") as file:
            file.write("same")
        run.log_artifact(artifact, aliases=["best"] if version == 0 else []).wait()
    run.use_artifact("model:best")
"""


@pytest.mark.usefixtures("client_env")
def test_media_tables_and_artifacts(server: ServerProcess) -> None:
    (server.home / "program.py").write_text(textwrap.dedent(PROGRAM))
    logged = server.run("python", "program.py")
    assert logged.returncode == 0, logged.stderr
    api = wandb.Api()
    run = api.run("media/media1")
    names = [file.name for file in run.files()]
    image = next(name for name in names if name.startswith("media/images/image_"))
    run.file(image).download(root=str(server.home / "down"))
    assert (server.home / "down" / image).read_bytes().startswith(b"\x89PNG")
    table_name = next(name for name in names if name.startswith("media/table/"))
    table = json.load(run.file(table_name).download(root=str(server.home / "down")))
    assert [row[:2] for row in table["data"]] == [["first", 0.5], ["second", 0.25]]
    (row,) = run.scan_history()
    assert row["histogram"]["_type"] == "histogram"
    check_artifacts(server, api, run)


def check_artifacts(server: ServerProcess, api: wandb.Api, run: "wandb.apis.public.Run") -> None:
    best, latest = api.artifact("media/model:best"), api.artifact("media/model:latest")
    assert (best.version, latest.version) == ("v0", "v1")
    assert latest.metadata == {"version": 1}
    folder = latest.download(root=str(server.home / "artifact"))
    assert (server.home / "artifact" / "weights.txt").read_text() == "weights 1", folder
    assert (server.home / "artifact" / "folder" / "same.txt").read_text() == "same"
    assert {artifact.type for artifact in run.logged_artifacts()} == {"weights", "run_table"}
    assert [artifact.name for artifact in run.used_artifacts()] == ["model:v0"]
    assert [version.version for version in api.artifacts("weights", "media/model")] == ["v1", "v0"]
    table = next(artifact for artifact in run.logged_artifacts() if artifact.type == "run_table").get("table")
    assert table.columns == ["name", "score", "picture"]
    draft = latest.new_draft()
    with draft.new_file("more.txt") as file:
        file.write("more")
    with wandb.init(project="media") as again:
        again.log_artifact(draft).wait()
    grown = api.artifact("media/model:latest")
    grown.download(root=str(server.home / "grown"))
    assert (server.home / "grown" / "weights.txt").read_text() == "weights 1"
    assert (server.home / "grown" / "more.txt").read_text() == "more"
    assert sorted(file.name for file in grown.files()) == ["folder/same.txt", "more.txt", "weights.txt"]
    latest.delete()
    assert [version.version for version in api.artifacts("weights", "media/model")] == ["v2", "v0"]
    grown.download(root=str(server.home / "grown2"), skip_cache=True)
    assert (server.home / "grown2" / "weights.txt").read_text() == "weights 1"
