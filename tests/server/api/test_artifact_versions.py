"""Versions of artifacts by the real client: references, increments, parts, links, deletion."""

import contextlib
import json
import sqlite3
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import wandb
from wandb.errors import CommError

from tests.conftest import ServerProcess
from tests.waiting import wait_until

pytestmark = pytest.mark.usefixtures("client_env")


def log(name: str, files: Mapping[str, str], refs: tuple[str, ...] = (), **options: Any) -> str:
    """Log a version from a run of its own; the id of the run."""
    with wandb.init(project="versions") as run:
        artifact = wandb.Artifact(name, "dataset", **options)
        for path, text in files.items():
            with artifact.new_file(path) as file:
                file.write(text)
        for ref in refs:
            artifact.add_reference(ref)
        run.log_artifact(artifact).wait()
    return run.id


def names_of(artifacts: Any) -> list[str]:
    return [artifact.name for artifact in artifacts]


def entries(name: str) -> list[str]:
    return sorted(wandb.Api().artifact(f"versions/{name}").manifest.entries)


def test_a_reference_is_listed_counted_and_downloaded(server: ServerProcess) -> None:
    (server.home / "data.txt").write_text("hello")
    log("reference", {"own.txt": "here"}, refs=(f"file://{server.home}/data.txt",))
    artifact = wandb.Api().artifact("versions/reference:latest")
    assert artifact.file_count == 2
    folder = Path(artifact.download(str(server.home / "referenced")))
    assert {path.name: path.read_text() for path in folder.iterdir()} == {
        "data.txt": "hello",
        "own.txt": "here",
    }


def test_an_image_in_a_table_of_another_artifact_is_found_by_its_reference(server: ServerProcess) -> None:
    pixels = np.arange(48, dtype=np.uint8).reshape(4, 4, 3)
    with wandb.init(project="versions") as run:
        images = wandb.Artifact("images", "dataset")
        images.add(wandb.Image(pixels), "first")
        run.log_artifact(images).wait()
    with wandb.init(project="versions") as run:
        stored = run.use_artifact("images:latest")
        table = wandb.Artifact("table", "dataset")
        table.add(wandb.Table(columns=["image"], data=[[stored.get("first")]]), "table")
        run.log_artifact(table).wait()
    wandb.Api().artifact("versions/table:latest").download(str(server.home / "table"), skip_cache=True)
    (row,) = wandb.Api().artifact("versions/table:latest").get("table").data
    assert np.array_equal(np.asarray(row[0].image), pixels)


def test_increments_add_to_what_was_there(server: ServerProcess) -> None:
    with wandb.init(project="versions") as run:
        table = wandb.Table(columns=["step"], log_mode="INCREMENTAL")
        for step in range(3):
            table.add_data(step)
            run.log({"table": table})
    version = wandb.Api().artifact(f"versions/run-{run.id}-incr-table:latest")
    folder = Path(version.download(str(server.home / "increments"), skip_cache=True))
    parts = [json.loads(path.read_text())["data"] for path in folder.iterdir()]
    assert sorted(parts) == [[[0]], [[1]], [[2]]]
    log("grown", {"old.txt": "1", "both.txt": "old"})
    log("grown", {"new.txt": "2", "both.txt": "new"}, incremental=True)
    artifact = wandb.Api().artifact("versions/grown:latest")
    folder = Path(artifact.download(skip_cache=True))
    assert {path.name: path.read_text() for path in folder.iterdir()} == {
        "old.txt": "1",
        "new.txt": "2",
        "both.txt": "new",
    }
    assert artifact.manifest.digest() == artifact.digest


def test_runs_write_parts_of_one_version() -> None:
    for part in range(3):
        with wandb.init(project="versions", group="together") as run:
            artifact = wandb.Artifact("parts", "dataset")
            with artifact.new_file(f"{part}.txt") as file:
                file.write(str(part))
            run.upsert_artifact(artifact)
    with wandb.init(project="versions", group="together") as run:
        run.finish_artifact(wandb.Artifact("parts", "dataset"))
    assert names_of(wandb.Api().artifacts("dataset", "versions/parts")) == ["parts:v0"]
    assert entries("parts:v0") == ["0.txt", "1.txt", "2.txt"]


