"""Several processes, on one machine or many, that train as one.

    torchrun --nproc-per-node 2 -m -- kinestyle train ...

Every process draws the samples of the whole batch, which costs next to nothing, and works on its
own share; gradients are averaged over processes. So N processes see the samples that one would see,
and a run may go on with another number of processes than it began with. Noise and dropout inside a
step come from a seed of each process: a stage without them learns the same with any number of
processes, up to rounding; a stage with them learns the same only on average. All processes must see
the run's folder; only rank 0 writes to it.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TypeVar

import torch
from torch import Tensor, distributed

from kinestyle.errors import DataError
from kinestyle.learn.loop.devices import find_device

Sample = TypeVar("Sample")


@dataclass(frozen=True)
class ProcessGroup:
    """The processes that train together, as one of them sees it; by itself this process alone."""

    rank: int = 0
    world_size: int = 1
    device: torch.device = field(default_factory=find_device)
    """What this process computes with."""

    @property
    def is_rank_zero(self) -> bool:
        """Whether this is the process that writes, validates and reports."""
        return self.rank == 0

    def shard(self, samples: Sequence[Sample]) -> Sequence[Sample]:
        """This process's share of the samples of a batch. Raises DataError where they cannot be
        shared evenly.
        """
        size, rest = divmod(len(samples), self.world_size)
        if rest:
            raise DataError(
                f"a batch of {len(samples)} cannot be shared evenly by {self.world_size} "
                f"processes; start another number"
            )
        return samples[self.rank * size : (self.rank + 1) * size]

    def average(self, tensors: Sequence[Tensor]) -> None:
        """Replace tensors by their means over processes: all in one message, because messages cost
        more than bytes.
        """
        if self.world_size == 1:
            return
        together = torch.cat([tensor.detach().flatten().float() for tensor in tensors])
        distributed.all_reduce(together)
        together /= self.world_size
        for tensor, mean in zip(
            tensors, together.split([tensor.numel() for tensor in tensors]), strict=True
        ):
            tensor.detach().copy_(mean.view(tensor.shape))

    def from_rank_zero(self, number: int) -> int:
        """The number that rank 0 has."""
        if self.world_size == 1:
            return number
        shared = torch.tensor(number, device=self.device)
        distributed.broadcast(shared, src=0)
        return int(shared)

    def any(self, here: bool) -> bool:
        """Whether it is so in any process."""
        if self.world_size == 1:
            return here
        there = torch.tensor(int(here), device=self.device)
        distributed.all_reduce(there, distributed.ReduceOp.MAX)
        return bool(there)

    def barrier(self) -> None:
        """Wait until all processes are here."""
        if self.world_size > 1:
            distributed.barrier()

    @contextmanager
    def rank_zero_first(self) -> Iterator[None]:
        """Rank 0 goes through it before the others, which then find what it made."""
        if not self.is_rank_zero:
            self.barrier()
        yield
        if self.is_rank_zero:
            self.barrier()


@contextmanager
def process_group(device: str | None = None) -> Iterator[ProcessGroup]:
    """The processes that torchrun started, if it did: joined over NCCL where each has a GPU,
    otherwise over gloo. device: see `find_device`.
    """
    found = find_device(device)
    if int(os.environ.get("WORLD_SIZE", "1")) == 1:
        yield ProcessGroup(device=found)
        return
    if found.type == "mps":
        raise DataError("an mps device works for one process alone; add --device cpu")
    if found.type == "cuda":
        torch.cuda.set_device(found)
    distributed.init_process_group("nccl" if found.type == "cuda" else "gloo")
    try:
        yield ProcessGroup(distributed.get_rank(), distributed.get_world_size(), found)
    finally:
        distributed.destroy_process_group()
