"""The training loop that every stage shares: optimiser, schedule, averaging, validation,
checkpoints, continuing.

A checkpoint holds weights, averaged weights, the best of them, optimiser, step, schedule and the
state of the sampler, and torch is seeded before every step, so that a run that was killed goes on
as if it had not been. The same loop runs on one process and on many (see `process_group`), and a
run may go on with another device or number of processes than it began with. Batches, losses,
averages and validation stay on the device; only rows of the log wait for it.
"""

from __future__ import annotations

import math
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Generic, Literal, TypeVar

import numpy as np
import torch
from torch import Tensor, nn

from kinestyle.learn.data.corpus import Crop, CropSampler
from kinestyle.learn.data.device_corpus import DeviceCorpus
from kinestyle.learn.loop.averaging import Average
from kinestyle.learn.loop.checkpoint import (
    load_checkpoint,
    require_configuration,
    save_checkpoint,
)
from kinestyle.learn.loop.devices import CPU, bfloat16_is_faster, device_name
from kinestyle.learn.loop.process_group import ProcessGroup
from kinestyle.learn.loop.progress import Progress, duration
from kinestyle.learn.loop.schedule import Plateau, Schedule
from kinestyle.learn.nets.convolution import conv_as_matmul
from kinestyle.storage import clear_unfinished

Network = TypeVar("Network", bound=nn.Module)
CHECKPOINT_KEYS = (
    "step",
    "seconds",
    "schedule",
    "network",
    "averaged",
    "selected",
    "optimizer",
    "sampler",
)
TRAINED_KEYS = "step", "validation", "network"
"""What `checkpoint.pt` and `trained.pt` hold beside the configuration. The latter has `budget` too,
see `Training.budget`, unless an earlier version wrote it.
"""


class OutOfTimeError(Exception):
    """A stage is not done when its time is up: no user's fault. Its checkpoint is written."""


@dataclass(frozen=True)
class LoopConfig:
    """How long and how fast a stage learns."""

    steps: int
    """Optimiser steps; with a plateau, the most there may be."""
    batch: int = 32
    """Samples a step, of all processes together."""
    learning_rate: float = 5e-4
    """At its highest, after the warm-up; it falls to a fiftieth by a cosine, see `schedule`."""
    warmup_steps: int = 100
    weight_decay: float = 1e-4
    gradient_clip: float = 1.0
    """Largest norm of the gradient of a parameter group."""
    ema_decay: float = 0.998
    """Of the exponential moving average of weights, which is what is validated and released. It is
    smaller in the first steps, see `averaging`.
    """
    half_precision: bool = True
    """Matrix products in bfloat16 (weights, sums and losses stay in float32), on devices where that
    is faster.
    """
    validate_every: int = 250
    select_checkpoint: Literal["best", "last"] = "best"
    """Which validated weights are released: those with the lowest score, of equal ones the latest,
    or the last. A score that is a share of few clips is noisy: over K validations it then picks
    luck as well, of about sqrt(2 ln K) standard errors."""
    log_every: int = 50
    """Steps from one row of losses in the log to the next."""
    checkpoint_seconds: float = 60.0
    seed: int = 0
    plateau: Plateau | None = None
    """Learn until validation no longer improves; None: for all steps."""


class Stage(ABC, Generic[Network]):
    """What the loop needs of a stage: a network, all of which is trained, and the sampler that its
    batches come from.

    A step has two halves. `draw` uses the sampler alone and is cheap, because every process draws
    all samples of a step; `losses_of` does the work, for the samples of one process. Several
    processes learn what one does where samples do not see each other: where a loss is the mean of
    what each sample costs by itself.
    """

    def __init__(self, network: Network, sampler: CropSampler):
        self.network, self.sampler = network, sampler
        self.features = DeviceCorpus(sampler.corpus)

    @abstractmethod
    def draw(self) -> Sequence[Any]:
        """The samples of one step."""

    @abstractmethod
    def losses_of(self, samples: Sequence[Any]) -> dict[str, Tensor]:
        """Means over the samples; `total` is what is minimised."""

    def losses(self) -> dict[str, Tensor]:
        """Those of a whole batch."""
        return self.losses_of(self.draw())

    @abstractmethod
    def validate(self) -> dict[str, float]:
        """Figures on the validation split; `score` is better the lower it is."""

    @property
    def device(self) -> torch.device:
        """What the stage computes with."""
        return self.features.device

    def cut(self, crops: Sequence[Crop]) -> Tensor:
        """(n, T, 260) of n crops, on the device of the network."""
        return self.features.cut(crops, self.sampler.frames)

    def opponents(self) -> Mapping[str, nn.Module]:
        """Parts of the network that learn against the rest of it, by name. Each of them, and the
        rest, has a parameter group and a gradient norm of its own: what one side learns neither
        slows the other down nor hides from its clipping.
        """
        return {}

    def frozen(self) -> Sequence[nn.Module]:
        """What `losses_of` uses and nobody trains."""
        return ()

    def to(self, device: torch.device) -> None:
        """Move everything that `losses_of` and `validate` use."""
        self.features.to(device)
        modules: list[nn.Module] = [self.network, *self.frozen()]
        for module in modules:
            module.to(device)


