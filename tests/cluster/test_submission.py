"""What a submission's folder tells, also while it is being written."""

from __future__ import annotations

from pathlib import Path

from metasweep.cluster.submission import Submission


def test_the_members_of_an_array_that_begins_with_0(tmp_path: Path) -> None:
    """Submitted by hand with `qsub -J 0-1`."""
    outputs = {index: tmp_path / f"job.o7.{index}" for index in (0, 1)}
    for path in outputs.values():
        path.touch()
    submission = Submission(tmp_path, "pbs", "", "7[].pbs", 1, written=outputs)
    assert submission.outputs() == outputs
    assert submission.outputs(0) == {0: outputs[0]}


def test_a_note_that_is_being_written_says_nothing_yet(tmp_path: Path) -> None:
    submission = Submission(tmp_path, "pbs", "agents", "7.pbs")
    note = tmp_path / "ended.1.node.4711"
    note.touch()
    assert submission.program_status(1) is None
    note.write_text("3 node 1790000000\n")
    assert submission.program_status(1) == 3
