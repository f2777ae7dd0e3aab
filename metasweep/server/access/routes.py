"""What a route says about who may ask. A route that says nothing is for those who have a key."""

from starlette.convertors import Convertor, register_url_convertor
from starlette.routing import Match, Route
from starlette.types import Scope


class Number(Convertor[int]):
    """The number of a row in an address, {name:number}."""

    regex = "[0-9]{1,18}"  # SQLite's have no more, and Python reads no more than some thousand digits

    def convert(self, value: str) -> int:
        """Read it."""
        return int(value)

    def to_string(self, value: int) -> str:
        """Write it."""
        return str(value)


register_url_convertor("number", Number())


class PublicRoute(Route):
    """Whoever asks is answered: nothing that somebody has stored here may come out of it."""


class FormRoute(PublicRoute):
    """A form on a page of this server is sent here, by a person who may have no session."""


def find_route(routes: list[Route], scope: Scope) -> Route | None:
    """The route that is going to answer, as Starlette's router chooses it."""
    return next((route for route in routes if route.matches(scope)[0] is Match.FULL), None)
