"""A module of the program's own that has the name of one of the standard library."""

import os
import sys

out = os.environ["OUT"]
open(out + "/calendar.py", "w").write("WHOSE = 'mine'\n")
sys.dont_write_bytecode = True
sys.path.insert(0, out)
import calendar

open(out + "/whose", "w").write(getattr(calendar, "WHOSE", "theirs"))
