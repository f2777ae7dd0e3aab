"""`python -m analysis`: the tool's report with the sections and commands of this study."""

from __future__ import annotations

from pathlib import Path

import click

from analysis.commands import baselines, dataset
from metasweep.report.base.sections import SECTIONS
from metasweep.report.cli import make

FIRST = {
    "decision": SECTIONS["decision"],
    "dataset": "analysis.dataset:section",
    "baselines": "analysis.baselines:section",
}
LAST = {"questions": "analysis.questions:section", "provenance": SECTIONS["provenance"]}
ORDER = {**FIRST, **{name: where for name, where in SECTIONS.items() if name not in (*FIRST, *LAST)}, **LAST}
DATA_DIR = click.Option(
    ["--data-dir"],
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder of the images; by default where the runs had it.",
)

main = make(ORDER, commands=(dataset, baselines), options=(DATA_DIR,))

if __name__ == "__main__":
    main(prog_name="python -m analysis")
