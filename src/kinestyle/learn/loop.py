"""The training loop that every stage shares: optimiser, schedule, averaging, validation, checkpoints, continuing.

A checkpoint holds weights, averaged weights, optimiser, step, and the random state of both sampler and torch, so that a run
that was killed goes on as if it had not been.
"""

from __future__ import annotations

import io
import json
import math
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

import torch
from torch import Tensor, nn

from kinestyle.errors import DataError
from kinestyle.learn.corpus import CropSampler
from kinestyle.storage import replace_bytes

Network = TypeVar("Network", bound=nn.Module)


@dataclass(frozen=True)
class LoopConfig:
    """How long and how fast a stage learns."""

    steps: int
    """Optimiser steps."""
    batch: int = 32
    """Crops a step."""
    learning_rate: float = 5e-4
    """At its highest, after the warm-up; it falls to a fiftieth by a cosine."""
    warmup_steps: int = 100
    weight_decay: float = 1e-4
    gradient_clip: float = 1.0
    """Largest norm of the gradient."""
    average: float = 0.998
    """Decay of the running average of weights, which is what is validated and released."""
    validate_every: int = 250
    checkpoint_seconds: float = 60.0
    seed: int = 0


class Stage(ABC, Generic[Network]):
    """What the loop needs of a stage: a network, all of which is trained, and the sampler that its batches come from."""

    def __init__(self, network: Network, sampler: CropSampler):
        self.network, self.sampler = network, sampler

    @abstractmethod
    def losses(self) -> dict[str, Tensor]:
        """One batch; `total` is what is minimised."""

    @abstractmethod
    def validate(self) -> dict[str, float]:
        """Figures on the validation split; `score` is better the lower it is."""


def train(
    stage: Stage[Network],
    config: LoopConfig,
    folder: Path,
    report: Callable[[str], None],
    made_with: Mapping[str, Any] | None = None,
) -> Network:
    """Train a stage to its end, continuing from `folder` if it holds a checkpoint. Returns the network with averaged weights.

    Writes `checkpoint.pt`, `log.jsonl` and, at the end, `trained.pt` into `folder`. `made_with` is the whole configuration
    (the loop's alone where it is None): a checkpoint of another one is refused with a DataError.
    """
    folder.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(config.seed)
    parameters = [p for p in stage.network.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(parameters, lr=config.learning_rate, weight_decay=config.weight_decay, betas=(0.9, 0.99))
    averaged = {name: value.detach().clone() for name, value in stage.network.state_dict().items()}
    made_with = asdict(config) if made_with is None else made_with
    first = _resume(folder, made_with, stage, optimizer, averaged)
    if first:
        report(f"{folder.name}: continuing at step {first} of {config.steps}")
    began, saved = time.monotonic(), time.monotonic()
    stage.network.train()
    for step in range(first, config.steps):
        for group in optimizer.param_groups:
            group["lr"] = config.learning_rate * schedule(step, config)
        with torch.autocast("cpu", torch.bfloat16):
            losses = stage.losses()
        optimizer.zero_grad(set_to_none=True)
        losses["total"].backward()
        torch.nn.utils.clip_grad_norm_(parameters, config.gradient_clip)
        optimizer.step()
        _average(averaged, stage.network, min(config.average, (1 + step) / (10 + step)))
        last = step + 1 == config.steps
        if (step + 1) % config.validate_every == 0 or last:
            figures = {name: float(value.detach()) for name, value in losses.items()}
            figures |= {f"validation/{name}": value for name, value in _validate(stage, averaged).items()}
            elapsed = time.monotonic() - began
            left = elapsed / (step + 1 - first) * (config.steps - step - 1)
            _append(folder / "log.jsonl", {"step": step + 1, "seconds": round(elapsed, 1), **figures})
            shown = "  ".join(f"{name} {value:.4g}" for name, value in figures.items())
            report(f"{folder.name} {step + 1}/{config.steps}, {left:.0f} s left  {shown}")
        if last or time.monotonic() - saved > config.checkpoint_seconds:
            _save(folder, made_with, stage, optimizer, averaged, step + 1)
            saved = time.monotonic()
    stage.network.load_state_dict(averaged)
    stage.network.eval()
    save_whole(folder / "trained.pt", {"network": averaged, "config": made_with})
    return stage.network


def schedule(step: int, config: LoopConfig) -> float:
    """The learning rate at a step as a share of its highest: linear warm-up, then a cosine down to 0.02."""
    if step < config.warmup_steps:
        return (step + 1) / config.warmup_steps
    done = (step - config.warmup_steps) / max(1, config.steps - config.warmup_steps)
    return 0.02 + 0.98 * 0.5 * (1.0 + math.cos(math.pi * done))


def _average(averaged: dict[str, Tensor], network: nn.Module, decay: float) -> None:
    with torch.no_grad():
        for name, value in network.state_dict().items():
            if value.is_floating_point():
                averaged[name].lerp_(value, 1.0 - decay)
            else:
                averaged[name].copy_(value)


def _validate(stage: Stage[Any], averaged: dict[str, Tensor]) -> dict[str, float]:
    """Validate with averaged weights, without touching the sampler's or torch's random state."""
    current = {name: value.detach().clone() for name, value in stage.network.state_dict().items()}
    sampler, random = stage.sampler.state, torch.get_rng_state()
    stage.network.load_state_dict(averaged)
    stage.network.eval()
    with torch.no_grad():
        figures = stage.validate()
    stage.network.load_state_dict(current)
    stage.network.train()
    stage.sampler.state = sampler
    torch.set_rng_state(random)
    return figures


def _save(
    folder: Path,
    made_with: Mapping[str, Any],
    stage: Stage[Any],
    optimizer: torch.optim.Optimizer,
    averaged: dict[str, Tensor],
    step: int,
) -> None:
    save_whole(
        folder / "checkpoint.pt",
        {
            "config": made_with,
            "step": step,
            "network": stage.network.state_dict(),
            "averaged": averaged,
            "optimizer": optimizer.state_dict(),
            "sampler": stage.sampler.state,
            "torch": torch.get_rng_state(),
        },
    )


def _resume(
    folder: Path, made_with: Mapping[str, Any], stage: Stage[Any], optimizer: torch.optim.Optimizer, averaged: dict[str, Tensor]
) -> int:
    """Load a checkpoint if there is one; returns the step to go on with. Raises DataError if it is of another configuration."""
    path = folder / "checkpoint.pt"
    if not path.exists():
        return 0
    saved = torch.load(path, weights_only=False)
    if saved["config"] != made_with:
        raise DataError(f"{path} was made with another configuration; name another folder, or delete it to start over")
    stage.network.load_state_dict(saved["network"])
    optimizer.load_state_dict(saved["optimizer"])
    averaged.update(saved["averaged"])
    stage.sampler.state = saved["sampler"]
    torch.set_rng_state(saved["torch"])
    step = int(saved["step"])
    log = folder / "log.jsonl"
    if log.exists():  # rows of steps that are done again
        kept = [row for row in log.read_text().splitlines(keepends=True) if json.loads(row)["step"] <= step]
        replace_bytes(log, "".join(kept).encode())
    return step


def save_whole(path: Path, content: Any) -> None:
    """torch.save that leaves either the old file or the whole new one."""
    buffer = io.BytesIO()
    torch.save(content, buffer)
    replace_bytes(path, buffer.getvalue())


def _append(path: Path, row: dict[str, Any]) -> None:
    with path.open("a") as file:
        file.write(json.dumps(row) + "\n")
