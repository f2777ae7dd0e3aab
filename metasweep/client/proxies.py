"""Proxies of the environment, common on frontends. They lead to the internet, not to this machine."""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import ip_address
from urllib.parse import urlsplit
from urllib.request import getproxies_environment, proxy_bypass

LOOPBACK = ("localhost", "127.0.0.1", "::1")


def without_loopback(environ: Mapping[str, str], *others: str) -> dict[str, str]:
    """Return variables that keep requests to this machine away from the proxy; empty without a proxy.

    `others` are more hosts to reach directly. Both spellings are set: Python's libraries, wandb's core and
    other programs read different ones.
    """
    lower = {name.lower(): value for name, value in environ.items()}
    if not any(lower.get(f"{scheme}_proxy") for scheme in ("http", "https", "all")):
        return {}
    hosts = [host.strip() for host in lower.get("no_proxy", "").split(",") if host.strip()]
    value = ",".join(dict.fromkeys([*hosts, *LOOPBACK, *others]))
    return {"NO_PROXY": value, "no_proxy": value}


def goes_through_proxy(url: str) -> bool:
    """Return whether a request to that address would go through a proxy of this environment."""
    address = urlsplit(url)
    host = address.hostname or ""
    proxies = getproxies_environment()
    if is_loopback(host) or not (address.scheme in proxies or "all" in proxies):
        return False
    return not proxy_bypass(host)


def is_loopback(host: str) -> bool:
    """Return whether a host name or address means this machine itself."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
