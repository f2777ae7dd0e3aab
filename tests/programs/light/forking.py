"""os.fork: the child ends by its own last line, handlers and all."""

import atexit
import os
import sys

log = open(os.environ["OUT"] + "/log", "a", buffering=1)
atexit.register(lambda: log.write(f"handler of {who}\n"))
who = "child" if (pid := os.fork()) == 0 else "parent"
if who == "child":
    sys.exit(5)
log.write(f"child ended with {os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])}\n")
