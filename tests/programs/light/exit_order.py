"""Who comes after whom at the end: threads, handlers, finalizers, `__del__`."""

import atexit
import os
import threading
import time
import weakref

log = os.open(os.environ["OUT"] + "/order", os.O_WRONLY | os.O_CREAT)


class Ends:
    def __init__(self, name):
        self.name = name

    def __del__(self, write=os.write, log=log):
        write(log, f"del {self.name}\n".encode())


class Finalized:
    pass


kept, finalized = Ends("global"), Finalized()
weakref.finalize(finalized, os.write, log, b"finalizer\n")
atexit.register(os.write, log, b"first registered\n")
atexit.register(os.write, log, b"last registered\n")


def work():
    time.sleep(0.3)
    os.write(log, b"thread\n")


threading.Thread(target=work).start()
os.write(log, b"end of the program\n")
