"""Which routes need a key: all except the classes below."""

from starlette.convertors import Convertor, register_url_convertor
from starlette.routing import Match, Route
from starlette.types import Scope


class Number(Convertor[int]):
    """The number of a row in an address, {name:number}."""

    regex = "[0-9]{1,18}"  # SQLite's ids have no more digits, and Python refuses to read thousands of them

    def convert(self, value: str) -> int:
        """Read it."""
        return int(value)

    def to_string(self, value: int) -> str:
        """Write it."""
        return str(value)


register_url_convertor("number", Number())


class PublicRoute(Route):
    """A route for everybody. Its answers must not contain anything that a user has stored."""


class FormRoute(PublicRoute):
    """A route for a form on a page of this server, sent by a person who may have no session."""


def find_route(routes: list[Route], scope: Scope) -> Route | None:
    """Return the route that Starlette's router will choose."""
    return next((route for route in routes if route.matches(scope)[0] is Match.FULL), None)
