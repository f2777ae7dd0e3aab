"""What a result depends on besides the options: versions, commit, device, threads, network size."""

import contextlib
import functools
import platform
import subprocess
from importlib import metadata
from pathlib import Path
from typing import Any

import torch
from torch import nn

from train.config import Config
from train.errors import TrainError

PACKAGES = ("torch", "torchvision", "wandb", "scikit-learn", "numpy")


def choose_device(config: Config) -> torch.device:
    """The device that ``--device`` asks for."""
    available = config.device != "cpu" and torch.cuda.is_available()
    if config.device == "cuda" and not available:
        raise TrainError("--device cuda: torch sees no CUDA device here: use --device auto or cpu")
    return torch.device("cuda" if available else "cpu")


def choose_dtype(config: Config, device: torch.device) -> torch.dtype:
    """The number format of the forward pass that ``--precision`` asks for on ``device``."""
    if config.precision == "auto":
        return torch.bfloat16 if _computes_in_bf16(device) else torch.float32
    return {"fp32": torch.float32, "bf16": torch.bfloat16}[config.precision]


def _computes_in_bf16(device: torch.device) -> bool:
    """Return whether ``device`` computes in bf16 natively; emulated, it is slower than fp32."""
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    cpu_info = Path("/proc/cpuinfo")
    return cpu_info.exists() and "avx512_bf16" in cpu_info.read_text()


def describe(model: nn.Module, device: torch.device, dtype: torch.dtype) -> dict[str, Any]:
    """What is added to the options in the run's W&B config."""
    return {
        "parameter_count": sum(parameter.numel() for parameter in model.parameters()),
        "device_name": torch.cuda.get_device_name(device) if device.type == "cuda" else platform.machine(),
        "dtype": str(dtype).removeprefix("torch."),
        "threads": torch.get_num_threads(),
        "versions": versions(),
        "git_commit": git_commit(),
    }


@functools.cache
def versions() -> dict[str, str]:
    """Return the versions of Python and of the installed packages that affect a result."""
    found = {"python": platform.python_version()}
    for name in PACKAGES:
        with contextlib.suppress(metadata.PackageNotFoundError):  # only digits needs scikit-learn
            found[name] = metadata.version(name)
    return found


@functools.cache
def git_commit() -> str | None:
    """The commit of the program's own source; None outside a git checkout."""
    command = ["git", "-C", str(Path(__file__).parent), "rev-parse", "HEAD"]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return None
