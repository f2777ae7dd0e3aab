"""Measures how much a query's document asks for: fragments can make it far larger than its text."""

from dataclasses import dataclass

from graphql import DocumentNode, FieldNode, FragmentDefinitionNode, FragmentSpreadNode, SelectionSetNode

from metasweep.server.errors import BadRequest

MOST_TOKENS = 20_000
# The client's largest document has 72 fields, 11 deep; introspection has 226, 15 deep.
MOST_FIELDS = 2_000
DEEPEST = 30


@dataclass(frozen=True)
class Size:
    """The number of fields in a selection and their depth, with its fragments expanded."""

    fields: int = 0
    depth: int = 0


class Measure:
    """Measures the definitions of a document, each fragment only once."""

    def __init__(self, document: DocumentNode) -> None:
        self._fragments = {
            definition.name.value: definition
            for definition in document.definitions
            if isinstance(definition, FragmentDefinitionNode)
        }
        self._known: dict[str, Size] = {}

    def size(self, selection: SelectionSetNode | None) -> Size:
        """The size of a selection."""
        sizes = [self._size_of(node) for node in selection.selections] if selection else []
        return Size(sum(size.fields for size in sizes), max((size.depth for size in sizes), default=0))

    def _size_of(self, node: object) -> Size:
        if isinstance(node, FragmentSpreadNode):
            return self._fragment(node.name.value)
        inner = self.size(getattr(node, "selection_set", None))
        return Size(inner.fields + 1, inner.depth + 1) if isinstance(node, FieldNode) else inner

    def _fragment(self, name: str) -> Size:
        if name not in self._known:
            self._known[name] = Size()  # for fragments that contain themselves; validation refuses them
            if name in self._fragments:
                self._known[name] = self.size(self._fragments[name].selection_set)
        return self._known[name]


def count_fields(document: DocumentNode) -> int:
    """Return the number of fields in a document; raise BadRequest if there are too many or too deep ones.

    Call it before validation, which compares every field with all others of its name.
    """
    measure = Measure(document)
    sizes = [measure.size(getattr(definition, "selection_set", None)) for definition in document.definitions]
    fields = sum(size.fields for size in sizes)
    if fields > MOST_FIELDS:
        raise BadRequest(f"the query has over {MOST_FIELDS} fields, with its fragments expanded")
    if any(size.depth > DEEPEST for size in sizes):
        raise BadRequest(f"the query is nested more than {DEEPEST} fields deep")
    return fields
