"""Optimizers and the learning rate over the steps."""

import math

import torch
from torch import nn

# Of SGD. More makes the perceptron diverge at lr 0.1 with dropout 0.5; less keeps the CNN at lr 0.01 from
# getting anywhere in two epochs.
MOMENTUM = 0.7


def build_optimizer(name: str, model: nn.Module, lr: float) -> torch.optim.Optimizer:
    """Adam or SGD with momentum, in torch's fused form: one call updates all weights."""
    if name == "adam":
        return torch.optim.Adam(model.parameters(), lr, fused=True)
    return torch.optim.SGD(model.parameters(), lr, momentum=MOMENTUM, fused=True)


def lr_factor(schedule: str, step: int, total: int) -> float:
    """What the learning rate is multiplied by at ``step`` of ``total``, counted from 0.

    cosine: (1 + cos(pi step / total)) / 2, as in Loshchilov and Hutter, SGDR, ICLR 2017, without
    restarts. step: a tenth after half of the steps and a hundredth after three quarters.
    """
    if schedule == "cosine":
        return (1 + math.cos(math.pi * step / total)) / 2
    if schedule == "step":
        return 0.1 ** ((step >= total // 2) + (step >= total * 3 // 4))
    return 1.0
