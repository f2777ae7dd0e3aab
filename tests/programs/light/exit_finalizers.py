"""Who comes after whom, when handlers fail, register others, and finalizers stand between them."""

import atexit
import os
import tempfile
import weakref

import wandb  # noqa: F401  (has finalizers of its own, from its import on)

log = os.open(os.environ["OUT"] + "/order", os.O_WRONLY | os.O_CREAT)


def say(text):
    os.write(log, f"{text}\n".encode())


def fail():
    raise ValueError("in a handler")


atexit.register(say, "first registered")
folder = tempfile.TemporaryDirectory()
weakref.finalize(folder, say, "finalizer")
atexit.register(lambda: say(f"folder is there: {os.path.exists(folder.name)}"))
atexit.register(fail)
atexit.register(atexit.register, say, "registered by a handler")
