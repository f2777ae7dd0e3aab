"""What a job and its batch system agree on: the one form of a walltime, and a job's variables."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metasweep.batch import job
from metasweep.batch.walltime import clock, parse, seconds_in


@given(st.integers(1, 9999 * 3600))
def test_a_written_time_is_read_back(seconds: int) -> None:
    assert parse(clock(seconds)) == seconds


def test_days() -> None:
    assert parse("1-02:03:04") == 93784


@pytest.mark.parametrize("text", ["", "soon", "1:2:3:4", "-5", "1h", "4:00", "90", "0:00:00", "1:70:00"])
def test_what_is_no_time_or_means_something_else_elsewhere(text: str) -> None:
    with pytest.raises(ValueError, match="hours:minutes:seconds"):
        parse(text)


@pytest.mark.parametrize(
    ("said", "seconds"), [("1-02:03:04", 93784), ("4:00:00", 14400), ("1:30", 90), ("UNLIMITED", None)]
)
def test_what_squeue_says_is_left(said: str, seconds: float | None) -> None:
    assert seconds_in(said) == seconds


def test_pbs_is_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    began = time.strftime("%a %b %e %H:%M:%S %Y", time.localtime(time.time() - 600))
    answer = {"Jobs": {"7[1].pbs": {"stime": began, "Resource_List": {"walltime": "01:00:00"}}}}
    (tmp_path / "answer").write_text(json.dumps(answer))
    script = f'#!/bin/sh\n[ "$*" = "-f -F json 7[1].pbs" ] && cat {tmp_path}/answer\n'
    (tmp_path / "qstat").write_text(script)
    (tmp_path / "qstat").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setattr(job, "RETRY_SECONDS", (0, 0))
    assert job.time_left({"PBS_JOBID": "7[1].pbs"}) == pytest.approx(3000, abs=60)
    assert job.time_left({"PBS_JOBID": "8.pbs"}) is None
    assert job.time_left({"SLURM_JOB_END_TIME": str(int(time.time()) + 3000)}) == pytest.approx(3000, abs=60)
    assert job.time_left({}) is None


def test_in_an_image_the_record_is_in_a_file(tmp_path: Path) -> None:
    began = time.strftime("%a %b %e %H:%M:%S %Y", time.localtime(time.time() - 600))
    record = tmp_path / "job.json"
    described = {"stime": began, "Resource_List": {"walltime": "01:00:00"}}
    record.write_text(json.dumps({"Jobs": {"7.pbs": described}}))
    found = job.time_left({"PBS_JOBID": "7.pbs", job.RECORD: str(record)})
    assert found == pytest.approx(3000, abs=60)