def test_every_run_that_logs_the_same_content_has_it_among_its_own() -> None:
    first, second = log("same", {"x": "same"}), log("same", {"x": "same"})
    api = wandb.Api()
    for run in (first, second):
        assert names_of(api.run(f"versions/{run}").logged_artifacts()) == ["same:v0"]
    assert api.artifact("versions/same:v0").logged_by().id == first


def test_a_deleted_version_is_asked_for_by_name_and_its_number_never_used_again() -> None:
    log("deleted", {"x": "1"})
    log("deleted", {"x": "2"})
    with pytest.raises(CommError, match="delete_aliases"):
        wandb.Api().artifact("versions/deleted:v1").delete()
    wandb.Api().artifact("versions/deleted:v1").delete(delete_aliases=True)
    assert wandb.Api().artifact("versions/deleted:latest").version == "v0"
    log("deleted", {"x": "3"})
    assert names_of(wandb.Api().artifacts("dataset", "versions/deleted")) == ["deleted:v2", "deleted:v0"]
    oldest_first = wandb.Api().artifacts("dataset", "versions/deleted", order="+created_at")
    assert names_of(oldest_first) == ["deleted:v0", "deleted:v2"]


def test_a_collection_has_tags_and_a_type_and_a_version_its_time_to_live() -> None:
    log("described", {"x": "1"})
    collection = wandb.Api().artifact_collection("dataset", "versions/described")
    collection.tags = ["a tag", "other"]
    collection.type = "model"
    collection.save()
    found = wandb.Api().artifact_collection("model", "versions/described")
    assert (set(found.tags), found.type) == ({"a tag", "other"}, "model")
    found.tags = ["other"]
    found.save()
    assert wandb.Api().artifact_collection("model", "versions/described").tags == ["other"]
    artifact = wandb.Api().artifact("versions/described:v0")
    artifact.ttl = timedelta(days=3)
    artifact.save()
    again = wandb.Api().artifact("versions/described:v0")
    assert again.ttl == timedelta(days=3)
    assert len(again.commit_hash) == 20


def test_a_version_is_linked_to_a_portfolio_and_a_registry_is_refused_in_one_sentence() -> None:
    log("source", {"x": "1"})
    artifact = wandb.Api().artifact("versions/source:v0")
    link = artifact.link("versions/shown", aliases=["best"])
    assert (link.name, link.is_link, link.source_name) == ("shown:v0", True, "source:v0")
    shown = wandb.Api().artifact("versions/shown:best")
    assert shown.manifest.entries.keys() == {"x"}
    assert names_of(wandb.Api().artifact("versions/source:v0").linked_artifacts) == ["shown:v0"]
    shown.unlink()
    assert wandb.Api().artifact("versions/source:v0").linked_artifacts == []
    with pytest.raises((CommError, ValueError), match=r"no registry|organization"):
        artifact.link("wandb-registry-model/shown")


def test_a_name_that_cannot_be_kept_takes_no_other_file_with_it() -> None:
    pixels = np.zeros((4, 4, 3), dtype=np.uint8)
    with wandb.init(project="versions") as run:
        run.log({"train\\image": wandb.Image(pixels), "train/../../up": wandb.Image(pixels + 1)})
    names = [file.name for file in wandb.Api().run(f"versions/{run.id}").files()]
    assert {"config.yaml", "wandb-metadata.json"} <= set(names)
    assert sum(name.startswith("media/images/") and name.endswith(".png") for name in names) >= 1, names
    assert not any(".." in name.split("/") for name in names)


def test_a_run_is_deleted_twice() -> None:
    run_id = log("kept", {"x": "1"})
    run = wandb.Api().run(f"versions/{run_id}")
    run.delete()
    run.delete()


def test_a_version_is_deleted_after_its_time_to_live(server: ServerProcess) -> None:
    log("mortal", {"x": "1"})
    log("mortal", {"x": "2"})
    artifact = wandb.Api().artifact("versions/mortal:v0")
    artifact.ttl = timedelta(seconds=1)
    artifact.save()
    server.stop()
    age = "UPDATE artifacts SET created_at = '2020-01-01T00:00:00Z' WHERE ttl = 1"
    with contextlib.closing(sqlite3.connect(server.data_dir / "metasweep.db")) as connection:
        connection.execute(age)
        connection.commit()
    server.start()
    wait_until(lambda: names_of(wandb.Api().artifacts("dataset", "versions/mortal")) == ["mortal:v1"])
