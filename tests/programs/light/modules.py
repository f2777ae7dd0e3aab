"""Which modules are there before the program imports any."""

import sys

before = sorted(name for name in sys.modules if name != "light")
import os

open(os.environ["OUT"] + "/modules", "w").write("\n".join(before))
