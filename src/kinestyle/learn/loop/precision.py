"""Whether matrix products in bfloat16 are worth it on the machine at hand."""

from __future__ import annotations

import time
from functools import cache

import torch

_SIZE = 192
"""Rows and columns of the product that is timed: half a millisecond at worst where it is done in
hardware.
"""


@cache
def half_is_faster(device_type: str) -> bool:
    """Whether a product in bfloat16 takes less CPU time than one in float32.

    Processors with AVX-512 or AMX do it in half the time. Those without imitate it, and took 75
    times as long where
    this was measured: half an hour of training becomes a day. Asked of the processor itself, not of
        a list of models.
    """
    if device_type != "cpu":
        return True
    return _seconds(torch.bfloat16) < _seconds(torch.float32)


def _seconds(dtype: torch.dtype) -> float:
    a, b = torch.ones(_SIZE, _SIZE, dtype=dtype), torch.ones(_SIZE, _SIZE, dtype=dtype)
    took = []
    for _ in range(4):
        began = time.process_time()
        a @ b
        took.append(time.process_time() - began)
    return min(took)
