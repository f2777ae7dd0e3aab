"""What a program knows of itself."""

import json
import os
import sys

here = os.path.dirname(os.path.abspath(__file__))
known = {
    "argv": sys.argv,
    "orig": sys.orig_argv,
    "command": open("/proc/self/cmdline").read().split("\0"),
    "file": __file__,
    "name": __name__,
    "doc": __doc__,
    "package": __package__,
    "spec": str(__spec__ and __spec__.name),
    "cached": str(globals().get("__cached__")),
    "loader": type(__loader__).__name__,
    "path": sys.path[0],
    "others": sys.path[1:],
    "flags": str(sys.flags),
    "executable": sys.executable,
    "names": sorted(n for n in globals() if n.startswith("__")),
    "main": sys.modules["__main__"].__dict__ is globals(),
    "exe": os.readlink("/proc/self/exe"),
    "cwd": os.getcwd(),
}
open(os.environ["OUT"] + "/known.json", "w").write(json.dumps(known, indent=1))
