"""A study as files: what `export` writes, and what W&B's own export of a table of runs gives back."""

from __future__ import annotations

from pathlib import Path

import click
import pandas as pd
import pytest

from metasweep.report.base.errors import AnalysisError
from metasweep.report.measure.choosing.table import results_table
from metasweep.report.options import Given, read_study
from metasweep.report.read.exported import read_files
from metasweep.report.read.quantities import Asked
from metasweep.report.write.data import export_data
from tests.report.synthetic import synthetic_study

WANDB = """\
"Name","State","Notes","User","Tags","Created","Runtime","Sweep","batch_size","lr","model","seed","epoch","val/acc","test/acc"
"calm-1","finished","-","me","","2026-01-01T00:00:00.000Z","61","abc","64","0.1","=cnn","1","2","0.91","0.90"
"calm-2","finished","-","me","","2026-01-01T00:01:00.000Z","62","abc","64","0.1","=cnn","2","2","0.93","0.92"
"calm-3","finished","-","me","","2026-01-01T00:02:00.000Z","63","abc","64","0.01","=cnn","1","2","0.81","0.80"
"calm-4","crashed","-","me","","2026-01-01T00:03:00.000Z","3","abc","64","0.01","=cnn","2","1","",""
"""


def with_column(text: str, name: str, cells: list[str]) -> bytes:
    """A file with one column more."""
    lines = text.strip().splitlines()
    return "\n".join(f'{line},"{cell}"' for line, cell in zip(lines, [name, *cells], strict=False)).encode()


def test_what_is_exported_is_the_study(tmp_path: Path) -> None:
    study = synthetic_study({"lr": [0.1, 0.01], "n": [1, 2], "seed": [1, 2, 3]})
    paths = export_data(study, tmp_path)
    assert {path.name for path in paths} == {path.name for path in tmp_path.iterdir()}
    for name, frame in (("runs", study.runs), ("history", study.history)):
        parquet, text = pd.read_parquet(tmp_path / f"{name}.parquet"), pd.read_csv(tmp_path / f"{name}.csv")
        assert list(parquet.columns) == list(text.columns) == list(frame.columns)
        assert parquet["test/acc"].tolist() == pytest.approx(frame["test/acc"].tolist(), nan_ok=True)
        assert text["test/acc"].tolist() == pytest.approx(frame["test/acc"].tolist(), nan_ok=True)
    explained = (tmp_path / "README.md").read_text()
    assert "| test/acc | test/acc | accuracy | larger | fraction |" in explained
    assert "\\`" not in explained, "in the cell of a table a mark of Markdown would be shown as it is"


def test_an_export_of_wandb_is_reported(tmp_path: Path) -> None:
    path = tmp_path / "wandb_export.csv"
    path.write_text(WANDB)
    study = read_files([path])
    assert study.parameters == ("lr",)
    assert (study.seed, study.metric.name, study.reported.name) == ("seed", "val/acc", "test/acc")
    (best,) = results_table(study).rows  # the other configuration lacks a seed
    assert (best.values["lr"], best.test.n, best.test.mean) == (0.1, 2, pytest.approx(0.91))
    assert study.runs["state"].tolist().count("crashed") == 1
    named = read_files([path], Asked(metric="test/acc"), seed="")
    assert (named.metric.name, named.seed, named.parameters) == ("test/acc", "", ("lr", "config:seed"))


@pytest.mark.parametrize(
    "saved",
    [
        WANDB.encode("utf-8-sig"),
        WANDB.replace(",", ";").encode(),
        WANDB.replace(",", "\t").replace("\n", "\r\n").encode("utf-16"),
        WANDB.replace('"', "").replace("finished", "Finished").encode(),
        WANDB.replace('"lr"', '"lr","lr"')
        .replace('0.1"', '0.1","0.1"')
        .replace('0.01"', '0.01","0.01"')
        .encode(),
        WANDB.replace("2026-01-01T", "1 January, ").encode(),
        with_column(WANDB, "Last Seen", [f"2026-01-01T00:00:{second:02}Z" for second in range(60)]),
    ],
)
def test_an_export_that_a_spreadsheet_has_saved_is_the_same(tmp_path: Path, saved: bytes) -> None:
    path = tmp_path / "Runs.CSV"
    path.write_bytes(saved)
    (best,) = results_table(read_study((str(path),), None, Given())).rows
    assert (best.values["lr"], best.test.n, best.test.mean) == (0.1, 2, pytest.approx(0.91))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "no export of W&B's runs"),
        ("a,b\n1,2\n", "no export of W&B's runs"),
        ("\x00\n", "no export of W&B's runs"),
        ("Name,loss\n", "no runs"),
        (WANDB[:-2], "cannot be read as a CSV file"),
        (WANDB + '"calm-5","finished"\n', "Run 5 in .* has 2 cells, the header 15"),
        (WANDB.replace('"test/acc"', '"val/acc"'), "two different columns val/acc"),
        (WANDB.replace('"0.91"', '"1,091.5"'), r"1,091\.5 in the column val/acc"),
        (WANDB.replace('"0.91"', '"91 %"'), "91 % in the column val/acc"),
        (WANDB.replace('"Notes"', '"ID"'), "run with ID - is there 4 times"),
    ],
)
def test_another_file_is_refused_in_one_line(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "other.csv"
    path.write_text(text)
    with pytest.raises(AnalysisError, match=words) as refused:
        read_files([path])
    assert "\n" not in str(refused.value)


def test_files_that_cannot_be_read_are_named(tmp_path: Path) -> None:
    with pytest.raises(AnalysisError, match=r"nowhere\.csv cannot be read"):
        read_files([tmp_path / "nowhere.csv"])
    path = tmp_path / "latin.csv"
    path.write_bytes("Näme,Name\n".encode("latin-1"))
    with pytest.raises(AnalysisError, match=r"latin\.csv is not in UTF-8"):
        read_files([path])
    with pytest.raises(click.UsageError, match="not both"):
        read_study((str(path), "team/project/abc"), None, Given())


def test_two_files_of_one_name_are_two_sweeps(tmp_path: Path) -> None:
    paths = [tmp_path / folder / "runs.csv" for folder in "ab"]
    for path in paths:
        path.parent.mkdir()
        path.write_text(WANDB)
    assert read_files(paths).runs["run_id"].is_unique
