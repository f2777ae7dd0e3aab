"""A thread that goes on after the last line, and uses the program's own class and names."""

import os
import pickle
import threading
import time


class Result:
    pass


def later():
    time.sleep(0.3)
    with open(os.environ["OUT"] + "/later", "w") as file:
        file.write(f"{len(pickle.dumps(Result()))} {__name__}")


threading.Thread(target=later).start()
threading.Thread(target=lambda: time.sleep(1000), daemon=True).start()
