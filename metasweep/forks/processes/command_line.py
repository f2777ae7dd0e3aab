"""Changes the command line of this process in `/proc/PID/cmdline` and `ps`. Linux."""

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


def show(words: list[str]) -> None:
    """Show these words as the command line. A kernel without CONFIG_CHECKPOINT_RESTORE keeps the old one."""
    libc = ctypes.CDLL(None, use_errno=True)
    libc.sbrk.restype = ctypes.c_uint64
    fields = Path("/proc/self/stat").read_bytes().rpartition(b")")[2].split()
    numbers = {
        number: int(fields[number - 3]) for number in (26, 27, 28, *range(45, 52))
    }  # in the notation of proc(5)
    text = b"".join(os.fsencode(word) + b"\0" for word in words)
    buffer = ctypes.create_string_buffer(text, len(text))
    start = ctypes.addressof(buffer)
    found = MemoryMap(
        start_code=numbers[26],
        end_code=numbers[27],
        start_data=numbers[45],
        end_data=numbers[46],
        start_brk=numbers[47],
        brk=libc.sbrk(0),
        start_stack=numbers[28],
        arg_start=start,
        arg_end=start + len(text),
        env_start=numbers[50],
        env_end=numbers[51],
        exe_fd=0xFFFFFFFF,  # do not change the executable
    )
    if libc.prctl(PR_SET_MM, PR_SET_MM_MAP, ctypes.byref(found), ctypes.sizeof(found), 0) == 0:
        _shown.append(buffer)
