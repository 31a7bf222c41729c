"""Convolution over time as one matrix product, which is how a processor trains fastest.

torch's own convolution reaches a half to two thirds of the speed of its matrix product on the same
processor, least of all in the backward pass. The same sums as three products (forward, gradient of
the input, gradient of the weights) reach nearly all of it, in half precision and in single.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable


class TimeConvolution(nn.Conv1d):
    """(B, I, T) -> (B, O, T/stride); the ends are replicated, not padded with zeros.

    Within `conv_as_matmul` on a CPU it is a matrix product, otherwise `torch.nn.Conv1d`; weights
    and meaning are the same. The product's result lies in memory as (B, T, O), which the next layer
    reads without a copy.
    """

    def __init__(self, inputs: int, outputs: int, width: int = 3, stride: int = 1):
        super().__init__(
            inputs,
            outputs,
            width,
            stride,
            padding=width // 2,
            padding_mode="replicate" if width > 1 else "zeros",
        )
        # in memory as (O, width, I), as the product reads them
        self.weight = nn.Parameter(
            self.weight.detach().transpose(1, 2).contiguous().transpose(1, 2)
        )

    def forward(self, x: Tensor) -> Tensor:
        if not _as_matmul(x):
            return super().forward(x)
        assert self.bias is not None, "every convolution here has a bias"
        half = torch.is_autocast_enabled("cpu")
        x = (x.to(torch.get_autocast_dtype("cpu")) if half else x).transpose(1, 2).contiguous()
        return convolve(x, self.weight, self.bias, self.stride[0]).transpose(1, 2)


def upsample_2x(x: Tensor) -> Tensor:
    """(B, C, T) -> (B, C, 2 T), every step of time twice."""
    if not _as_matmul(x):
        return nn.functional.interpolate(x, scale_factor=2.0, mode="nearest")
    # torch keeps memory as (B, T, C) only for images
    return nn.functional.interpolate(
        x.unsqueeze(2), scale_factor=(1.0, 2.0), mode="nearest"
    ).squeeze(2)


class Upsample2x(nn.Module):
    """`upsample_2x` as a layer."""

    def forward(self, x: Tensor) -> Tensor:
        return upsample_2x(x)


_AS_MATMUL = ContextVar("_AS_MATMUL", default=False)


@contextmanager
def conv_as_matmul() -> Iterator[None]:
    """Within it, convolutions on a CPU are matrix products, on (B, T, C) in memory."""
    token = _AS_MATMUL.set(True)
    try:
        yield
    finally:
        _AS_MATMUL.reset(token)


def _as_matmul(x: Tensor) -> bool:
    return x.device.type == "cpu" and _AS_MATMUL.get()


def convolve(x: Tensor, weight: Tensor, bias: Tensor, stride: int) -> Tensor:
    """x: (B, T, I) contiguous; weight: (O, I, width); bias: (O,) -> (B, T/stride, O). The products
    are in the precision of x.
    """
    return _Product.apply(x, weight, bias, stride)


class _Product(torch.autograd.Function):
    @staticmethod
    def forward(context: Any, x: Tensor, weight: Tensor, bias: Tensor, stride: int) -> Tensor:
        outputs, inputs, width = weight.shape
        batch, frames, _ = x.shape
        read = window_frames(frames, width, stride)
        windows = (x if read is None else x.index_select(1, read)).view(-1, width * inputs)
        matrix = weight.to(x.dtype).transpose(1, 2).reshape(outputs, -1)
        context.save_for_backward(windows, matrix)
        context.shape, context.width, context.stride, context.weight_dtype = (
            x.shape,
            width,
            stride,
            weight.dtype,
        )
        return torch.addmm(bias.to(x.dtype), windows, matrix.t()).view(batch, -1, outputs)

    @staticmethod
    @once_differentiable
    def backward(context: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        windows, matrix = context.saved_tensors
        outputs, width, inputs = len(matrix), context.width, context.shape[2]
        gradient = gradients[0].reshape(-1, outputs)
        to_x = to_weight = to_bias = None
        if context.needs_input_grad[0]:
            to_x = add_windows(
                (gradient @ matrix).view(context.shape[0], -1, width, inputs),
                context.shape[1],
                context.stride,
            )
        if context.needs_input_grad[1]:
            to_weight = (
                (gradient.t() @ windows)
                .to(context.weight_dtype)
                .view(outputs, width, inputs)
                .transpose(1, 2)
            )
        if context.needs_input_grad[2]:
            to_bias = gradient.sum(dim=0, dtype=context.weight_dtype)
        return to_x, to_weight, to_bias, None


@cache
def window_frames(frames: int, width: int, stride: int) -> Tensor | None:
    """(T/stride * width,) the frames that each window reads, one window after the other; None where
    each reads its own frame.
    """
    if width == stride == 1:
        return None
    first = torch.arange(0, frames, stride)
    return (first[:, None] + torch.arange(width) - width // 2).clamp(0, frames - 1).flatten()


def add_windows(windows: Tensor, frames: int, stride: int) -> Tensor:
    """windows: (B, T/stride, width, I) -> (B, T, I), every frame the sum of its values in the
    windows: the transpose of gathering by `window_frames`.
    """
    batch, count, width, inputs = windows.shape
    if width == stride == 1:
        return windows.view(batch, frames, inputs)
    margin = width // 2
    padded = windows.new_empty(batch, frames + 2 * margin, inputs)
    padded[:, stride * count :] = 0.0
    for i in range(width):
        target = padded[:, i : i + stride * (count - 1) + 1 : stride]
        if i < stride:  # the first ones together fill all frames but the last
            target.copy_(windows[:, :, i])
        else:
            target += windows[:, :, i]
    whole = padded[:, margin : margin + frames]
    whole[:, 0] += padded[:, :margin].sum(dim=1)
    whole[:, -1] += padded[:, margin + frames :].sum(dim=1)
    return whole
