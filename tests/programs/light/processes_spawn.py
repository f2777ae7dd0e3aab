"""multiprocessing, by spawn: a function and a class of the program itself."""

import multiprocessing
import os


class Job:
    def __init__(self, x):
        self.x = x


def work(job):
    return job.x**2, __name__ in ("__main__", "__mp_main__")


if __name__ == "__main__":
    context = multiprocessing.get_context("spawn")
    with context.Pool(2) as pool:
        found = pool.map(work, [Job(i) for i in range(4)])
    process = context.Process(target=work, args=(Job(1),))
    process.start()
    process.join()
    open(os.environ["OUT"] + "/found", "w").write(f"{found} {process.exitcode}")
