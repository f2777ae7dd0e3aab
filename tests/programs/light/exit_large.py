"""An exit code that does not fit."""

raise SystemExit(256 + 5)
