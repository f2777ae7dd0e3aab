"""The sections of the report, one module each.

Each has a function `section(study, choices) -> Section | None`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module

from metasweep.report.read.study import Study
from metasweep.report.sections.section import Choices, Section

Maker = Callable[[Study, Choices], Section | None]
Sections = Mapping[str, str]
"""Name -> "module:function" of a `Maker`, in the order of the report. It is imported when needed."""


def make(study: Study, choices: Choices, sections: Sections) -> list[Section]:
    """Return the wanted sections in their order, without those that do not apply to the study."""
    made = [
        maker(where)(study, choices) for name, where in sections.items() if name in (choices.only or sections)
    ]
    return [section for section in made if section is not None]


def maker(where: str) -> Maker:
    """The function that makes a section."""
    module, _, name = where.partition(":")
    found: Maker = getattr(import_module(module), name)
    return found
