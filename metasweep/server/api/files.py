"""Files of runs: announcing, listing, deleting."""

import sqlite3
from typing import Any

from graphql import GraphQLResolveInfo

from metasweep.server.api.graphql import paging
from metasweep.server.errors import BadRequest
from metasweep.server.store import files as file_rows
from metasweep.server.store.base import ids, rows
from metasweep.server.store.base.order import ID, Term
from metasweep.server.store.base.rows import Rows
from metasweep.server.store.runs import runs
from metasweep.server.stream import files

MAX_FILES = 10_000


def create_run_files(_source: Any, info: GraphQLResolveInfo, input: dict[str, Any]) -> dict[str, Any]:
    """Announce files. The answer has one entry per file, in the same order, with its upload URL."""
    if len(input["files"]) > MAX_FILES:
        raise BadRequest(f"files: at most {MAX_FILES} at once")

    def job(connection: sqlite3.Connection) -> tuple[int, list[int]]:
        run = runs.by_path(connection, input["entityName"], input["projectName"], input["runName"])
        return run["id"], [
            file_rows.announce(connection, "run_id", run["id"], name) for name in input["files"]
        ]

    run_id, file_ids = info.context.database.write(job)
    urls = [files.url(info.context, file_id, "PUT") for file_id in file_ids]
    answers = [{"name": name, "upload_url": url} for name, url in zip(input["files"], urls, strict=True)]
    return {"run_id": run_id, "upload_headers": [], "files": answers}


def listing(info: GraphQLResolveInfo, found: Rows, first: int | None, after: str | None) -> dict[str, Any]:
    """A page of files, by name, with their total number."""
    page = paging.page(info, found, first, after, [Term("name"), ID])
    return page | {"total_count": found.count(info.context.database.read())}


def run_files(
    run: sqlite3.Row,
    info: GraphQLResolveInfo,
    names: list[str] | None = None,
    first: int | None = None,
    after: str | None = None,
    pattern: str | None = None,
) -> dict[str, Any]:
    """The uploaded files of a run: all, those named, or those whose name is LIKE a pattern."""
    return listing(info, file_rows.uploaded("run_id", run["id"], names, pattern), first, after)


def file_count(run: sqlite3.Row, info: GraphQLResolveInfo) -> int:
    """How many files a run has uploaded."""
    return file_rows.uploaded("run_id", run["id"]).count(info.context.database.read())


def delete_files(_source: Any, info: GraphQLResolveInfo, input: dict[str, Any]) -> dict[str, Any]:
    """Delete files of runs."""

    def job(connection: sqlite3.Connection) -> list[str]:
        blobs = []
        for opaque in input["files"]:
            row = rows.by_id(connection, "files", "File", opaque)
            blobs += file_rows.delete(connection, row["id"])
        return file_rows.unnamed(connection, blobs)

    files.remove_blobs(info.context.server, info.context.database.write(job))
    return {"success": True}


def mark_uploaded(_source: Any, _info: GraphQLResolveInfo, input: dict[str, Any]) -> dict[str, Any]:  # noqa: ARG001
    """Do nothing: an upload is recorded when its bytes have arrived."""
    return {"success": True}


def resolve_url(file: sqlite3.Row, info: GraphQLResolveInfo, upload: bool | None = False) -> str:
    """Return the URL to download or upload the file; for a reference, the place of its bytes."""
    if file["ref"] is not None:
        return file["ref"]
    return files.url(info.context, file["id"], "PUT" if upload else "GET")


FILE = {
    "displayName": lambda file, _info: file["name"],
    "url": resolve_url,
    "directUrl": resolve_url,
    "uploadUrl": lambda file, info: files.url(info.context, file["id"], "PUT"),
    "uploadHeaders": lambda _file, _info: [],
    "sizeBytes": lambda file, _info: file["size"],
    "digest": lambda file, _info: file["md5"],
    "storagePath": lambda file, _info: (
        f"wandb_artifacts/{file['id']}" if file["artifact_id"] else file["name"]
    ),
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
