"""Whether a server can be reached, checked before clients start that would try for minutes."""

from __future__ import annotations

import socket
from urllib.parse import urlsplit

from metasweep.client.proxies import goes_through_proxy

CONNECT_SECONDS = 5


def check_reach(url: str) -> None:
    """Raise ConnectionError if nothing listens at the address. Behind a proxy this cannot be checked."""
    if goes_through_proxy(url):
        return
    address = urlsplit(url)
    port = address.port or (80 if address.scheme == "http" else 443)
    try:
        socket.create_connection((address.hostname or "", port), timeout=CONNECT_SECONDS).close()
    except OSError as error:
        raise ConnectionError(f"{url} does not answer ({error})") from error
