"""Every GraphQL document of the installed client fits the schema, except those left out on purpose.

Its Python part holds them as literals; its core, a separate program, has them in its binary.
"""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import wandb
from graphql import GraphQLError, get_introspection_query, parse, validate
from wandb.apis.public import files, runs

from metasweep.server.api.engine import Engine, make_schema
from metasweep.server.api.graphql.cost import count_fields
from metasweep.server.errors import BadRequest
from tests.conftest import ServerProcess
from tests.server.protocol import Client

PACKAGE = Path(wandb.__file__).parent
OPERATION = re.compile(r"^\s*(?:query|mutation)\s+(\w+)", re.MULTILINE)
CORE = PACKAGE / "bin" / "wandb-core"
CORE_OPERATION = re.compile(r"(?:query|mutation) (\w+) (?:\([^{}]*?\) )?\{\n")
CORE_FRAGMENT = re.compile(r"\nfragment \w+ on \w+ \{\n")
# What this server does not support: folder or file of the client -> why.
LEFT_OUT = {
    "automations": "automations",
    "apis/public/automations.py": "automations",
    "apis/public/integrations.py": "integrations with other services",
    "apis/public/registries": "registries of an organization",
    "apis/public/jobs.py": "launch",
    "sdk/launch": "launch",
    "apis/public/reports.py": "reports written in the cloud",
    "apis/reports": "reports written in the cloud",
    "sdk/data_types/eval_table": "evaluation tables in the cloud",
}
# Operations left out of files that are otherwise covered.
LEFT_OUT_OPERATIONS = {
    *(
        "CreateTeam",
        "CreateInvite",
        "DeleteInvite",
        "CreateServiceAccount",
        "CreateUserFromAdmin",
    ),  # one user
    *("DeleteApiKey", "GenerateApiKey"),  # keys are made by metasweep server key
    *("FetchRegistries", "FetchRegistry", "RenameRegistry"),
    *("RegistryCollections", "RegistryVersions"),
    *("UpsertRegistry", "DeleteRegistry", "RegistryUserMembers", "RegistryTeamMembers"),
    *("CreateRegistryMembers", "DeleteRegistryMembers", "UpdateUserRegistryRole", "UpdateTeamRegistryRole"),
    "FetchAdvancedRegistryFeatures",
    *("CreateRunQueue", "UpsertRunQueue", "CreateDefaultResourceConfig"),  # launch
    "CreateCustomChart",  # charts written in the cloud
}
# Templates that the client fills in: operation -> the arguments that it may fill in.
FILLED = {
    "UpsertBucket": [(runs.RUN_FRAGMENT,)],
    "DeleteRun": [("", ""), ("$deleteArtifacts: Boolean", "deleteArtifacts: $deleteArtifacts")],
    "RunFullHistory": [("history",), ("events",)],
}
PROJECT = "project { id name entity { id name } }"


def literals(path: Path) -> Iterator[str]:
    """The string literals of a source file that hold a GraphQL operation, f-strings left out."""
    tree = ast.parse(path.read_text())
    parts = {id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in node.values}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in parts:
            text = node.value
            if OPERATION.search(text) and "{" in text and "`" not in text:
                yield text


def documents() -> Iterator[tuple[str, str]]:
    """(name, document) of everything that the client's Python side may send."""
    for path in sorted(PACKAGE.rglob("*.py")):
        where = path.relative_to(PACKAGE).as_posix()
        if any(where == name or where.startswith(f"{name}/") for name in LEFT_OUT):
            continue
        for text in literals(path):
            operation = OPERATION.search(text)
            assert operation is not None
            name = operation[1]
            for number, arguments in enumerate(FILLED.get(name, [()]) if "{{" in text else [None]):
                document = text if arguments is None else text.format(*arguments)
                yield f"{where}:{name}:{number}", document.replace("_PROJECT_QUERY_", PROJECT)
    for lazy in (True, False):
        yield f"runs.py:Runs:{lazy}", runs._create_runs_query(lazy=lazy)
    yield "files.py:RunFiles", files.Files._get_query(None)  # type: ignore[arg-type]


def core_documents() -> Iterator[tuple[str, str]]:
    """The same of the client's core: each operation in its binary, with the fragments that follow it."""
    data = CORE.read_bytes().decode("latin-1")
    for match in CORE_OPERATION.finditer(data):
        end = block_end(data, match.end())
        while fragment := CORE_FRAGMENT.match(data, end):
            end = block_end(data, fragment.end())
        yield f"wandb-core:{match[1]}:0", data[match.start() : end]


def block_end(text: str, begin: int) -> int:
    """Where the block ends that was opened before `begin`."""
    depth = 1
    for brace in re.compile("[{}]").finditer(text, begin, begin + 20_000):
        depth += 1 if brace[0] == "{" else -1
        if not depth:
            return brace.end()
    raise AssertionError("no document")


@pytest.fixture(scope="module")
def found() -> dict[str, str]:
    return dict([*documents(), *core_documents()])


def test_every_document_fits_the_schema(found: dict[str, str]) -> None:
    schema, problems = make_schema(), {}
    for name, text in found.items():
        if name.split(":")[1] in LEFT_OUT_OPERATIONS:
            continue
        try:
            document = parse(text)
            count_fields(document)
            errors = validate(schema, document)
        except GraphQLError as error:
            errors = [error]
        if errors:
            problems[name] = [error.message for error in errors]
    assert not problems


def test_what_is_left_out_is_said_in_one_sentence(found: dict[str, str]) -> None:
    engine = Engine()
    for name, text in found.items():
        if name.split(":")[1] in LEFT_OUT_OPERATIONS:
            with pytest.raises(BadRequest, match=r"^this server has no [a-z]"):
                engine.prepare(text, None)


def test_introspection_fits(own_server: ServerProcess) -> None:
    answer = Client(own_server).graphql(get_introspection_query(input_value_deprecation=True))
    assert answer["__schema"]["queryType"]["name"] == "Query"


def test_the_collection_finds_the_documents(found: dict[str, str]) -> None:
    """The check above is worth what it finds: operations known to exist, and what is left out exists too."""
    operations = {name.split(":")[1] for name in found}
    assert {
        "UpsertSweep",
        "Heartbeat",
        "Runs",
        "GetSweep",
        "DeleteRun",
        "ArtifactByID",
        "RunFiles",
    } <= operations
    assert len(operations) > 60
    core = {name.split(":")[1] for name in found if name.startswith("wandb-core:")}
    assert {"UpsertBucket", "RunResumeStatus", "CreateRunFiles", "CommitArtifact", "Viewer"} <= core
    assert operations >= LEFT_OUT_OPERATIONS, "what is left out is there"
