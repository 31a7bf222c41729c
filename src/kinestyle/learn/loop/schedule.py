"""How fast a stage learns at each step, and when it is done.

Without a `Plateau` a stage has a fixed number of steps: the learning rate warms up and falls by a
cosine until the last one. A cosine needs to know its end. Where the end is what validation decides,
the rate warms up and stays; when validation no longer improves, it falls by the same cosine over a
share of the steps so far, and the stage ends. That gives up nothing: a constant rate with a short
fall at its end comes as far as a cosine of the same length (Hägele et al., "Scaling laws and
compute-optimal training beyond fixed training durations", 2024).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

LOWEST = 0.02
"""The learning rate of the last step, as a share of the highest."""
STALLED, ALL_STEPS = "validation stalled", "all steps"
"""Why a stage is done."""


@dataclass(frozen=True)
class Plateau:
    """When validation no longer improves, and how the rate falls then."""

    patience: int = 10
    """Validations in a row whose score is no better than the best before them."""
    improvement: float = 0.002
    """Share of the best score by which a score has to be lower to count as better."""
    decay: float = 0.2
    """Steps over which the rate falls, as a share of the steps before."""


class Schedule:
    """Of one stage: `rate` before each step, `validated` after each validation, `last` the step
    that ends it as far as is known by now.

    steps: all of them; with a plateau the most there are
    """

    def __init__(self, steps: int, warmup_steps: int, plateau: Plateau | None = None):
        self.steps, self.warmup_steps, self.plateau = steps, warmup_steps, plateau
        self.best, self.waited = math.inf, 0
        # with a plateau so late that it is through with its fall at the last step
        self._latest = warmup_steps if plateau is None else int(steps / (1.0 + plateau.decay))
        self.falls_from = self._latest

    @property
    def last(self) -> int:
        """The step after which the stage is done, unless validation says earlier."""
        if self.plateau is None or self.is_open:
            return self.steps
        return self.falls_from + max(1, int(self.plateau.decay * self.falls_from))

    @property
    def is_open(self) -> bool:
        """Whether validation may still end it before the last step that is known."""
        return self.plateau is not None and self.falls_from == self._latest

    @property
    def of_all(self) -> str:
        """Behind the number of a step: of how many, where that is known."""
        return "" if self.is_open else f" of {self.last}"

    @property
    def why(self) -> str:
        """Why the stage is done at its last step."""
        return ALL_STEPS if self.last == self.steps else STALLED

    def rate(self, step: int) -> float:
        """The learning rate of a step, from 0, as a share of its highest."""
        if step < self.warmup_steps:
            return (step + 1) / self.warmup_steps
        done = max(0, step - self.falls_from) / max(1, self.last - self.falls_from)
        return LOWEST + (1.0 - LOWEST) * 0.5 * (1.0 + math.cos(math.pi * done))

    def validated(self, step: int, score: float) -> None:
        """Take note of a score, the lower the better, after so many steps. One that is not a number
        says nothing, and once the rate falls nothing changes any more.
        """
        if self.plateau is None or step >= self.falls_from or math.isnan(score):
            return
        if score < self.best - self.plateau.improvement * abs(self.best) or self.best == math.inf:
            self.best, self.waited = score, 0
            return
        self.waited += 1
        if self.waited >= self.plateau.patience:
            self.falls_from = step

    @property
    def state(self) -> dict[str, Any]:
        """For a checkpoint."""
        return {"best": self.best, "waited": self.waited, "falls_from": self.falls_from}

    @state.setter
    def state(self, state: dict[str, Any]) -> None:
        self.best, self.waited = state["best"], state["waited"]
        self.falls_from = state["falls_from"]
