"""Forward and backward passes of both networks, written by hand for float32 on a CPU.

They compute the same as autograd with half the calls, since no graph is built. Weights and gradients are
lists in the order of the network's parameters.
"""

from collections.abc import Callable, Sequence

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from train.network.layers import product
from train.network.models import CLASSES

aten = torch.ops.aten
threshold_backward = aten.threshold_backward.default
CHANNELS_LAST = torch.channels_last
ONE_HOT = torch.eye(CLASSES)

Backward = Callable[[Tensor], list[Tensor]]
"""Takes the gradient of the logits (n, classes); returns those of the weights."""
Factors = Sequence[Tensor | None]
"""The dropout factors (n, features) of each hidden layer, or None for no dropout."""
Forward = Callable[[Sequence[Tensor], Tensor, Factors], tuple[Tensor, Backward]]
"""Takes weights, images (n, 1, height, width) and factors; returns logits and the backward pass."""


def differentiate(
    forward: Forward, weights: Sequence[Tensor], images: Tensor, labels: Tensor, factors: Factors
) -> tuple[Tensor, list[Tensor]]:
    """Logits (n, classes), and the gradients of the mean cross-entropy with respect to the weights."""
    logits, backward = forward(weights, images, factors)
    return logits, backward(logits.softmax(1).sub_(ONE_HOT.index_select(0, labels)).div_(labels.numel()))


def dense(weights: Sequence[Tensor], images: Tensor, factors: Factors) -> tuple[Tensor, Backward]:
    """The passes of `models.Dense`."""
    weight1, bias1, weight2, bias2, weight3, bias3 = weights
    factors1, factors2 = factors
    pixels = images.flatten(1)
    hidden1 = _hidden(pixels, weight1, bias1, factors1)
    hidden2 = _hidden(hidden1, weight2, bias2, factors2)

    def backward(at_output: Tensor) -> list[Tensor]:
        at_hidden2 = _before_hidden(product(at_output, weight3), hidden2, factors2)
        at_hidden1 = _before_hidden(product(at_hidden2, weight2), hidden1, factors1)
        of_weight1 = product(pixels.t(), at_hidden1).t()  # in the weights' memory layout
        return [
            of_weight1,
            at_hidden1.sum(0),
            *_of_linear(at_hidden2, hidden1),
            *_of_linear(at_output, hidden2),
        ]

    return _linear(hidden2, weight3, bias3), backward


def cnn(weights: Sequence[Tensor], images: Tensor, factors: Factors) -> tuple[Tensor, Backward]:
    """The passes of `models.CNN`."""
    kernel1, offset1, kernel2, offset2, scale, shift, weight1, bias1, weight2, bias2 = weights
    features1 = _first_convolution(images, kernel1, offset1).relu_().contiguous(memory_format=CHANNELS_LAST)
    features2 = F.conv2d(features1, kernel2, offset2, 1, 1)
    pooled, places = F.max_pool2d(features2, 2, return_indices=True)
    flat = pooled.relu_().permute(0, 2, 3, 1).flatten(1)  # channels last, as they are in memory
    normed, mean, spread = torch.native_layer_norm(flat, scale.shape, scale, shift, 1e-5)
    hidden = _hidden(normed, weight1, bias1, factors[0])

    def backward(at_output: Tensor) -> list[Tensor]:
        at_hidden = _before_hidden(product(at_output, weight2), hidden, factors[0])
        at_normed = product(at_hidden, weight1)
        at_flat, of_scale, of_shift = aten.native_layer_norm_backward.default(
            at_normed, flat, scale.shape, mean, spread, scale, shift, (True, True, True)
        )
        batch, channels, height, width = pooled.shape
        at_pooled = threshold_backward(at_flat, flat, 0).view(batch, height, width, channels)
        of_offset2 = at_pooled.sum(
            (0, 1, 2)
        )  # the sum of what pooling sends back, which is four times as large
        at_features2 = aten.max_pool2d_with_indices_backward.default(
            at_pooled.permute(0, 3, 1, 2), features2, (2, 2), (2, 2), (0, 0), (1, 1), False, places
        )
        at_features1 = threshold_backward(_before_convolution(at_features2, kernel2), features1, 0)
        of_offset1 = at_features1.sum((0, 2, 3))
        of_kernel1 = _of_kernel(at_features1, images, kernel1, 2, 2)
        of_kernel2 = _of_kernel(at_features2, features1, kernel2, 1, 1)
        of_convolutions = [of_kernel1, of_offset1, of_kernel2, of_offset2]
        of_linears = [*_of_linear(at_hidden, normed), *_of_linear(at_output, hidden)]
        return [*of_convolutions, of_scale, of_shift, *of_linears]

    return _linear(hidden, weight2, bias2), backward


