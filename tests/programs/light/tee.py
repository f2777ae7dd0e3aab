"""The usual second copy of what is printed."""

import os
import sys


class Tee:
    def __init__(self, path):
        self.file, self.shown = open(path, "w"), sys.stdout

    def write(self, text):
        self.file.write(text)
        self.shown.write(text)

    def flush(self):
        pass


sys.stdout = Tee(os.environ["OUT"] + "/printed")
for i in range(100):
    print("step", i)
