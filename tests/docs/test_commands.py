"""What the documents show is what the programs take, and what the programs offer is in the documents."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from metasweep.cli import COMMANDS, main
from tests.docs.commands import DOCUMENTS, ROOT, all_commands, problem, shown

HEAVY = {"numpy", "pandas", "wandb", "requests", "rich", "scipy", "matplotlib"}


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_command_that_is_shown_is_one(document: Path) -> None:
    found = [problem(words) for words in shown(document) if words[0] != "make"]
    assert [words for words in found if words] == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_target_that_is_shown_is_in_the_makefile(document: Path) -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    asked = {word for words in shown(document) if words[0] == "make" for word in words[1:]}
    assert {word for word in asked if re.fullmatch(r"[a-z-]+", word)} <= targets


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_link_within_the_repository_leads_somewhere(document: Path) -> None:
    text = document.read_text(encoding="utf-8")
    links = re.findall(r"\]\(([^)#\s]+)[^)]*\)", text) + re.findall(r"(?:src|srcset)=\"([^\"]+)\"", text)
    inside = [link for link in links if "://" not in link and not link.startswith("mailto:")]
    assert [link for link in inside if not (document.parent / link).exists()] == []


def test_every_command_is_documented() -> None:
    text = " ".join(" ".join(path.read_text(encoding="utf-8").split()) for path in DOCUMENTS)
    missing = [" ".join(path) for path in all_commands(main, ("metasweep",)) if " ".join(path) not in text]
    assert missing == []


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_helps(name: str) -> None:
    for word in ("-h", "--help"):
        done = CliRunner().invoke(main, [name, word], prog_name="metasweep")
        assert (done.exit_code, done.stderr) == (0, "")
        assert done.stdout.startswith(f"Usage: metasweep {name}")


def test_help_imports_nothing_heavy() -> None:
    script = "import sys; from metasweep.cli import main; main(['--help'], standalone_mode=False); "
    script += f"print(*({HEAVY} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == ""
