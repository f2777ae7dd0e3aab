"""Names of projects, runs and artifacts."""

from metasweep.server.errors import BadRequest

MAX_NAME = 256


def check_name(name: str, what: str) -> str:
    """Return a name that is fit for URLs and for people; raise BadRequest."""
    if not name or len(name) > MAX_NAME or any(c in name for c in "/\\#?%:") or not name.isprintable():
        raise BadRequest(f"not a name for a {what}: {name[:80]!r}")
    return name
