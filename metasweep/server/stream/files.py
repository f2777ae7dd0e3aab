"""Files of runs and artifacts: the bytes on disk under random names, everything else in the database.

An upload is written to a temporary file, moved into place, then recorded. A crash leaves the old file or the
new one, never a part of it. Names from clients never become paths.
"""

import base64
import contextlib
import hashlib
import os
import secrets
import sqlite3
from collections.abc import Mapping
from pathlib import Path

from anyio import to_thread
from starlette.requests import ClientDisconnect, Request
from starlette.responses import FileResponse, Response

from metasweep.server.context import Context, Server
from metasweep.server.errors import BadRequest, NotFound
from metasweep.server.store import blobs
from metasweep.server.store import files as file_rows
from metasweep.server.store.base import rows

SAFE = {"X-Content-Type-Options": "nosniff", "Content-Security-Policy": "sandbox"}
FLUSH = 1 << 20  # bytes kept in memory before they are written to the disk


def url(context: Context, file_id: int, method: str = "GET") -> str:
    """Return an absolute URL to download or upload a file. It works without the key for a day."""
    return context.signed(method, f"/storage/{file_id}")


def blob_path(server: Server, blob: str) -> Path:
    """Where a blob lies."""
    return blobs.path_of(server.settings.files_dir, blob)


def write_blob(server: Server, data: bytes) -> str:
    """Store bytes of the server itself as a new blob. A row must name it."""
    blob = secrets.token_hex(16)
    path = blob_path(server, blob)
    path.parent.mkdir(exist_ok=True)
    with path.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    return blob


def remove_blobs(server: Server, unneeded: list[str]) -> None:
    """Remove the bytes of blobs that no row names."""
    blobs.remove(server.settings.files_dir, unneeded)


async def _receive(request: Request, path: Path) -> tuple[int, str]:
    """Write the body to a new file; return (size, base64 md5)."""
    digest, size = hashlib.md5(usedforsecurity=False), 0
    path.parent.mkdir(exist_ok=True)
    with path.open("wb") as file:
        async for part in request.stream():
            digest.update(part)
            size += len(part)
            if len(part) > FLUSH:
                await to_thread.run_sync(file.write, part)
            else:
                file.write(part)
        file.flush()
        await to_thread.run_sync(os.fsync, file.fileno())
    return size, base64.b64encode(digest.digest()).decode()


def _record(connection: sqlite3.Connection, file_id: int, blob: str, size: int, md5: str) -> list[str]:
    """Make a blob the content of a file; return the blobs to remove."""
    old = rows.get(connection, "files", file_id)
    if old is None:
        raise NotFound("this file was deleted")
    file_rows.set_content(connection, file_id, blob, size, md5)
    return file_rows.unnamed(connection, [old["blob"]]) if old["blob"] else []


async def upload(request: Request) -> Response:
    """PUT of a file that was announced."""
    server: Server = request.app.state.server
    file_id, blob = request.path_params["file"], secrets.token_hex(16)
    path = blob_path(server, blob)
    try:
        size, md5 = await _receive(request, path)
        announced = request.headers.get("content-length")
        if announced is not None and int(announced) != size:
            raise BadRequest("the upload ended early")
        old = await server.database.write_async(
            lambda connection: _record(connection, file_id, blob, size, md5)
        )
    except Exception as error:  # but not a cancelled task: its row may be written nevertheless
        path.unlink(missing_ok=True)
        if isinstance(error, ClientDisconnect):
            raise BadRequest("the upload ended early") from error
        raise
    remove_blobs(server, old)
    return Response(headers={"ETag": f'"{md5}"'})


async def preflight(request: Request) -> Response:
    """Answer a browser that asks whether a page may download or upload files: this server's pages may."""
    origin = request.headers.get("origin", "")
    headers = {"Vary": "Origin"}
    if origin.partition("://")[2].lower() == request.headers.get("host", "").lower():
        headers |= {"Access-Control-Allow-Origin": origin, "Access-Control-Allow-Methods": "GET, HEAD, PUT"}
    return Response(status_code=204, headers=headers)


async def download(request: Request) -> Response:
    """GET of a file's bytes."""
    server: Server = request.app.state.server
    return send(server, rows.get(server.database.read(), "files", request.path_params["file"]))


async def download_by_digest(request: Request) -> Response:
    """GET of an artifact's file by the MD5 of its bytes. Clients use it if they have no signed URL."""
    server: Server = request.app.state.server
    try:
        md5 = base64.b64encode(bytes.fromhex(request.path_params["digest"])).decode()
    except ValueError as error:
        raise BadRequest("the digest is not hexadecimal") from error
    return send(server, file_rows.find_artifact_file(server.database.read(), md5))


def send(
    server: Server, file: sqlite3.Row | None, headers: Mapping[str, str] = SAFE, kind: str | None = None
) -> Response:
    """Return the bytes of a file, of its own kind unless another is given; raise NotFound."""
    if file is None or file["blob"] is None:
        raise NotFound("there is no such file")
    path = blob_path(server, file["blob"])
    try:
        found = path.stat()
    except FileNotFoundError as error:  # replaced or deleted after its row was read, or lost from the disk
        raise NotFound(f"the bytes of {file['name']!r} are gone: ask for it again") from error
    media_type = kind or file_rows.fit_type(file["mimetype"])
    return FileResponse(path, media_type=media_type, headers=headers, stat_result=found)


def collect_garbage(server: Server) -> int:
    """Remove blobs that a crash left without a row; return how many. Call it before serving."""
    known = set(file_rows.blobs(server.database.read()))
    removed = 0
    for path in server.settings.files_dir.glob("??/*"):
        if path.name not in known:
            with contextlib.suppress(FileNotFoundError):
                path.unlink()
                removed += 1
    return removed
