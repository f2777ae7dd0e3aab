"""Which sections a report has, and in which order."""

SECTIONS = {
    name: f"metasweep.report.sections.{name}:section"
    for name in (
        "decision",
        "parallel",
        "results",
        "pareto",
        "runs",
        "effects",
        "importance",
        "findings",
        "provenance",
    )
}
"""The tool's own sections: name -> "module:function", in the order of the report."""
