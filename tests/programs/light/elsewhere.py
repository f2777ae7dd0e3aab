"""A program that goes to another folder and looks for itself."""

import os
import tempfile

os.chdir(tempfile.mkdtemp())
open(os.environ["OUT"] + "/found", "w").write(f"{os.path.isabs(__file__)} {os.path.exists(__file__)}")
