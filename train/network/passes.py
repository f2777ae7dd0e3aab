"""Forward and backward passes of both networks, written by hand for float32 on a CPU.

They compute the same as autograd with half the calls: no graph is built, ReLU is part of the product before
it, and the derivatives of ReLU and dropout are one kernel. Weights and gradients are lists in the order of
the network's parameters.
"""

from collections.abc import Callable, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from train.network.layers import dropout_factors, product
from train.network.models import CLASSES

aten = torch.ops.aten
threshold_backward = aten.threshold_backward.default
ONE_HOT = torch.eye(CLASSES)

Backward = Callable[[Tensor], list[Tensor]]
"""Takes the gradient of the logits (n, classes); returns those of the weights."""
Forward = Callable[[Sequence[Tensor], Tensor, float], tuple[Tensor, Backward]]
"""Takes weights, images (n, 1, height, width) and the dropout rate; returns logits and the backward pass."""


def differentiate(
    forward: Forward, weights: Sequence[Tensor], images: Tensor, labels: Tensor, dropout: float
) -> tuple[Tensor, list[Tensor]]:
    """Logits (n, classes), and the gradients of the mean cross-entropy with respect to the weights."""
    logits, backward = forward(weights, images, dropout)
    return logits, backward(logits.softmax(1).sub_(ONE_HOT.index_select(0, labels)).div_(labels.numel()))


def dense(weights: Sequence[Tensor], images: Tensor, dropout: float) -> tuple[Tensor, Backward]:
    """The passes of `models.Dense`."""
    weight1, bias1, weight2, bias2, weight3, bias3 = weights
    pixels = images.flatten(1)
    hidden1 = _hidden(pixels, weight1, bias1, dropout)
    hidden2 = _hidden(hidden1, weight2, bias2, dropout)

    def backward(at_output: Tensor) -> list[Tensor]:
        at_hidden2 = _before_hidden(product(at_output, weight3.t()), hidden2, dropout)
        at_hidden1 = _before_hidden(product(at_hidden2, weight2.t()), hidden1, dropout)
        return [
            *_of_linear(at_hidden1, pixels),
            *_of_linear(at_hidden2, hidden1),
            *_of_linear(at_output, hidden2),
        ]

    return product(hidden2, weight3, bias3), backward


def cnn(weights: Sequence[Tensor], images: Tensor, dropout: float) -> tuple[Tensor, Backward]:
    """The passes of `models.CNN`."""
    kernel1, offset1, kernel2, offset2, scale, shift, weight1, bias1, weight2, bias2 = weights
    features1 = F.conv2d(images, kernel1, offset1, 2, 2).relu_()
    features2 = F.conv2d(features1, kernel2, offset2, 1, 1)
    pooled, places = F.max_pool2d(features2, 2, return_indices=True)
    flat = pooled.relu_().permute(0, 2, 3, 1).flatten(1)  # channels last, as they are in memory
    normed, mean, spread = torch.native_layer_norm(flat, scale.shape, scale, shift, 1e-5)
    hidden = _hidden(normed, weight1, bias1, dropout)

    def backward(at_output: Tensor) -> list[Tensor]:
        at_hidden = _before_hidden(product(at_output, weight2.t()), hidden, dropout)
        at_normed = product(at_hidden, weight1.t())
        at_flat, of_scale, of_shift = aten.native_layer_norm_backward.default(
            at_normed, flat, scale.shape, mean, spread, scale, shift, (True, True, True)
        )
        batch, channels, height, width = pooled.shape
        at_pooled = threshold_backward(at_flat, flat, 0).view(batch, height, width, channels)
        at_features2 = aten.max_pool2d_with_indices_backward.default(
            at_pooled.permute(0, 3, 1, 2), features2, (2, 2), (2, 2), (0, 0), (1, 1), False, places
        )
        at_features1, of_kernel2, of_offset2 = _before_convolution(at_features2, features1, kernel2, 1, 1)
        at_features1 = threshold_backward(at_features1, features1, 0)
        _, of_kernel1, of_offset1 = _before_convolution(at_features1, images, kernel1, 2, 2)
        of_convolutions = [of_kernel1, of_offset1, of_kernel2, of_offset2]
        of_linears = [*_of_linear(at_hidden, normed), *_of_linear(at_output, hidden)]
        return [*of_convolutions, of_scale, of_shift, *of_linears]

    return product(hidden, weight2, bias2), backward


FORWARD: dict[str, Forward] = {"dense": dense, "cnn": cnn}


def _hidden(x: Tensor, weight: Tensor, bias: Tensor, dropout: float) -> Tensor:
    """A linear layer, ReLU and dropout."""
    result = product(x, weight, bias, relu=True)
    return result.mul_(dropout_factors(result.shape, dropout)) if dropout else result


def _before_hidden(gradient: Tensor, result: Tensor, dropout: float) -> Tensor:
    """Return the gradient before ReLU and dropout. Only values above 0 in their result have passed both."""
    return threshold_backward(gradient, result, 0).mul_(1 / (1 - dropout))


def _of_linear(gradient: Tensor, x: Tensor) -> tuple[Tensor, Tensor]:
    """Gradients of a linear layer's weights and bias."""
    return product(gradient.t(), x.t()), gradient.sum(0)


def _before_convolution(
    gradient: Tensor, x: Tensor, kernel: Tensor, stride: int, padding: int
) -> tuple[Tensor, Tensor, Tensor]:
    """Return the gradients of x (not for images), of the kernel in its memory layout, and of the bias."""
    wanted = (x.shape[1] > 1, True, False)
    at_x, of_kernel, _ = aten.convolution_backward.default(
        gradient, x, kernel, None, (stride,) * 2, (padding,) * 2, (1, 1), False, (0, 0), 1, wanted
    )
    of_bias = gradient.sum((0, 2, 3))  # ten times as fast as with the call above
    return at_x, of_kernel.contiguous(memory_format=torch.channels_last), of_bias