def train(
    stage: Stage[Network],
    config: LoopConfig,
    folder: Path,
    report: Callable[[str], None],
    fingerprint: Mapping[str, Any] | None = None,
    group: ProcessGroup | None = None,
    deadline: float | None = None,
) -> Network:
    """Train a stage to its end, continuing from `folder` if it holds a checkpoint. Returns the
    network with the selected weights, on the CPU.

    Writes `checkpoint.pt`, `log.jsonl` and, at the end, `trained.pt` into `folder`.

    fingerprint: the whole configuration; the loop's alone where it is None
    group: the processes that train together; this one alone where it is None
    deadline: of `time.monotonic`, when to stop whether it is done or not

    Raises DataError for a checkpoint of another configuration, or a damaged one, and OutOfTimeError
    where the stage is not done by the deadline.
    """
    folder.mkdir(parents=True, exist_ok=True)
    fingerprint = asdict(config) if fingerprint is None else fingerprint
    run = Training(stage, config, folder, report, fingerprint, group or ProcessGroup())
    done = run.done
    while not done:
        losses = run.learn()
        done = run.done
        validates = done or run.step % config.validate_every == 0
        if validates or run.step % config.log_every == 0:
            run.record(losses, validates)
        if done or time.monotonic() - run.saved > config.checkpoint_seconds:
            run.save()
        if not done and deadline is not None and run.group.any(time.monotonic() > deadline):
            run.save()
            raise OutOfTimeError(run.unfinished())
    run.finish()
    return stage.network


def parameter_groups(stage: Stage[Any]) -> list[dict[str, Any]]:
    """The trained parameters of a stage for its optimiser: those of the network without its
    opponents, then each opponent's.
    """
    groups = {name: list(module.parameters()) for name, module in stage.opponents().items()}
    theirs = {parameter for parameters in groups.values() for parameter in parameters}
    rest = [
        parameter
        for parameter in stage.network.parameters()
        if parameter.requires_grad and parameter not in theirs
    ]
    return [
        {"name": name, "params": params} for name, params in {"network": rest, **groups}.items()
    ]


def step_seed(seed: int, step: int, process: int) -> int:
    """Of torch's generator in one step of one process. It follows from what is in the checkpoint,
    which therefore needs no state of a generator.
    """
    return int(np.random.SeedSequence((seed, step, process)).generate_state(1, np.uint64)[0])


