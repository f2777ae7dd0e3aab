"""An exception."""


def inner():
    raise ValueError("too large")


def outer():
    try:
        inner()
    except ValueError as error:
        raise RuntimeError("cannot train") from error


outer()
