"""Small files that other processes read at any time, on storage that several nodes may share."""

from __future__ import annotations

import secrets
from pathlib import Path


def replace_text(path: Path, text: str) -> None:
    """Replace a file as a whole: whoever reads it finds the old text or the new one. Raises OSError."""
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        draft.write_text(text, "utf-8")
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
