"""What goes wrong for a reason that somebody should be told."""

import click


class Refused(click.ClickException):
    """What a command or the start of the server does not do: one line that says why, and the way out."""


class ServerError(Exception):
    """An error with a status and one clear line; it reaches the client as it is."""

    status = 500


class BadRequest(ServerError):
    """The request does not make sense."""

    status = 400


class Forbidden(ServerError):
    """The request comes from where it must not."""

    status = 403


class NotFound(ServerError):
    """There is no such thing. The client reads it as deleted, and does not try again."""

    status = 404


class TooLarge(ServerError):
    """The body is over the limit."""

    status = 413


class WrongType(ServerError):
    """The body is not said to be what is taken here."""

    status = 415


class Unavailable(ServerError):
    """The server cannot do this now: the client tries again."""

    status = 503


class Fault(ServerError):
    """A mistake in this program. Of the statuses for those, clients take this one alone for the last word."""

    status = 501
