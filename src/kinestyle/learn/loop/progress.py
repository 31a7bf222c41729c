"""What a stage reports while it learns: rows in `log.jsonl`, and lines to read."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from pathlib import Path

from kinestyle.learn.loop.checkpoint import append_row, cut_back

REPORT_SECONDS = 20.0
"""How often to say how far it is, between validations."""


class Progress:
    """Of one stage in `folder`, from the step it continues at; `seconds` are those of the processes
    that were killed before.
    """

    def __init__(
        self, folder: Path, first: int, steps: int, seconds: float, report: Callable[[str], None]
    ):
        self.folder, self.first, self.steps, self.report = folder, first, steps, report
        self.before, self.began = seconds, time.monotonic()
        self.reported = self.began
        cut_back(folder / "log.jsonl", first)

    @property
    def seconds(self) -> float:
        """That the stage has taken so far, in all."""
        return self.before + time.monotonic() - self.began

    def row(
        self, step: int, figures: Mapping[str, float], validation: Mapping[str, float] | None
    ) -> None:
        """Write the figures of a step; say them where it was validated, or after a while."""
        named = {
            **figures,
            **{f"validation/{name}": value for name, value in (validation or {}).items()},
        }
        append_row(
            self.folder / "log.jsonl", {"step": step, "seconds": round(self.seconds, 1), **named}
        )
        now = time.monotonic()
        if validation is None and now - self.reported < REPORT_SECONDS:
            return
        self.reported = now
        left = duration((now - self.began) / (step - self.first) * (self.steps - step))
        shown = "  ".join(
            f"{name} {value:.4g}" for name, value in named.items() if name != "learning_rate"
        )
        self.report(f"{self.folder.name} {step}/{self.steps}, {left} left  {shown}")


def duration(seconds: float) -> str:
    """As one would say it: 40 s, 12 min, 3 h 05 min."""
    if seconds < 99.5:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 100 else f"{minutes // 60} h {minutes % 60:02d} min"
