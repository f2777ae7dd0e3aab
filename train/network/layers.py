"""Matrix products and dropout on a CPU: the same results as torch's own, in less time.

Measured with torch 2.14 on a Zen 5 EPYC, 64 images per step. torch multiplies matrices with MKL, which uses
only AVX2 on AMD processors (113 GFLOP/s on one core); oneDNN, which torch includes for convolutions, reaches
220. torch's dropout draws a float for every feature (4 ns), where 16 bits are enough.
"""

import functools
import math

import torch
import torch.nn.functional as F
from torch import Tensor

MIN_PRODUCT = 2**18  # multiplications; for a smaller product oneDNN's start takes longer than the product
BITS = 16  # random bits per feature, so that its probability is exact to 2**-17


def product(x: Tensor, weight: Tensor, bias: Tensor | None = None, relu: bool = False) -> Tensor:
    """Return x W' + b, or its positive part, shape (n, outputs).

    float32 x (n, inputs), W (outputs, inputs) and b (outputs,).
    """
    if x.numel() * weight.shape[0] >= MIN_PRODUCT and has_onednn():
        return _onednn(x, weight, bias, relu)
    result = F.linear(x, weight, bias)
    return result.relu_() if relu else result


def _onednn(x: Tensor, weight: Tensor, bias: Tensor | None, relu: bool) -> Tensor:
    """Call what torch's compiler uses for a linear layer. It is not a public function: see `has_onednn`."""
    return torch.ops.mkldnn._linear_pointwise.default(x, weight, bias, "relu" if relu else "none", [], "")


@functools.cache
def has_onednn() -> bool:
    """Return whether oneDNN's products are available and faster. Another release of torch may lack them."""
    if torch.backends.cpu.get_cpu_capability() != "AVX512":
        return False
    try:
        return _onednn(torch.ones(1, 2), torch.ones(3, 2), torch.zeros(3), True).tolist() == [[2.0] * 3]
    except (AttributeError, RuntimeError, TypeError):
        return False


def dropout_factors(
    shape: tuple[int, ...], probability: float, generator: torch.Generator | None = None
) -> Tensor:
    """Return factors, 0 with this probability and 1 / (1 - probability) otherwise, drawn on the CPU."""
    count = math.prod(shape)
    words = torch.empty(-(-count * BITS // 64), dtype=torch.int64)
    words.random_(-(2**63), None, generator=generator)
    bits = words.view(torch.int16)[:count].view(shape)
    lowest_kept = round(probability * 2**BITS) - 2 ** (BITS - 1)
    # Written as floats at once; through bool it takes four times as long.
    return torch.ge(bits, lowest_kept, out=torch.empty(shape)).mul_(1 / (1 - probability))
