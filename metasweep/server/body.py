"""Reads request bodies: limits their size, unzips and parses them. Broken ones get the right status."""

import zlib
from typing import Any

from anyio import to_thread
from starlette.requests import ClientDisconnect, Request

from metasweep.server.documents import parse_object
from metasweep.server.errors import BadRequest, TooLarge

MAX_BODY = 64 * 1024 * 1024  # bytes, before and after unzipping; the client sends 10 MB at most
LARGE = 100_000  # bytes; larger ones are parsed in a thread, so that the event loop stays free


async def read_json(request: Request, limit: int = MAX_BODY) -> dict[str, Any]:
    """Return the body as a JSON object, unzipped if needed. Raises BadRequest, TooLarge."""
    body = await read_bytes(request, limit)
    zipped = request.headers.get("content-encoding", "").lower() == "gzip"
    if len(body) < LARGE and not zipped:
        return _object(body)
    return await to_thread.run_sync(lambda: _object(_unzip(body, limit) if zipped else body))


def _object(body: bytes) -> dict[str, Any]:
    return parse_object(body or b"{}", "the body")


async def read_bytes(request: Request, limit: int) -> bytes:
    """Return the body. Raises BadRequest if it ends early, TooLarge."""
    parts, size = [], 0
    try:
        async for part in request.stream():
            size += len(part)
            if size > limit:
                raise TooLarge(f"the body is over {limit} bytes")
            parts.append(part)
    except ClientDisconnect as error:
        raise BadRequest("the request ended early") from error
    return b"".join(parts)


def _unzip(body: bytes, limit: int) -> bytes:
    unzip = zlib.decompressobj(wbits=16 + zlib.MAX_WBITS)
    try:
        text = unzip.decompress(body, limit + 1)
    except zlib.error as error:
        raise BadRequest(f"the body is not gzip: {error}") from error
    if len(text) > limit:
        raise TooLarge(f"the body is over {limit} bytes when unzipped")
    if not unzip.eof:
        raise BadRequest("the gzip body is cut short")
    return text
