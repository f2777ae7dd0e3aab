"""Files that libraries hold, and threads that are never joined."""

import json
import logging.handlers
import os
import threading
import time

out = os.environ["OUT"]
json.held = open(out + "/on-a-module", "w")
json.held.write("kept")
memory = logging.handlers.MemoryHandler(100, target=logging.FileHandler(out + "/log"))
logging.getLogger("mine").addHandler(memory)
logging.getLogger("mine").warning("kept")


def forever():
    while True:
        time.sleep(0.001)


for _ in range(5):
    threading.Thread(target=forever, daemon=True).start()
