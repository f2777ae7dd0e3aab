"""Which W&B server to talk to, and with which key. Reads the same places as wandb, without importing it."""

from __future__ import annotations

import configparser
import importlib.util
import netrc
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, urlsplit

import click

CLOUD = "https://api.wandb.ai"  # for clients that know no other
NEW_CLOUD_HOST = "api.forge.coreweave.com"
CLOUD_HOSTS = ("api.wandb.ai", NEW_CLOUD_HOST)  # names under which `wandb login` saves a key
LOGIN = "run `wandb login`, or set WANDB_API_KEY"


@dataclass(frozen=True)
class Account:
    """A server, a key for it, and the user's default settings."""

    base_url: str
    api_key: str
    entity: str | None = None
    project: str | None = None
    key_from: str = "WANDB_API_KEY"
    """The place where the key was found."""


def local_hint(base_url: str) -> str:
    """Return what to try where W&B's cloud lacks a sweep, for a command that has --local; else ''."""
    return "; add --local if it is on the embedded server" if urlsplit(base_url).netloc in CLOUD_HOSTS else ""


def page_address(base_url: str, *path: str) -> str:
    """Return the address of a page for a browser.

    W&B's pages are on another host than its API; the wandb client finds that host by the same rules.
    """
    parts = urlsplit(base_url)
    host = parts.netloc
    if host == NEW_CLOUD_HOST:
        host = "forge.coreweave.com/wandb"
    elif host.startswith("api.wandb."):
        host = host.removeprefix("api.")
    elif host.startswith("api."):
        host = f"app.{host.removeprefix('api.')}"
    return f"{parts.scheme}://{host}/" + "/".join(quote(part, safe="") for part in path)


def resolve(environ: Mapping[str, str], directory: Path, without_key: str = LOGIN) -> Account:
    """Return the account that wandb would use in `directory` with the environment `environ`.

    Raises: click.ClickException, if there is no key for the server (`without_key` says what to do then), or
    if its address is no URL.
    """
    settings = read_settings(environ, directory)
    base_url = environ.get("WANDB_BASE_URL") or settings.get("base_url") or cloud_address()
    if not is_address(base_url):
        raise click.ClickException(
            f"WANDB_BASE_URL={base_url!r} is not the address of a server (http://HOST:PORT)"
        )
    places = (
        ("WANDB_API_KEY", environ.get("WANDB_API_KEY")),
        (netrc_path(environ), read_netrc(environ, base_url)),
        ("wandb's settings", settings.get("api_key")),
    )
    key_from, key = next(((str(place), found) for place, found in places if found), ("", None))
    if not key:
        raise click.ClickException(f"no API key for {base_url}{named_by(environ, settings)}: {without_key}")
    if not key.strip().isascii() or not key.strip().isprintable():
        raise click.ClickException(f"the API key for {base_url} contains characters that no key has")
    return Account(
        base_url.rstrip("/"),
        key.strip(),
        environ.get("WANDB_ENTITY") or settings.get("entity"),
        environ.get("WANDB_PROJECT") or settings.get("project"),
        key_from,
    )


def cloud_address() -> str:
    """Return the address of W&B's cloud that the installed client has, so that all of a run goes to one."""
    found = importlib.util.find_spec("wandb")
    urls = Path(found.origin).with_name("sdk") / "lib" / "urls.py" if found and found.origin else None
    text = urls.read_text() if urls and urls.is_file() else ""
    address = re.search(r'^DEFAULT_BASE_URL = "(.+)"$', text, re.MULTILINE)
    return address[1] if address else CLOUD


def named_by(environ: Mapping[str, str], settings: Mapping[str, str]) -> str:
    """Return in brackets who made a server the default, if it was an earlier command; else ''."""
    if environ.get("WANDB_BASE_URL") or not settings.get("base_url"):
        return ""
    return " (the server of the last `wandb login --host`; `wandb login --cloud` goes back to W&B's)"


def refused(base_url: str, key_from: str) -> str:
    """Return what to do when a server does not accept the key from that place."""
    return f"{base_url} refuses the key in {key_from}: correct it, or run `wandb login --relogin`"


def is_address(text: str) -> bool:
    """Return whether a text is the address of a web server."""
    try:
        url = urlsplit(text)
        return url.scheme in ("http", "https") and bool(url.hostname) and url.port != 0
    except ValueError:  # a port that is no number or too large, or half an IPv6 address
        return False


def settings_folder(environ: Mapping[str, str]) -> Path:
    """Return the folder of the user's settings of wandb."""
    return Path(environ.get("WANDB_CONFIG_DIR") or "~/.config/wandb").expanduser()


def read_settings(environ: Mapping[str, str], directory: Path) -> dict[str, str]:
    """Return wandb's settings files merged. Those of the directory override those of the user."""
    user = settings_folder(environ)
    local = Path(environ.get("WANDB_DIR") or directory) / "wandb"
    parser = configparser.ConfigParser(interpolation=None)
    try:
        parser.read([user / "settings", local / "settings"])
    except configparser.Error as error:
        raise click.ClickException(f"cannot read wandb's settings: {str(error).splitlines()[0]}") from error
    return dict(parser["default"]) if parser.has_section("default") else {}


def netrc_path(environ: Mapping[str, str]) -> Path:
    """Return the file in which `wandb login` saves keys."""
    return Path(environ.get("NETRC") or "~/.netrc").expanduser()


def read_netrc(environ: Mapping[str, str], base_url: str) -> str | None:
    """Return the key that `wandb login` saved for the server; None without one."""
    path = netrc_path(environ)
    if not path.exists():
        return None
    try:
        entries = netrc.netrc(str(path))
    except (netrc.NetrcParseError, OSError) as error:
        raise click.ClickException(f"cannot read {path}: {error}") from error
    url = urlsplit(base_url)
    names = CLOUD_HOSTS if url.netloc in CLOUD_HOSTS else (url.netloc, url.hostname or "")
    found = (entries.authenticators(name) for name in names)
    return next((entry[2] for entry in found if entry and entry[2]), None)
