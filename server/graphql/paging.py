"""Pages of a list: GraphQL connections with cursors."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from server import ids
from server.errors import BadRequest

LARGEST_PAGE = 10_000


def bounds(first: int | None, after: str | None, default: int = 50) -> tuple[int, int]:
    """(offset, limit) of a page; an unknown cursor is a BadRequest."""
    limit = default if first is None else first
    if not limit >= 0:
        raise BadRequest("first: a number from 0 is needed")
    if not after:
        return 0, min(limit, LARGEST_PAGE)
    position = ids.decode("Cursor", after)
    if position is None:
        raise BadRequest(f"unknown cursor {after[:40]!r}")
    return position, min(limit, LARGEST_PAGE)


def connection(nodes: Sequence[Any], offset: int, more: bool, total: int | None = None) -> dict[str, Any]:
    """A connection over the nodes of a page that begins at `offset`."""
    edges = [{"node": node, "cursor": ids.encode("Cursor", offset + i)} for i, node in enumerate(nodes, 1)]
    end = edges[-1]["cursor"] if edges else None
    return {
        "edges": edges,
        "page_info": {"end_cursor": end, "has_next_page": more, "has_previous_page": offset > 0},
        "total_count": total,
    }


def page(
    select: Callable[[int, int], Sequence[Any]], first: int | None, after: str | None, default: int = 50
) -> dict[str, Any]:
    """A page of what `select(limit, offset)` gives; one row more is asked for to see whether it goes on."""
    offset, limit = bounds(first, after, default)
    rows = select(limit + 1, offset)
    return connection(rows[:limit], offset, len(rows) > limit)


def everything(nodes: Iterable[Any]) -> dict[str, Any]:
    """A connection that holds all there is."""
    nodes = list(nodes)
    return connection(nodes, 0, False, len(nodes))
