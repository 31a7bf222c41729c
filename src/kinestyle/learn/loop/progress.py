"""What a stage reports while it learns: rows in `log.jsonl`, and lines to read."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from pathlib import Path

from kinestyle.learn.loop.checkpoint import append_row, cut_back
from kinestyle.learn.loop.schedule import Schedule

REPORT_SECONDS = 20.0
"""How often to say how far it is, between validations."""


class Progress:
    """Of one stage in `folder`, from the step it continues at, on a device; `seconds` are those of
    the processes that were killed before, by device.
    """

    def __init__(
        self,
        folder: Path,
        first: int,
        schedule: Schedule,
        seconds: Mapping[str, float],
        device: str,
        report: Callable[[str], None],
    ):
        self.folder, self.first, self.schedule, self.report = folder, first, schedule, report
        self.before, self.device, self.began = dict(seconds), device, time.monotonic()
        self.reported = self.began
        cut_back(folder / "log.jsonl", first)

    @property
    def seconds(self) -> dict[str, float]:
        """That the stage has taken so far, in all, by device."""
        now = self.before.get(self.device, 0.0) + time.monotonic() - self.began
        return {**self.before, self.device: now}

    def row(
        self, step: int, figures: Mapping[str, float], validation: Mapping[str, float] | None
    ) -> None:
        """Write the figures of a step; say them where it was validated, or after a while."""
        named = {
            **figures,
            **{f"validation/{name}": value for name, value in (validation or {}).items()},
        }
        seconds = round(sum(self.seconds.values()), 1)
        append_row(self.folder / "log.jsonl", {"step": step, "seconds": seconds, **named})
        now = time.monotonic()
        if validation is None and now - self.reported < REPORT_SECONDS:
            return
        self.reported = now
        shown = "  ".join(
            f"{name} {value:.4g}" for name, value in named.items() if name != "learning_rate"
        )
        self.report(f"{self.folder.name} {step}{self._left(step, now)}  {shown}")

    def _left(self, step: int, now: float) -> str:
        """Behind a step: of how many and how long, or, where validation decides, how near it is."""
        plateau = self.schedule.plateau
        if plateau is not None and step < self.schedule.falls_from:
            return f", {self.schedule.waited} of {plateau.patience} validations no better"
        steps = self.schedule.last
        left = duration((now - self.began) / (step - self.first) * (steps - step))
        return f"/{steps}, {left} left"


def duration(seconds: float) -> str:
    """As one would say it: 40 s, 12 min, 3 h 05 min."""
    if seconds < 99.5:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 100 else f"{minutes // 60} h {minutes % 60:02d} min"
