"""Runs GraphQL documents. Each document is parsed and validated only once."""

import functools
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from graphql import (
    DocumentNode,
    GraphQLError,
    GraphQLObjectType,
    GraphQLResolveInfo,
    GraphQLSchema,
    GraphQLUnionType,
    OperationType,
    build_schema,
    execute_sync,
    get_operation_ast,
    parse,
    validate,
)

from metasweep.server.api import agents, files, history, projects, run_changes, runs, steering, sweeps, viewer
from metasweep.server.api.artifacts import artifact_changes, artifact_commit, artifacts, collection_changes
from metasweep.server.api.graphql import left_out
from metasweep.server.api.graphql.cost import MOST_TOKENS, count_fields
from metasweep.server.context import Context
from metasweep.server.errors import BadRequest, ServerError
from metasweep.server.store.base import ids

FOLDER = Path(__file__).with_name("graphql")
SCHEMA_FILES = ("schema.graphql", "schema_artifacts.graphql")
THEMES = (
    *(viewer, projects, runs, run_changes, history, files, sweeps, steering, agents),
    *(artifacts, artifact_changes, artifact_commit, collection_changes),
)
Resolver = Callable[..., Any]
MAX_DOCUMENT = 100_000  # characters; the client's longest has 3,000


@functools.cache
def snake_case(name: str) -> str:
    """Convert displayName to display_name."""
    return "".join("_" + letter.lower() if letter.isupper() else letter for letter in name)


def resolve_field(source: Any, info: GraphQLResolveInfo, **_arguments: Any) -> Any:
    """The default resolver: return the column of that name. Ids become opaque."""
    try:
        value = source[snake_case(info.field_name)]
    except (KeyError, IndexError, TypeError):
        return None
    if info.field_name == "id" and type(value) is int:
        return ids.encode(info.parent_type.name, value)
    return value


def parse_json_string(value: Any) -> str:
    """Read a JSONString from the input as text. The resolver parses it."""
    if not isinstance(value, str):
        raise GraphQLError("a string of JSON is needed")
    return value


def parse_int64(value: Any) -> int:
    """Read an Int64 from the input: a whole number, or its text."""
    try:
        number = int(value) if isinstance(value, int | float | str) else None
    except (ValueError, OverflowError):
        number = None
    if number is None or not -(2**63) <= number < 2**63:
        raise GraphQLError("a whole number of 64 bits is needed")
    return number


def within_budget(resolver: Resolver) -> Resolver:
    """Return a resolver that stops when the query's budget is used up."""

    def resolve(source: Any, info: GraphQLResolveInfo, **arguments: Any) -> Any:
        info.context.budget.check()
        return resolver(source, info, **arguments)

    return resolve


def make_schema() -> GraphQLSchema:
    """Return the schema with all resolvers."""
    schema = build_schema("\n".join((FOLDER / name).read_text(encoding="utf-8") for name in SCHEMA_FILES))
    for theme in THEMES:
        for type_name, resolvers in theme.RESOLVERS.items():
            kind = schema.type_map[type_name]
            assert isinstance(kind, GraphQLObjectType)
            for field_name, resolver in resolvers.items():
                kind.fields[field_name].resolve = within_budget(resolver)
    for kind in schema.type_map.values():
        if isinstance(kind, GraphQLUnionType):
            kind.resolve_type = lambda _value, _info, _kind: "Run"
    for name, read in (("JSONString", parse_json_string), ("Int64", parse_int64)):
        scalar: Any = schema.type_map[name]
        scalar.parse_value = scalar.coerce_input_value = read  # the names in graphql-core 3.2 and 3.3
    collection: Any = schema.type_map["ArtifactCollection"]
    collection.resolve_type = lambda row, *_: artifacts.KINDS[row["kind"]]
    return schema


@dataclass(frozen=True)
class Prepared:
    """A document that fits the schema."""

    document: DocumentNode
    operation: OperationType
    fields: int


class Engine:
    """The schema, ready to run documents."""

    def __init__(self) -> None:
        self.schema = make_schema()
        self.prepare = functools.lru_cache(maxsize=512)(self._prepare)

    def _prepare(self, query: str, operation_name: str | None) -> Prepared:
        """Parse and validate; raise BadRequest if the document does not fit the schema."""
        if len(query) > MAX_DOCUMENT:
            raise BadRequest("the query is too long")
        try:
            document = parse(query, max_tokens=MOST_TOKENS)
            fields = count_fields(document)
            errors = validate(self.schema, document, max_errors=5)
        except GraphQLError as error:
            raise BadRequest(error.message) from error
        except RecursionError as error:
            raise BadRequest("the query is nested too deeply") from error
        if errors:
            unfit = "; ".join(error.message for error in errors)
            raise BadRequest(left_out.explain(query) or unfit)
        operation = get_operation_ast(document, operation_name)
        if operation is None:
            raise BadRequest("the operation is not named, or not in the document")
        return Prepared(document, operation.operation, fields)

    def execute(
        self, query: str, variables: dict[str, Any], operation_name: str | None, context: Context
    ) -> dict[str, Any]:
        """Return the data of the answer.

        Errors in resolvers are raised; a ServerError is raised unchanged.
        """
        prepared = self.prepare(query, operation_name)
        if prepared.operation is OperationType.MUTATION:
            context.budget.extend()
        context.budget.rows /= max(1, prepared.fields)
        if prepared.operation is OperationType.MUTATION:
            return self._run(prepared, variables, operation_name, context)
        with context.reading():
            return self._run(prepared, variables, operation_name, context)

    def _run(
        self, prepared: Prepared, variables: dict[str, Any], operation_name: str | None, context: Context
    ) -> dict[str, Any]:
        result = execute_sync(
            self.schema,
            prepared.document,
            context_value=context,
            variable_values=variables,
            operation_name=operation_name,
            field_resolver=resolve_field,
        )
        for error in result.errors or ():
            cause = error.original_error
            if cause is None or isinstance(cause, ServerError | GraphQLError):
                raise cause if isinstance(cause, ServerError) else BadRequest(error.message)
            raise cause
        return result.data or {}
