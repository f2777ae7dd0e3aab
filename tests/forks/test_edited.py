"""A program that is edited while an agent runs it: the next run is that of the new program, all of it."""

from __future__ import annotations

from tests.agent.conftest import Workshop

SCRIPT = """
    import joblib, wandb
    with wandb.init() as run:
        run.log({"score": 1, "whose": getattr(joblib, "WHOSE", "installed")})
    source = open(__file__).read()
    open("joblib.py", "w").write("WHOSE = 'own'")
    open(__file__, "w").write(source + "# edited")
"""
PACKAGE = """
    VERSION = 1
    def warm_up(arguments):
        import own.helper
"""
HELPER = "VERSION = 1"
TRAIN = """
    import pathlib, wandb, own.helper
    with wandb.init() as run:
        run.log({"score": 1, "version": own.helper.VERSION})
    pathlib.Path(own.helper.__file__).write_text("VERSION = 2")
"""


def test_a_script(workshop: Workshop) -> None:
    code, output = workshop.agent(workshop.sweep(SCRIPT, values=2), "--workers", "1")
    assert code == 0, output
    assert "started ahead of it: the program was edited meanwhile" in output
    assert sorted(run.summary["whose"] for run in workshop.runs(output)) == ["installed", "own"]


def test_a_package_that_warms_up(workshop: Workshop) -> None:
    (workshop.folder / "own").mkdir()
    for name, text in (("__init__", PACKAGE), ("helper", HELPER), ("train", TRAIN)):
        workshop.write(f"own/{name}.py", text)
    command = ["${env}", "python", "-B", "-m", "own.train"]
    code, output = workshop.agent(workshop.sweep(command=command, values=2), "--workers", "1")
    assert code == 0, output
    assert sorted(run.summary["version"] for run in workshop.runs(output)) == [1, 2]
