"""What a job finds on its node, one line each. `python -m metasweep.cluster.node` is the program of hello.sh.

Exit status: 0 if agents can work here, 1 if something that they need is missing (its line says NO).
"""

from __future__ import annotations

import os
import platform
import shutil
import socket
import sys
import tempfile
from collections.abc import Callable
from importlib import import_module
from pathlib import Path

from metasweep.batch.job import core_limits, gpus, job_id
from metasweep.cluster.reach import check_reach


class Missing(Exception):
    """Something that agents need is missing. The message says what to do."""


def node() -> str:
    """Name, CPUs given and on the machine, and the job's id."""
    given = min([len(os.sched_getaffinity(0)), *core_limits(os.environ)])
    return f"{socket.gethostname()}, {given} of {os.cpu_count()} CPUs ({job_id(os.environ) or 'no job'})"


def python() -> str:
    """Version and path."""
    if sys.version_info < (3, 10):  # noqa: UP036 - the node's Python may have any version
        raise Missing(f"{platform.python_version()} is too old: set MODULES or IMAGE to Python 3.10 or newer")
    return f"{platform.python_version()} ({sys.executable})"


def torch() -> str:
    """Return torch's version, after a test calculation."""
    try:
        library = import_module("torch")
    except ImportError as error:
        return f"not installed here ({error}); only programs that use it need it"
    library.ones(2, 2) @ library.ones(2, 2)
    return str(library.__version__)


def gpu() -> str:
    """Return the GPUs of the job, after a multiplication on each.

    A build of torch may not support every GPU.
    """
    if not gpus(os.environ):
        return "none asked for"
    cuda = import_module("torch").cuda
    if not cuda.is_available():
        raise Missing(
            "the job has a GPU, but torch sees none: in an image, was --nv given? else, is the driver old?"
        )
    return ", ".join(card(index) for index in range(cuda.device_count()))


def card(index: int) -> str:
    """Return name, memory and compute capability of a GPU. Raises Missing if torch cannot calculate on it."""
    library = import_module("torch")
    properties = library.cuda.get_device_properties(index)
    capability = f"compute_{properties.major}{properties.minor}"
    try:
        ones = library.ones(64, 64, device=f"cuda:{index}")
        (ones @ ones).sum().item()
    except RuntimeError as error:
        raise Missing(
            f"torch has no code for {properties.name} ({capability}): ask for a newer --gpu-cap"
        ) from error
    return f"{properties.name}, {properties.total_memory / 2**30:.0f} GiB, {capability}"


def scratch() -> str:
    """Return where temporary files go and the space left, after writing one there."""
    folder = tempfile.gettempdir()
    with tempfile.TemporaryFile() as file:
        file.write(b"hello")
    if "SCRATCHDIR" not in os.environ:
        return f"no SCRATCHDIR, {folder} instead"
    return f"{folder}, {shutil.disk_usage(folder).free / 1e9:.0f} GB free"


def data() -> str:
    """Return the folder of the data set, if the node sees one."""
    folder = Path("data")
    if folder.is_dir():
        return str(folder.resolve())
    return "no folder data/ here; only programs that read it need it"


def server() -> str:
    """Return the W&B server, after a request that needs the key."""
    try:  # this module also runs where the tool's dependencies are not installed yet
        from click import ClickException

        from metasweep.client.account import resolve
        from metasweep.client.protocol import Client, Refused, Unreachable
    except ImportError as error:
        raise Missing(f"{error}: the environment does not exist yet, or another one is used") from error
    try:
        account = resolve(os.environ, Path.cwd())
        check_reach(account.base_url)
        return f"{account.base_url} as {Client(account).default_entity()}"
    except ClickException as error:
        raise Missing(error.message) from error
    except ConnectionError as error:
        raise Missing(f"{error}: is it running, and may this node connect to it?") from error
    except (Refused, Unreachable) as error:
        raise Missing(
            f"{account.base_url} did not accept the key ({error}): run `wandb login` or set KEY_FILE"
        ) from error


CHECKS: tuple[Callable[[], str], ...] = (node, python, scratch, data, torch, gpu, server)


def report() -> bool:
    """Print every check's line; return True if nothing is missing."""
    fine = True
    for check in CHECKS:
        try:
            line = check()
        except Missing as missing:
            fine, line = False, f"NO: {missing}"
        except OSError as error:
            fine, line = False, f"NO: {error}"
        print(f"{check.__name__:<8}{line}", flush=True)
    return fine


if __name__ == "__main__":
    sys.exit(0 if report() else 1)
