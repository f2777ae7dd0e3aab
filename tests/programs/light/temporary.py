"""Temporary files, removed at the end."""

import os
import tempfile

folder, file = tempfile.TemporaryDirectory(), tempfile.NamedTemporaryFile()
open(os.environ["OUT"] + "/random-names", "w").write(f"{folder.name}\n{file.name}")
