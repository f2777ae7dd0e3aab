"""The report's statements about a running sweep, for its page: `python -m metasweep.report.live`.

One question on standard input, one answer on standard output, both JSON. So numpy, pandas and the forest stay
out of the server process, which agents wait for, while page and report use the same functions.

The question: `sweep` (path, name, url, state, config), `runs` (the fields of a `RunRecord` each) and
`histories` (run id -> logged rows as JSON texts; only these runs are described).
"""

from __future__ import annotations

import json
import math
import os
import sys
from collections import Counter
from collections.abc import Hashable, Mapping
from typing import Any

from metasweep.report.base.errors import AnalysisError
from metasweep.report.base.words import number_of, parameter_name
from metasweep.report.measure.baselines import chance_of
from metasweep.report.measure.choosing.decision import decide, sentences
from metasweep.report.measure.choosing.dropping import dropped
from metasweep.report.measure.choosing.edges import edges
from metasweep.report.measure.curves import MEANING, diverged
from metasweep.report.measure.findings import advice, findings
from metasweep.report.read.records import RunRecord, assemble
from metasweep.report.read.study import Study, Sweep
from metasweep.report.sections import importance

NICENESS = 10  # the agents' requests come first
WENT = "_went"  # the page's column with these words


def main() -> None:
    """Answer the question. An error that a person can correct is an answer, too."""
    os.nice(NICENESS)
    question = json.load(sys.stdin)
    try:
        answer = tell(study_of(question), set(question["histories"]))
    except AnalysisError as error:
        answer = {"problem": error.message}
    json.dump(answer, sys.stdout)


def study_of(question: Mapping[str, Any]) -> Study:
    """Return the study in a question. Raises AnalysisError if it is not valid."""
    histories = {run: [json.loads(row) for row in rows] for run, rows in question["histories"].items()}
    records = [RunRecord(**record) for record in question["runs"]]
    return assemble([Sweep(**question["sweep"])], records, histories)


def tell(study: Study, known: set[str]) -> dict[str, Any]:
    """Return everything that can be said. `known`: the runs whose histories are given."""
    words = went_wrong(study, known)
    decision = decide(study)
    return {
        "chance": chance_of(study),
        "warnings": [*edge_warnings(study), *drop_warnings(study), *run_warnings(words)],
        "words": words,
        "findings": [
            *(sentences(study, decision) if decision else ()),
            *(finding.text for finding in findings(study)),
        ],
        "importance": importance_of(study),
    }


def went_wrong(study: Study, known: set[str]) -> dict[str, str]:
    """Return run id -> what happened, for runs that ended badly."""
    bad = diverged(study)
    words = dict(zip(bad["run_id"], bad["word"], strict=True))
    return {run: word for run, word in words.items() if run in known}


def warning(text: str, column: str, value: Hashable) -> dict[str, Any]:
    """Return a sentence, and how to find its runs: those with a value in a column."""
    plain = value.item() if hasattr(value, "item") else value
    return {"text": text, "column": parameter_name(column), "value": plain}


def edge_warnings(study: Study) -> list[dict[str, Any]]:
    """Return warnings if the best configuration is on the edge of the grid."""
    found = edges(study)
    if found is None or not found[1]:
        return []
    pairs = zip(found[1], advice(study), strict=True)
    return [warning(text, edge.parameter, edge.value) for edge, text in pairs]


def drop_warnings(study: Study) -> list[dict[str, Any]]:
    """Return the values that need no more runs."""
    return [warning(each.sentence, each.parameter, each.value) for each in dropped(study)]


def run_warnings(words: Mapping[str, str]) -> list[dict[str, Any]]:
    """Return how many runs ended badly, by what happened to them."""
    return [
        warning(f"{number_of(count, 'run')}: {word} ({MEANING[word]}).", WENT, word)
        for word, count in Counter(words.values()).most_common()
    ]


def importance_of(study: Study) -> dict[str, Any]:
    """Return the report's importance table for the reported metric, or why there is none."""
    found = importance.measure(study, study.reported)
    if found is None or not all(math.isfinite(total.share) for total in found.totals):
        return {"note": importance.too_little(study)}
    listing = importance.listing(study, found)
    return {"columns": list(listing.headers), "rows": listing.rows, "notes": list(listing.notes)}


if __name__ == "__main__":
    main()
