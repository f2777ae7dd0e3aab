"""No file can be opened at the end."""

import os
import resource

out = open(os.environ["OUT"] + "/most", "w")
resource.setrlimit(resource.RLIMIT_NOFILE, (32, 32))
held = []
try:
    while True:
        held.append(open(os.devnull))
except OSError as error:
    out.write(error.strerror)
