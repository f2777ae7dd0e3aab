"""Pages of a list: GraphQL connections with cursors.

A cursor holds a row's values of the list's order, not its number. So rows that appear or disappear between
two pages do not make another row appear twice or not at all. (A row whose own place changes may.)
"""

import base64
import binascii
import json
import sqlite3
import zlib
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from graphql import GraphQLResolveInfo

from metasweep.server.errors import BadRequest
from metasweep.server.store.base.order import ID, Term, order_by
from metasweep.server.store.base.rows import Rows

LARGEST_PAGE = 10_000


def page(
    info: GraphQLResolveInfo,
    rows: Rows,
    first: int | None,
    after: str | None,
    order: Sequence[Term] = (ID,),
    default: int = 50,
    node: Callable[[sqlite3.Row], Any] = lambda row: row,
) -> dict[str, Any]:
    """Return a page of rows, sorted by terms of which the last is unique.

    Raises BadRequest for a negative number, a cursor of another order, and more rows than the query may list.
    """
    limit = default if first is None else min(first, LARGEST_PAGE)
    if limit < 0:
        raise BadRequest("first: a number from 0 is needed")
    place = decode(order, after) if after else None
    found = rows.page(info.context.database.read(), order, place, limit + 1)
    shown = found[:limit]
    info.context.budget.take(len(shown))
    cursors = [encode(order, [row[f"order_{i}"] for i in range(len(order))]) for row in shown]
    edges = [{"node": node(row), "cursor": cursor} for row, cursor in zip(shown, cursors, strict=True)]
    return connection(edges, len(found) > limit, bool(after))


def connection(
    edges: list[dict[str, Any]], more: bool, before: bool, total: int | None = None
) -> dict[str, Any]:
    """Return a connection of these edges.

    `more` and `before`: whether there are others after and before them.
    """
    end = edges[-1]["cursor"] if edges else None
    return {
        "edges": edges,
        "page_info": {"end_cursor": end, "has_next_page": more, "has_previous_page": before},
        "total_count": total,
    }


def everything(nodes: Iterable[Any]) -> dict[str, Any]:
    """Return a connection with all nodes."""
    edges = [{"node": node, "cursor": None} for node in nodes]
    return connection(edges, False, False, len(edges))


def mark(order: Sequence[Term]) -> int:
    """Return a number that identifies an order."""
    return zlib.crc32(order_by(order).encode())


def encode(order: Sequence[Term], place: list[Any]) -> str:
    """Return the cursor of the row with these values of the order's terms."""
    return base64.b64encode(json.dumps([mark(order), *place], ensure_ascii=False).encode()).decode()


def decode(order: Sequence[Term], cursor: str) -> list[Any]:
    """Return the values in a cursor; raise BadRequest."""
    try:
        found, *place = json.loads(base64.b64decode(cursor, validate=True))
    except (binascii.Error, ValueError, TypeError, RecursionError) as error:
        raise BadRequest(f"unknown cursor {cursor[:40]!r}") from error
    plain = all(value is None or isinstance(value, str | int | float) for value in place)
    if found != mark(order) or len(place) != len(order) or not plain:
        raise BadRequest("the cursor belongs to a list in another order")
    return place
