"""What goes wrong for a reason that the client should be told, with the HTTP status that says so."""


class ServerError(Exception):
    """An error with a status and one clear line; it reaches the client as it is."""

    status = 500


class BadRequest(ServerError):
    """The request does not make sense."""

    status = 400


class NotFound(ServerError):
    """There is no such thing. The client reads it as deleted, and does not try again."""

    status = 404


class TooLarge(ServerError):
    """The body is over the limit."""

    status = 413
