"""What a process computes with, and whether matrix products in bfloat16 are worth it there."""

from __future__ import annotations

import os
import time
from functools import cache

import torch

from kinestyle.errors import DataError

CPU = torch.device("cpu")
_SIZE = 192
"""Rows and columns of the product that is timed: half a millisecond at worst where it is done in
hardware.
"""


def find_device(kind: str | None = None) -> torch.device:
    """The device of this process: one of its own for each that torchrun started on this machine.

    kind: cpu, cuda or mps; None takes cuda where there are enough for all processes, else the CPU

    Raises DataError where the machine has no such device, or too few.
    """
    index, needed = (
        int(os.environ.get(f"LOCAL_{name}", default))
        for name, default in (("RANK", "0"), ("WORLD_SIZE", "1"))
    )
    gpus = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if kind == "cuda" or (kind is None and gpus >= needed):
        if gpus < needed:
            raise DataError(
                f"--device cuda: torch {torch.__version__} finds {gpus} GPUs here for {needed} "
                f"processes; install a build of torch for this machine's GPU, start fewer "
                f"processes, or leave --device out"
            )
        return torch.device("cuda", index)
    if kind == "mps":
        if not torch.backends.mps.is_available():
            raise DataError(
                f"--device mps: torch {torch.__version__} finds no Apple GPU here; leave --device "
                f"out"
            )
        return torch.device("mps")
    assert kind in (None, "cpu"), f"no device is called {kind!r}"
    return CPU


def device_name(device: torch.device) -> str:
    """What to call it beside the time that it took: the name of a GPU, otherwise its kind."""
    return torch.cuda.get_device_name(device) if device.type == "cuda" else device.type


@cache
def bfloat16_is_faster(device: torch.device) -> bool:
    """Whether a product in bfloat16 takes less time than one in float32.

    A GPU is asked whether it has bfloat16, and a processor is timed: those with AVX-512 or AMX need
    half the time, those without imitate it and took 75 times as long where this was measured, half
    an hour of training becomes a day.
    """
    if device.type == "cuda":
        with torch.cuda.device(device):
            return torch.cuda.is_bf16_supported(including_emulation=False)
    if device.type == "mps":
        return torch.backends.mps.is_macos_or_newer(14, 0)
    return _seconds(torch.bfloat16) < _seconds(torch.float32)


def _seconds(dtype: torch.dtype) -> float:
    a, b = torch.ones(_SIZE, _SIZE, dtype=dtype), torch.ones(_SIZE, _SIZE, dtype=dtype)
    took = []
    for _ in range(4):
        began = time.process_time()
        a @ b
        took.append(time.process_time() - began)
    return min(took)
