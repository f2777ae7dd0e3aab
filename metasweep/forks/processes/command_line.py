"""The command line and environment of this process as others see them, in `/proc/PID` and `ps`. Linux."""

from __future__ import annotations

import ctypes
import os
from pathlib import Path

PR_SET_MM, PR_SET_MM_MAP = 35, 14
_shown: list[ctypes.Array] = []  # the kernel reads from this memory as long as the process lives


class MemoryMap(ctypes.Structure):
    """`struct prctl_mm_map` of linux/prctl.h."""

    _fields_ = (
        *((name, ctypes.c_uint64) for name in (
            "start_code", "end_code", "start_data", "end_data", "start_brk", "brk", "start_stack",
            "arg_start", "arg_end", "env_start", "env_end", "auxv",
        )),
        ("auxv_size", ctypes.c_uint32),
        ("exe_fd", ctypes.c_uint32),
    )  # fmt: skip


def show(words: list[str], environ: dict[str, str]) -> None:
    """Show these words and variables; a kernel without CONFIG_CHECKPOINT_RESTORE shows the old ones."""
    libc = ctypes.CDLL(None, use_errno=True)
    libc.sbrk.restype = ctypes.c_uint64
    fields = Path("/proc/self/stat").read_bytes().rpartition(b")")[2].split()
    numbers = {
        number: int(fields[number - 3]) for number in (26, 27, 28, *range(45, 48))
    }  # as proc(5) counts
    arguments = b"".join(os.fsencode(word) + b"\0" for word in words)
    variables = b"".join(os.fsencode(f"{name}={value}") + b"\0" for name, value in environ.items())
    buffer = ctypes.create_string_buffer(arguments + variables, len(arguments) + len(variables))
    start = ctypes.addressof(buffer)
    middle, end = start + len(arguments), start + len(buffer)
    found = MemoryMap(
        start_code=numbers[26],
        end_code=numbers[27],
        start_data=numbers[45],
        end_data=numbers[46],
        start_brk=numbers[47],
        brk=libc.sbrk(0),
        start_stack=numbers[28],
        arg_start=start,
        arg_end=middle,
        env_start=middle,
        env_end=end,
        exe_fd=0xFFFFFFFF,  # leave the executable as it is
    )
    if libc.prctl(PR_SET_MM, PR_SET_MM_MAP, ctypes.byref(found), ctypes.sizeof(found), 0) == 0:
        _shown.append(buffer)
