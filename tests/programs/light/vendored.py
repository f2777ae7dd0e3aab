"""A changed copy of a library before the installed one."""

import os
import sys

out = os.environ["OUT"]
os.makedirs(out + "/vendor")
open(out + "/vendor/yaml.py", "w").write("WHOSE = 'my own copy'\n")
sys.dont_write_bytecode = True
sys.path.insert(0, out + "/vendor")
import yaml

open(out + "/whose", "w").write(getattr(yaml, "WHOSE", "the installed one"))
