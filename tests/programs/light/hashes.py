"""The order of a set of strings, which differs from interpreter to interpreter."""

import json
import os

open(os.environ["OUT"] + "/hash.json", "w").write(
    json.dumps({"hash": hash("a"), "set": list(map(str, {f"w{i}" for i in range(50)}))})
)
