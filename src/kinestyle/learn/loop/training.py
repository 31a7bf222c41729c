"""The training loop that every stage shares: optimiser, schedule, averaging, validation,
checkpoints, continuing.

A checkpoint holds weights, averaged weights, the best of them, optimiser, step and the state of the
sampler, and torch is seeded before every step, so that a run that was killed goes on as if it had
not been. The same loop runs on one process and on many (see `process_group`), and a run may go on
with another device or number of processes than it began with.
"""

from __future__ import annotations

import math
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Generic, Literal, TypeVar

import numpy as np
import torch
from torch import Tensor, nn
from torch.optim.swa_utils import PARAM_LIST, AveragedModel

from kinestyle.learn.data.corpus import Crop, CropSampler
from kinestyle.learn.loop.checkpoint import (
    load_checkpoint,
    require_configuration,
    save_checkpoint,
)
from kinestyle.learn.loop.devices import CPU, bfloat16_is_faster
from kinestyle.learn.loop.process_group import ProcessGroup
from kinestyle.learn.loop.progress import Progress
from kinestyle.learn.nets.convolution import conv_as_matmul
from kinestyle.storage import clear_unfinished

Network = TypeVar("Network", bound=nn.Module)
CHECKPOINT_KEYS = "step", "seconds", "network", "averaged", "selected", "optimizer", "sampler"
TRAINED_KEYS = "step", "validation", "network"
"""What `checkpoint.pt` and `trained.pt` hold beside the configuration."""


