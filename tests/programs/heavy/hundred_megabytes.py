"""100 MB of output."""

import sys

for _ in range(100):
    sys.stdout.write(("x" * 99 + "\n") * 10_000)
