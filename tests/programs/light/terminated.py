"""A signal that the program handles, and one that ends it."""

import os
import signal
import sys

signal.signal(signal.SIGTERM, lambda *_: (open(os.environ["OUT"] + "/told", "w").close(), sys.exit(9)))
os.kill(os.getpid(), signal.SIGTERM)
