"""The standard streams."""

import json
import os
import sys


def of(stream):
    return {
        "encoding": stream.encoding,
        "errors": stream.errors,
        "line": stream.line_buffering,
        "tty": stream.isatty(),
        "name": stream.name,
        "mode": stream.mode,
        "fd": stream.fileno(),
        "through": stream.write_through,
    }


print("text")
sys.stdout.flush()
sys.stdout.buffer.write(b"\xff\x00bytes\n")
print("on stderr", file=sys.stderr)
open(os.environ["OUT"] + "/streams.json", "w").write(
    json.dumps({"out": of(sys.stdout), "err": of(sys.stderr), "in": sys.stdin.read()})
)
