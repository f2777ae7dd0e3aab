"""An exit code that no C compiler has a type for."""

raise SystemExit(2**70)
