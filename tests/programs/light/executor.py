"""concurrent.futures, threads and processes, and asyncio."""

import asyncio
import os
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor


def work(x):
    return x + 1


async def wait():
    await asyncio.sleep(0.01)
    return 5


if __name__ == "__main__":
    with ProcessPoolExecutor(2) as pool:
        found = list(pool.map(work, range(3)))
    threads = ThreadPoolExecutor(2)
    later = threads.submit(work, 7)  # nobody shuts it down
    open(os.environ["OUT"] + "/found", "w").write(f"{found} {later.result()} {asyncio.run(wait())}")
