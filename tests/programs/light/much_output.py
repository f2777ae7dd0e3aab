"""More than any pipe holds."""

import sys

for i in range(20_000):
    print("line", i, "x" * 100)
sys.stdout.buffer.write(bytes(range(256)) * 1000)
