"""An end without handlers and buffers."""

import atexit
import os

atexit.register(lambda: open(os.environ["OUT"] + "/never", "w"))
open(os.environ["OUT"] + "/written", "w").write("lost")
print("lost too", end="")
os._exit(4)
