"""Several processes, on one machine or many, that train as one.

    torchrun --nproc-per-node 2 -m -- kinestyle train ...

Every process draws the samples of the whole batch, which costs next to nothing, and works on its
own rows; gradients are averaged over processes. Random numbers inside a step (noise, dropout) are
drawn for the whole batch too. So N processes do what one does, up to rounding, and a run may go on
with another number of processes than it began with. All of them must see the run's folder; only the
first writes to it.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any, TypeVar

import torch
from torch import Tensor, distributed
from torch.overrides import TorchFunctionMode

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

    def whole_batch_draws(self, rows: int) -> AbstractContextManager[Any]:
        """Within it, random tensors of this process's rows are the rows of those that one process
        alone would draw.
        """
        return nullcontext() if self.count == 1 else WholeBatchDraws(rows, self.index, self.count)

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


class WholeBatchDraws(TorchFunctionMode):
    """Random tensors of torch, drawn for the batch of all processes and cut to the rows of one.

    The leading axis of what is drawn counts rows, or several times the rows one after the other, as
    `torch.cat` puts them.
    """

    def __init__(self, rows: int, index: int, count: int):
        super().__init__()
        self.rows, self.index, self.count = rows, index, count

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        kwargs = dict(kwargs or {})
        if func in (torch.rand, torch.randn):
            size = args[0] if isinstance(args[0], Sequence) else args
            return self._own(func(self._whole(size), **kwargs))
        if func in (torch.rand_like, torch.randn_like):
            return self._own(func(self._as_whole(args[0]), **kwargs))
        if func in DROPOUTS:
            return self._dropout(func, *args, **kwargs)
        assert getattr(func, "__name__", "") not in REFUSED, (
            f"{func.__name__} does not know of the whole batch yet"
        )
        return func(*args, **kwargs)

    def _dropout(
        self,
        func: Callable[..., Tensor],
        x: Tensor,
        p: float = 0.5,
        training: bool = True,
        inplace: bool = False,
    ) -> Tensor:
        """The same function on ones keeps what it would keep of x, and scales it."""
        assert not inplace, "dropout here leaves its input alone"
        return (
            x * self._own(func(torch.ones_like(self._as_whole(x)), p, training)) if training else x
        )

    def _whole(self, size: Sequence[int]) -> tuple[int, ...]:
        times, left = divmod(size[0], self.rows)
        assert not left, (
            f"{size[0]} rows are drawn where every sample has one or several, and there are "
            f"{self.rows}"
        )
        return (times * self.rows * self.count, *size[1:])

    def _as_whole(self, x: Tensor) -> Tensor:
        """An empty tensor like x, for all processes; it lies in memory as x does, for that decides
        what is drawn where.
        """
        order = sorted(range(x.ndim), key=x.stride, reverse=True)
        return torch.empty_permuted(self._whole(x.shape), order, dtype=x.dtype, device=x.device)

    def _own(self, whole: Tensor) -> Tensor:
        return whole.unflatten(0, (-1, self.count, self.rows))[:, self.index].flatten(0, 1)


DROPOUTS = (torch.nn.functional.dropout, torch.nn.functional.dropout1d)
REFUSED = (
    "bernoulli",
    "bernoulli_",
    "multinomial",
    "normal",
    "normal_",
    "randint",
    "randperm",
    "uniform_",
    "exponential_",
)


def _device() -> torch.device:
    """A GPU for each process of a machine where there are any."""
    return (
        torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0")))
        if torch.cuda.is_available()
        else CPU
    )
