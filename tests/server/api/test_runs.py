"""What the real client does to runs besides logging: rewinding, zipped streams, console lines."""

import pytest
import wandb

pytestmark = pytest.mark.usefixtures("client_env")


def test_a_run_is_rewound_and_goes_on_from_there() -> None:
    zipped = wandb.Settings(x_file_stream_no_gzip=False)
    with wandb.init(project="changed", id="rewound", settings=zipped) as run:
        for step in range(20):
            run.log({"step": step})
    with wandb.init(project="changed", resume_from="rewound?_step=9") as run:
        run.log({"step": "again"})
    rows = list(wandb.Api().run("changed/rewound").scan_history())
    assert [(row["_step"], row["step"]) for row in rows] == [*((i, i) for i in range(10)), (10, "again")]


def test_console_lines_are_read_from_the_beginning_and_from_the_end() -> None:
    with wandb.init(project="changed", id="spoke") as run:
        run.write_logs("first\nsecond\nthird")
    spoken = wandb.Api().run("changed/spoke")
    assert [line.content for line in spoken.console_logs(per_page=2)] == ["first", "second", "third"]
    assert [line.content for line in spoken.console_logs(last=1)] == ["third"]
