"""Files of runs: announcing, listing, deleting."""

import json
import sqlite3
from typing import Any

from graphql import GraphQLResolveInfo

from metasweep.server.api import lookup, paging
from metasweep.server.errors import BadRequest
from metasweep.server.store import ids
from metasweep.server.store.order import ID, Term
from metasweep.server.stream import files

MAX_FILES = 10_000


def create_run_files(_source: Any, info: GraphQLResolveInfo, input: dict[str, Any]) -> dict[str, Any]:
    """Announce files; the answer has exactly as many, in the same order, with URLs to put them."""
    if len(input["files"]) > MAX_FILES:
        raise BadRequest(f"files: at most {MAX_FILES} at once")

    def job(connection: sqlite3.Connection) -> tuple[int, list[int]]:
        run = lookup.run_by_path(connection, input["entityName"], input["projectName"], input["runName"])
        return run["id"], [files.announce(connection, "run_id", run["id"], name) for name in input["files"]]

    run_id, file_ids = info.context.database.write(job)
    urls = [files.url(info.context, file_id, "PUT") for file_id in file_ids]
    rows = [{"name": name, "upload_url": url} for name, url in zip(input["files"], urls, strict=True)]
    return {"run_id": run_id, "upload_headers": [], "files": rows}


def listing(
    info: GraphQLResolveInfo,
    condition: str,
    values: list[Any],
    names: list[str] | None,
    first: int | None,
    after: str | None,
) -> dict[str, Any]:
    """A page of the uploaded files that meet an SQL condition, possibly only those named."""
    read = info.context.database.read()
    if names:
        condition += " AND name IN (SELECT value FROM json_each(?))"
        values = [*values, json.dumps(names)]
    count = f"SELECT count(*) FROM files WHERE blob IS NOT NULL AND {condition}"
    query = f"SELECT * FROM files WHERE blob IS NOT NULL AND {condition}"
    page = paging.page(info, query, values, first, after, [Term("name"), ID])
    return page | {"total_count": read.execute(count, values).fetchone()[0]}


def run_files(
    run: sqlite3.Row,
    info: GraphQLResolveInfo,
    names: list[str] | None = None,
    first: int | None = None,
    after: str | None = None,
    pattern: str | None = None,
) -> dict[str, Any]:
    """The uploaded files of a run: all, those named, or those whose name is LIKE a pattern."""
    condition, values = "run_id = ?", [run["id"]]
    if pattern:
        condition, values = condition + " AND name LIKE ?", [*values, pattern]
    return listing(info, condition, values, names, first, after)


def file_count(run: sqlite3.Row, info: GraphQLResolveInfo) -> int:
    """How many files a run has uploaded."""
    query = "SELECT count(*) FROM files WHERE run_id = ? AND blob IS NOT NULL"
    return info.context.database.read().execute(query, (run["id"],)).fetchone()[0]


def delete_files(_source: Any, info: GraphQLResolveInfo, input: dict[str, Any]) -> dict[str, Any]:
    """Delete files of runs."""

    def job(connection: sqlite3.Connection) -> list[str]:
        blobs = []
        for opaque in input["files"]:
            row = lookup.by_id(connection, "files", "File", opaque)
            connection.execute("DELETE FROM files WHERE id = ?", (row["id"],))
            blobs += [row["blob"]] if row["blob"] else []
        return files.unnamed(connection, blobs)

    files.remove_blobs(info.context.server, info.context.database.write(job))
    return {"success": True}


def mark_uploaded(_source: Any, _info: GraphQLResolveInfo, input: dict[str, Any]) -> dict[str, Any]:  # noqa: ARG001
    """Nothing to do: an upload is recorded when its bytes are here."""
    return {"success": True}


def resolve_url(file: sqlite3.Row, info: GraphQLResolveInfo, upload: bool | None = False) -> str:
    """A URL to get the file, or to put it."""
    return files.url(info.context, file["id"], "PUT" if upload else "GET")


FILE = {
    "displayName": lambda file, _info: file["name"],
    "url": resolve_url,
    "directUrl": resolve_url,
    "uploadUrl": lambda file, info: files.url(info.context, file["id"], "PUT"),
    "uploadHeaders": lambda _file, _info: [],
    "sizeBytes": lambda file, _info: file["size"],
    "digest": lambda file, _info: file["md5"],
    "storagePath": lambda file, _info: ids.encode("File", file["id"]),
}
RESOLVERS = {
    "Mutation": {
        "createRunFiles": create_run_files,
        "markRunFilesUploaded": mark_uploaded,
        "deleteFiles": delete_files,
    },
    "Run": {"files": run_files, "fileCount": file_count},
    "CreateRunFilesPayload": {"runID": lambda payload, _info: ids.encode("Run", payload["run_id"])},
    "File": FILE,
}
