"""joblib: processes and threads."""

import os

from joblib import Parallel, delayed


def work(x):
    return x * x


if __name__ == "__main__":
    found = Parallel(n_jobs=2)(delayed(work)(x) for x in range(6))
    found += Parallel(n_jobs=2, backend="threading")(delayed(work)(x) for x in range(3))
    with open(os.environ["OUT"] + "/found", "w") as file:
        file.write(str(found))
