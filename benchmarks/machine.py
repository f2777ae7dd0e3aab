"""Describes the machine of a measurement."""

from __future__ import annotations

import os
import platform
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch

from train.facts import git_commit

PACKAGES = ("torch", "torchvision", "wandb", "numpy")


def describe(device: torch.device) -> dict[str, Any]:
    """Describe this machine: processor, device, cores given to this process, memory, versions; and when."""
    return {
        "measured": time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime()),
        "commit": git_commit(),
        "processor": _processor(),
        "device": torch.cuda.get_device_name().replace(" ", "-") if device.type == "cuda" else "cpu",
        "cores": len(os.sched_getaffinity(0)),
        "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30),
        "system": platform.platform(terse=True),
        "python": platform.python_version(),
        **{name: version(name) for name in PACKAGES},
    }


def sentence(machine: dict[str, Any]) -> str:
    """One line for the head of a table."""
    versions = ", ".join(f"{name} {machine[name]}" for name in ("python", *PACKAGES))
    gpu = "" if machine["device"] == "cpu" else f"{machine['device']}; "
    return f"{gpu}{machine['cores']} cores of {machine['processor']}, {machine['memory_gib']} GiB; {versions}"


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:  # not Linux
        return platform.processor()
    fields = dict(line.split(":", 1) for line in lines if ":" in line)
    flags = fields.get("flags\t\t", "").split()
    widest = next((name for name in ("avx512_bf16", "avx512f", "avx2") if name in flags), "no avx2")
    name = fields.get("model name\t", platform.machine()).strip()
    # Cloud machines hide the model name; family and number distinguish a Zen 4 (25, 17) from a Zen 5 (26, 2).
    number = "/".join(fields.get(key, "?").strip() for key in ("cpu family\t", "model\t\t"))
    return f"{name} (family/model {number}, {widest})"