FORWARD: dict[str, Forward] = {"dense": dense, "cnn": cnn}


def _linear(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    return product(x, weight.t()).add_(bias)


def _hidden(x: Tensor, weight: Tensor, bias: Tensor, factors: Tensor | None) -> Tensor:
    """A linear layer, ReLU and dropout."""
    result = _linear(x, weight, bias).relu_()
    return result if factors is None else result.mul_(factors)


def _before_hidden(gradient: Tensor, result: Tensor, factors: Tensor | None) -> Tensor:
    """Return the gradient before ReLU and dropout. Only values above 0 in their result have passed both."""
    before = threshold_backward(gradient, result, 0)
    return before if factors is None else before.mul_(factors)


def _of_linear(gradient: Tensor, x: Tensor) -> tuple[Tensor, Tensor]:
    """Gradients of a linear layer's weights and bias."""
    return product(gradient.t(), x), gradient.sum(0)


def _first_convolution(images: Tensor, kernel: Tensor, offset: Tensor) -> Tensor:
    """Return the features of one input channel, in torch's default memory format.

    With that format in the kernel's strides, which say nothing else where there is one channel, oneDNN takes
    its code for first convolutions: 195 us instead of 270 for 64 images, with the copy to channels last.
    """
    return F.conv2d(images, kernel.flatten().view(kernel.shape), offset, 2, 2)


def _before_convolution(gradient: Tensor, kernel: Tensor) -> Tensor:
    """Return the gradient of the input of a 3 x 3 convolution with padding.

    It is a convolution with the kernel turned around. Two neighbours are computed at once, as channels: so
    few channels as one has would leave half of the processor's vectors empty.
    """
    turned = kernel.numpy()[:, :, ::-1, ::-1].transpose(1, 2, 3, 0)
    inputs, rows, columns, outputs = turned.shape
    pair = np.zeros((2, inputs, rows, columns + 1, outputs), np.float32)
    pair[0, :, :, :-1] = pair[1, :, :, 1:] = turned
    last_first = torch.from_numpy(pair).view(2 * inputs, rows, columns + 1, outputs).permute(0, 3, 1, 2)
    batch, _, height, width = gradient.shape
    even = F.pad(gradient, (0, 1)) if width % 2 else gradient
    pairs = F.conv2d(even, last_first, None, (1, 2), 1).permute(0, 2, 3, 1)
    return pairs.reshape(batch, height, -1, inputs)[:, :, :width].permute(0, 3, 1, 2)


def _of_kernel(gradient: Tensor, x: Tensor, kernel: Tensor, stride: int, padding: int) -> Tensor:
    """Return the gradient of a convolution's kernel, in its memory layout.

    The bias's would take ten times as long here as by a sum of its own.
    """
    only_kernel = (False, True, False)
    _, of_kernel, _ = aten.convolution_backward.default(
        gradient, x, kernel, None, (stride,) * 2, (padding,) * 2, (1, 1), False, (0, 0), 1, only_kernel
    )
    return of_kernel.contiguous(memory_format=torch.channels_last)
