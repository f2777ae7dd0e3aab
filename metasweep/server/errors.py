"""Expected errors with a message for a person or a client."""

import click


class Refused(click.ClickException):
    """A command cannot run, or the server cannot start: one line that says why and what to do."""


class ServerError(Exception):
    """An error with a status and one clear line, which the client gets unchanged."""

    status = 500


class BadRequest(ServerError):
    """The request does not make sense."""

    status = 400


class Forbidden(ServerError):
    """The request comes from a place that may not send it."""

    status = 403


class NotFound(ServerError):
    """There is no such thing. The client takes it for deleted and does not try again."""

    status = 404


class TooLarge(ServerError):
    """The body is over the limit."""

    status = 413


class WrongType(ServerError):
    """The body has a type that is not accepted here."""

    status = 415


class Unavailable(ServerError):
    """The server cannot do this now; the client tries again."""

    status = 503


class Fault(ServerError):
    """A mistake in this program. Its status is the only 5xx after which clients do not try again."""

    status = 501
