"""Several processes, on one machine or many, that train as one.

    torchrun --nproc-per-node 2 -m -- kinestyle train ...

Every process draws the samples of the whole batch, which costs next to nothing, and works on its
own rows; gradients are averaged over processes. So N processes see the samples that one would see,
and a run may go on with another number of processes than it began with. Noise and dropout inside a
step come from a seed of each process: a stage without them learns the same with any number of
processes, up to rounding; a stage with them learns the same only on average. All processes must see
the run's folder; only the first writes to it.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeVar

import torch
from torch import Tensor, distributed

from kinestyle.errors import DataError

CPU = torch.device("cpu")
Sample = TypeVar("Sample")


@dataclass(frozen=True)
class Processes:
    """Which process this is, of how many, and what it computes with."""

    index: int = 0
    count: int = 1
    device: torch.device = CPU

    @property
    def first(self) -> bool:
        """Whether this is the one that writes, validates and reports."""
        return self.index == 0

    def rows(self, samples: Sequence[Sample]) -> Sequence[Sample]:
        """This process's share of the samples of a batch. Raises DataError where they cannot be
        shared evenly.
        """
        share, left = divmod(len(samples), self.count)
        if left:
            raise DataError(
                f"a batch of {len(samples)} cannot be shared evenly by {self.count} processes; "
                f"start another number"
            )
        return samples[self.index * share : (self.index + 1) * share]

    def average(self, tensors: Sequence[Tensor]) -> None:
        """Replace tensors by their means over processes: all in one message, because messages cost
        more than bytes.
        """
        if self.count == 1:
            return
        together = torch.cat([tensor.detach().flatten().float() for tensor in tensors])
        distributed.all_reduce(together)
        together /= self.count
        for tensor, mean in zip(
            tensors, together.split([tensor.numel() for tensor in tensors]), strict=True
        ):
            tensor.detach().copy_(mean.view(tensor.shape))

    def wait(self) -> None:
        """Until all processes are here."""
        if self.count > 1:
            distributed.barrier()

    @contextmanager
    def rank_zero_first(self) -> Iterator[None]:
        """The first process goes through it before the others, which then find what it made."""
        if not self.first:
            self.wait()
        yield
        if self.first:
            self.wait()


def here() -> Processes:
    """This process, within `joined` one of several."""
    if not (distributed.is_available() and distributed.is_initialized()):
        return Processes(device=_device())
    return Processes(distributed.get_rank(), distributed.get_world_size(), _device())


@contextmanager
def joined() -> Iterator[Processes]:
    """Join the other processes that torchrun started, if it did: over NCCL with a GPU for each,
    otherwise over gloo.
    """
    if int(os.environ.get("WORLD_SIZE", "1")) == 1 or distributed.is_initialized():
        yield here()
        return
    device = _device()
    if device.type == "cuda":
        torch.cuda.set_device(device)
    distributed.init_process_group("nccl" if device.type == "cuda" else "gloo")
    try:
        yield here()
    finally:
        distributed.destroy_process_group()


def _device() -> torch.device:
    """A GPU for each process of a machine where there are any."""
    return (
        torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0")))
        if torch.cuda.is_available()
        else CPU
    )
