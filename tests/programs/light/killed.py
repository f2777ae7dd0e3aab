"""A signal that nobody handles."""

import os
import signal

os.kill(os.getpid(), signal.SIGKILL)
