"""Frames that come when they like, at a steady rate."""

from __future__ import annotations

from math import ceil, floor

import numpy as np

from kinestyle.live.performer import Frame
from kinestyle.motion.resampling import resample_rotation, resample_vector

AGAIN_SECONDS = 1.0
"""A time that is farther than this from the last one starts over: the sender was started again, or
has slept.
"""


class Clock:
    """Frames with times in, frames at a steady rate out, each between its neighbours.

    late: how many came after later ones, or twice, and were dropped
    """

    def __init__(self, rate: float) -> None:
        self.rate, self.late = rate, 0
        self._last: tuple[float, Frame] | None = None
        self._begin = 0.0
        self._next = 0

    def add(self, time_seconds: float, frame: Frame) -> list[Frame]:
        """The frames that are known with this one."""
        if self._last is None or abs(time_seconds - self._last[0]) > AGAIN_SECONDS:
            self._last, self._begin, self._next = (time_seconds, frame), time_seconds, 1
            return [frame]
        before, earlier = self._last
        if time_seconds <= before:
            self.late += 1
            return []
        self._last = time_seconds, frame
        last = floor((time_seconds - self._begin) * self.rate + 1e-3)
        ticks = np.arange(self._next, last + 1)
        if not len(ticks):
            return []
        self._next = last + 1
        at = self._begin + ticks / self.rate
        share = np.clip((at - before) / (time_seconds - before), 0.0, 1.0)
        pairs = (np.stack(pair) for pair in zip(earlier, frame, strict=True))
        position, turned = pairs
        return [
            Frame(*rows)
            for rows in zip(
                resample_vector(position, share), resample_rotation(turned, share), strict=True
            )
        ]


def frames_of(seconds: float, rate: float) -> int:
    """How many frames last at least so long."""
    return max(1, ceil(seconds * rate))