class Training(Generic[Network]):
    """One stage being trained by this process, and perhaps others."""

    def __init__(
        self,
        stage: Stage[Network],
        config: LoopConfig,
        folder: Path,
        report: Callable[[str], None],
        fingerprint: Mapping[str, Any],
        group: ProcessGroup,
    ):
        self.stage, self.config, self.folder, self.fingerprint = stage, config, folder, fingerprint
        self.group = group
        stage.to(group.device)
        parameters = parameter_groups(stage)
        self.parameters = [parameter for part in parameters for parameter in part["params"]]
        self.optimizer = torch.optim.AdamW(
            parameters,
            lr=config.learning_rate,
            weight_decay=config.weight_decay,
            betas=(0.9, 0.99),
            fused=True,
        )
        self.averaged = Average(stage.network, config.ema_decay)
        self.schedule = Schedule(config.steps, config.warmup_steps, config.plateau)
        self.selected: dict[str, Any] | None = None
        self.step = 0
        seconds = self._resume()
        self.progress: Progress | None = None
        if group.is_rank_zero:
            clear_unfinished(folder)
            device = device_name(group.device)
            self.progress = Progress(folder, self.step, self.schedule, seconds, device, report)
            if self.step:
                report(f"{folder.name}: continuing at step {self.step}{self.schedule.of_all}")
        self.saved = time.monotonic()
        stage.network.train()

    @property
    def done(self) -> bool:
        """Whether the last step is made."""
        return self.step >= self.schedule.last

    @property
    def budget(self) -> dict[str, Any]:
        """What the stage has cost so far: steps, samples, seconds by device, and why it ended."""
        assert self.progress is not None, "rank 0 keeps the time"
        return {
            "steps": self.step,
            "samples": self.step * self.config.batch,
            "seconds": {name: round(value, 1) for name, value in self.progress.seconds.items()},
            "processes": self.group.world_size,
            "stopped": self.schedule.why if self.done else None,
        }

    def unfinished(self) -> str:
        """For the user, where it is stopped before it is done."""
        seconds = sum(self.progress.seconds.values()) if self.progress else 0.0
        return (
            f"{self.folder}: {self.step} steps so far, in {duration(seconds)}, and not done yet; "
            f"the same command goes on"
        )

    def learn(self) -> dict[str, Tensor]:
        """One step. Returns the losses of this process's samples."""
        stage, config = self.stage, self.config
        torch.manual_seed(step_seed(config.seed, self.step, self.group.rank))
        for parameters in self.optimizer.param_groups:
            parameters["lr"] = config.learning_rate * self.schedule.rate(self.step)
        device = self.group.device
        half = config.half_precision and bfloat16_is_faster(device)
        with torch.autocast(device.type, torch.bfloat16, enabled=half), self._on_device():
            losses = stage.losses_of(self.group.shard(stage.draw()))
        self.optimizer.zero_grad(set_to_none=True)
        losses["total"].backward()
        self.group.average(
            [parameter.grad for parameter in self.parameters if parameter.grad is not None]
        )
        for parameters in self.optimizer.param_groups:
            torch.nn.utils.clip_grad_norm_(parameters["params"], config.gradient_clip)
        self.optimizer.step()
        self.averaged.update(stage.network, self.step)
        self.step += 1
        return losses

    def record(self, losses: Mapping[str, Tensor], validates: bool) -> None:
        """Validate if it is time, select the weights if they are better, and write a row of the
        log.
        """
        values = torch.stack([value.detach().float() for value in losses.values()])
        self.group.average([values])
        if self.progress is None:
            self._follow(validates)
            return
        figures = dict(zip(losses, values.tolist(), strict=True)) | {
            "learning_rate": self.optimizer.param_groups[0]["lr"]
        }
        validation = self._validate() if validates else None
        if validation is not None:
            if self._better(validation["score"]):
                weights = _copy(self.averaged.module)
                self.selected = {"step": self.step, "validation": validation, "network": weights}
            self.schedule.validated(self.step, validation["score"])
        self._follow(validates)
        self.progress.row(self.step, figures, validation)

    def save(self) -> None:
        """Write the checkpoint."""
        self.saved = time.monotonic()
        if self.progress is None:
            return
        content = {
            "config": self.fingerprint,
            "step": self.step,
            "seconds": self.progress.seconds,
            "schedule": self.schedule.state,
            "network": self.stage.network.state_dict(),
            "averaged": self.averaged.module.state_dict(),
            "selected": self.selected,
            "optimizer": self.optimizer.state_dict(),
            "sampler": self.stage.sampler.state,
        }
        save_checkpoint(self.folder / "checkpoint.pt", content)

    def finish(self) -> None:
        """Write `trained.pt`, and leave the stage with what is in it."""
        path = self.folder / "trained.pt"
        if self.progress is not None:
            assert self.selected is not None, "the last step is validated"
            content = {"config": self.fingerprint, "budget": self.budget, **self.selected}
            save_checkpoint(path, content)
        self.group.barrier()
        self.stage.to(CPU)
        self.stage.network.load_state_dict(load_checkpoint(path, *TRAINED_KEYS)["network"])
        self.stage.network.eval()

    def _resume(self) -> dict[str, float]:
        """Take up a checkpoint if there is one. Returns its seconds by device. Raises DataError if
        it is damaged or of another configuration.
        """
        path = self.folder / "checkpoint.pt"
        if not path.exists():
            return {}
        saved = load_checkpoint(path, *CHECKPOINT_KEYS)
        require_configuration(path, saved, self.fingerprint)
        self.stage.network.load_state_dict(saved["network"])
        self.optimizer.load_state_dict(saved["optimizer"])
        for parameter, state in self.optimizer.state.items():
            for name, value in state.items():
                if (
                    value.shape == parameter.shape
                ):  # the fused optimiser goes through memory and asks for no strides
                    state[name] = torch.empty_like(parameter).copy_(value)
        self.averaged.module.load_state_dict(saved["averaged"])
        self.selected, self.schedule.state = saved["selected"], saved["schedule"]
        self.stage.sampler.state = saved["sampler"]
        self.step = int(saved["step"])
        return dict(saved["seconds"])

    @contextmanager
    def _on_device(self) -> Iterator[None]:
        """Tensors that a stage makes are made on its device."""
        device = self.group.device
        with conv_as_matmul(), nullcontext() if device == CPU else device:
            yield

    def _follow(self, validates: bool) -> None:
        """All processes end when the validation of the first one says so."""
        if validates and self.config.plateau is not None:
            self.schedule.falls_from = self.group.from_rank_zero(self.schedule.falls_from)

    def _validate(self) -> dict[str, float]:
        """Validate averaged weights, without touching the sampler's state."""
        stage = self.stage
        current, sampler = _copy(stage.network), stage.sampler.state
        stage.network.load_state_dict(self.averaged.module.state_dict())
        stage.network.eval()
        with torch.no_grad(), self._on_device():
            figures = stage.validate()
        stage.network.load_state_dict(current)
        stage.network.train()
        stage.sampler.state = sampler
        return figures

    def _better(self, score: float) -> bool:
        if self.selected is None or self.config.select_checkpoint == "last":
            return True
        best = self.selected["validation"]["score"]
        return math.isnan(best) or score <= best


def _copy(network: nn.Module) -> dict[str, Tensor]:
    return {name: value.detach().clone() for name, value in network.state_dict().items()}
