"""The interactive page: one document for the report and for the server.

The report's page contains its data; the server sends the data.

`render(data)` returns a self-contained HTML document that needs no network. `document(...)` returns the same
page for a server that offers the files of `assets()` and answers with `encode(data)` as JSON. The scripts are
ES modules that name each other through an import map, so nothing has to be bundled.
"""

from __future__ import annotations

import base64
import hashlib
import html
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal

from metasweep.page.data import (
    Cell,
    Column,
    Curve,
    Facts,
    Figure,
    Finding,
    Findings,
    Highlight,
    PageData,
    Preset,
    Progress,
    Section,
    Table,
    encode,
    packed,
    to_json,
)

__all__ = [
    "Cell",
    "Column",
    "Curve",
    "Facts",
    "Figure",
    "Finding",
    "Findings",
    "Highlight",
    "PageData",
    "Preset",
    "Progress",
    "Section",
    "Table",
    "View",
    "assets",
    "document",
    "encode",
    "note",
    "packed",
    "render",
    "sign_in",
    "to_json",
]

FOLDER = Path(__file__).parent
BOOT = 'import "page/main";'
SERVER_BOOT = 'import "page/server/main";'
WAITING = (
    '<p class="waiting">Loading …</p>'
    "<noscript>This page draws its charts with JavaScript, which is switched off.</noscript>"
)
View = Literal["sweep", "home", "project", "run"]
SERVER_POLICY = (
    "style-src 'self'; img-src 'self' data: blob:; media-src 'self'; connect-src 'self'; frame-src 'self';"
    " form-action 'self'; script-src 'self'"
)


def render(data: PageData) -> str:
    """Return one self-contained HTML document. Raises ValueError if the data do not fit together."""
    imports = {name: data_address(path) for name, path in modules().items() if "/server/" not in name}
    style = (FOLDER / "css/page.css").read_text(encoding="utf-8")
    policy = f"style-src {digest(style)}; img-src data: blob:; script-src data:"
    return fill(
        title=data.title,
        style=f"<style>{style}</style>",
        imports=imports,
        data=to_json(encode(data)),
        policy=policy,
    )


def document(
    title: str,
    source: str,
    root: str,
    interval: float,
    view: View = "sweep",
    trail: Sequence[Cell] = (),
    sign_out: str = "",
    write: str = "",
) -> str:
    """Return a page for a server.

    Its assets are below `root`; its data come from `source`, which it asks every `interval` seconds.

    `view` says what is shown; a sweep is the report's page, and has controls. `trail` holds the links from
    the home page to this one. A POST to `sign_out` ends the session. `write` is the token that every write
    must carry.
    """
    return fill(
        title=title,
        style=style_link(root),
        imports={name: f"{root}{path.relative_to(FOLDER).as_posix()}" for name, path in modules().items()},
        data=to_json({"view": view, "source": source, "interval": interval * 1000, "write": write}),
        policy=SERVER_POLICY,
        boot=SERVER_BOOT,
        before=navigation(trail, sign_out),
    )


def sign_in(root: str, command: str, hint: str, target: str, problem: str = "") -> str:
    """Return the form that asks for the key.

    `command` prints the key, `hint` explains it, `target` comes next.
    """
    line = f'<p class="problem" role="alert">{html.escape(problem)}</p>' if problem else ""
    return still(
        "Sign in",
        root,
        f'<form method="post" action="/sign-in"><label for="key">Key of this server</label>'
        '<input id="key" name="key" type="password" autocomplete="current-password" required autofocus>'
        f"{line}"
        f'<input type="hidden" name="next" value="{html.escape(target)}">'
        f'<button class="primary">Sign in</button></form>'
        f'<p class="note">On the machine of the server, <code>{html.escape(command)}</code> prints it.'
        f" {html.escape(hint)}</p>",
    )


def note(title: str, text: str, root: str, link: Cell) -> str:
    """Return a page with one line and a link."""
    way = f'<p><a href="{html.escape(link.url)}">{html.escape(link.text)}</a></p>'
    return still(title, root, f"<p>{html.escape(text)}</p>{way}")


def still(title: str, root: str, content: str) -> str:
    """Return a page that needs no data. `content` is our own HTML."""
    return fill(
        title=f"{title} · Metasweep",
        style=style_link(root),
        imports={f"page/base/{name}": f"{root}js/base/{name}.js" for name in ("theme", "dom")},
        data="{}",
        policy=SERVER_POLICY,
        boot='import { themeButton } from "page/base/theme"; themeButton(() => {});',
        content='<div class="still"><p class="brand">Metasweep</p>'
        f"<h1>{html.escape(title)}</h1>{content}</div>",
    )


def style_link(root: str) -> str:
    """The style sheets of a server's pages."""
    return "".join(
        f'<link rel="stylesheet" href="{html.escape(root)}css/{name}.css">' for name in ("page", "server")
    )


def navigation(trail: Sequence[Cell], sign_out: str) -> str:
    """Return the navigation line of a server's page."""
    items = [f'<li><a href="{html.escape(cell.url)}">{html.escape(cell.text)}</a></li>' for cell in trail]
    if items:
        items[-1] = items[-1].replace("<a ", '<a aria-current="page" ')
    form = (
        f'<form method="post" action="{html.escape(sign_out)}"><button>Sign out</button></form>'
        if sign_out
        else ""
    )
    return f'<nav class="site" aria-label="Site"><ol>{"".join(items)}</ol>{form}</nav>'


def assets() -> dict[str, Path]:
    """Return the static files that a server offers: path below its root -> file."""
    files = [*sorted((FOLDER / "css").glob("*.css")), *modules().values()]
    return {path.relative_to(FOLDER).as_posix(): path for path in files}


def modules() -> dict[str, Path]:
    """Return module names, as the scripts import them -> files."""
    scripts = FOLDER / "js"
    own = {
        f"page/{path.relative_to(scripts).with_suffix('').as_posix()}": path
        for path in sorted(scripts.rglob("*.js"))
    }
    return {"d3": FOLDER / "vendor/d3.js", **own}


def data_address(path: Path) -> str:
    """Return a script as a data: address, named for the browser's developer tools."""
    script = path.read_text(encoding="utf-8") + f"\n//# sourceURL={path.name}\n"
    return "data:text/javascript;base64," + base64.b64encode(script.encode()).decode()


def digest(text: str) -> str:
    """Return the source expression of a content security policy that allows exactly this inline text."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def fill(
    *,
    title: str,
    style: str,
    imports: Mapping[str, str],
    data: str,
    policy: str,
    boot: str = BOOT,
    before: str = "",
    content: str = WAITING,
) -> str:
    """Fill the template. The policy names the digests of its only inline scripts."""
    import_map = json.dumps({"imports": imports})
    policy = f"default-src 'none'; base-uri 'none'; {policy} {digest(import_map)} {digest(boot)}"
    slots = {
        "title": html.escape(title),
        "policy": html.escape(policy),
        "style": style,
        "imports": import_map,
        "boot": boot,
        "before": before,
        "content": content,
        "data": data,
    }
    text = (FOLDER / "index.html").read_text(encoding="utf-8")
    head, *rest = text.split("{{")
    pieces = [head]
    for piece in rest:
        slot, after = piece.split("}}", 1)
        pieces += [slots[slot], after]
    return "".join(pieces)