@dataclass(frozen=True)
class LoopConfig:
    """How long and how fast a stage learns."""

    steps: int
    """Optimiser steps."""
    batch: int = 32
    """Samples a step, of all processes together."""
    learning_rate: float = 5e-4
    """At its highest, after the warm-up; it falls to a fiftieth by a cosine."""
    warmup_steps: int = 100
    weight_decay: float = 1e-4
    gradient_clip: float = 1.0
    """Largest norm of the gradient of a parameter group."""
    ema_decay: float = 0.998
    """Of the exponential moving average of weights, which is what is validated and released. It is
    smaller in the first steps, see `ema`.
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
        self.device = CPU

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
        """Figures on the validation split; `score` is better the lower it is. On the CPU."""

    def cut(self, crops: Sequence[Crop]) -> Tensor:
        """(n, T, 260) of n crops, on the device of the network."""
        return torch.from_numpy(self.sampler.cut(crops)).to(self.device)

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
        """Move everything that `losses_of` uses."""
        self.device = device
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
) -> Network:
    """Train a stage to its end, continuing from `folder` if it holds a checkpoint. Returns the
    network with the selected weights, on the CPU.

    Writes `checkpoint.pt`, `log.jsonl` and, at the end, `trained.pt` into `folder`.

    fingerprint: the whole configuration; the loop's alone where it is None
    group: the processes that train together; this one alone where it is None

    Raises DataError for a checkpoint of another configuration, or a damaged one.
    """
    folder.mkdir(parents=True, exist_ok=True)
    fingerprint = asdict(config) if fingerprint is None else fingerprint
    run = Training(stage, config, folder, report, fingerprint, group or ProcessGroup())
    while run.step < config.steps:
        losses = run.learn()
        last = run.step == config.steps
        validates = last or run.step % config.validate_every == 0
        if validates or run.step % config.log_every == 0:
            run.record(losses, validates)
        if last or time.monotonic() - run.saved > config.checkpoint_seconds:
            run.save()
    run.finish()
    return stage.network


def schedule(step: int, config: LoopConfig) -> float:
    """The learning rate at a step as a share of its highest: linear warm-up, then a cosine down to
    0.02.
    """
    if step < config.warmup_steps:
        return (step + 1) / config.warmup_steps
    done = (step - config.warmup_steps) / max(1, config.steps - config.warmup_steps)
    return 0.02 + 0.98 * 0.5 * (1.0 + math.cos(math.pi * done))


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


def ema(decay: float) -> Callable[[PARAM_LIST, PARAM_LIST, Tensor | int], None]:
    """The update of an `AveragedModel`: after n steps its decay is (n + 1) / (n + 10) at most. With
    .998 throughout, a stage of 800 steps would keep a fifth of the weights that it began with.
    """

    def update(averaged: PARAM_LIST, current: PARAM_LIST, steps: Tensor | int) -> None:
        n = int(steps)
        torch._foreach_lerp_(averaged, current, 1.0 - min(decay, (1 + n) / (10 + n)))

    return update


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
        self.averaged = AveragedModel(stage.network, multi_avg_fn=ema(config.ema_decay))
        self.selected: dict[str, Any] | None = None
        self.step = 0
        seconds = self._resume()
        self.progress: Progress | None = None
        if group.is_rank_zero:
            clear_unfinished(folder)
            self.progress = Progress(folder, self.step, config.steps, seconds, report)
            if self.step:
                report(f"{folder.name}: continuing at step {self.step} of {config.steps}")
        self.saved = time.monotonic()
        stage.network.train()

    def learn(self) -> dict[str, Tensor]:
        """One step. Returns the losses of this process's samples."""
        stage, config = self.stage, self.config
        torch.manual_seed(step_seed(config.seed, self.step, self.group.rank))
        for parameters in self.optimizer.param_groups:
            parameters["lr"] = config.learning_rate * schedule(self.step, config)
        device = self.group.device
        made_there = nullcontext() if device == CPU else device
        half = config.half_precision and bfloat16_is_faster(device)
        with (
            torch.autocast(device.type, torch.bfloat16, enabled=half),
            conv_as_matmul(),
            made_there,
        ):
            losses = stage.losses_of(self.group.shard(stage.draw()))
        self.optimizer.zero_grad(set_to_none=True)
        losses["total"].backward()
        self.group.average(
            [parameter.grad for parameter in self.parameters if parameter.grad is not None]
        )
        for parameters in self.optimizer.param_groups:
            torch.nn.utils.clip_grad_norm_(parameters["params"], config.gradient_clip)
        self.optimizer.step()
        self.averaged.update_parameters(stage.network)
        self.step += 1
        return losses

    def record(self, losses: Mapping[str, Tensor], validates: bool) -> None:
        """Validate if it is time, select the weights if they are better, and write a row of the
        log.
        """
        values = torch.stack([value.detach().float() for value in losses.values()])
        self.group.average([values])
        if self.progress is None:
            return
        figures = dict(zip(losses, values.tolist(), strict=True)) | {
            "learning_rate": self.optimizer.param_groups[0]["lr"]
        }
        validation = self._validate() if validates else None
        if validation is not None and self._better(validation["score"]):
            weights = _copy(self.averaged.module)
            self.selected = {"step": self.step, "validation": validation, "network": weights}
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
            "network": self.stage.network.state_dict(),
            "averaged": self.averaged.state_dict(),
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
            save_checkpoint(path, {"config": self.fingerprint, **self.selected})
        self.group.barrier()
        self.stage.to(CPU)
        self.stage.network.load_state_dict(load_checkpoint(path, *TRAINED_KEYS)["network"])
        self.stage.network.eval()

    def _resume(self) -> float:
        """Take up a checkpoint if there is one. Returns its seconds. Raises DataError if it is
        damaged or of another configuration.
        """
        path = self.folder / "checkpoint.pt"
        if not path.exists():
            return 0.0
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
        self.averaged.load_state_dict(saved["averaged"])
        self.selected = saved["selected"]
        self.stage.sampler.state = saved["sampler"]
        self.step = int(saved["step"])
        return float(saved["seconds"])

    def _validate(self) -> dict[str, float]:
        """Validate averaged weights on the CPU, without touching the sampler's state."""
        stage, device = self.stage, self.group.device
        current, sampler = _copy(stage.network), stage.sampler.state
        stage.network.load_state_dict(self.averaged.module.state_dict())
        stage.network.eval()
        stage.to(CPU)
        with torch.no_grad():
            figures = stage.validate()
        stage.to(device)
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
