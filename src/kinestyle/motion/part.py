"""Some of a motion's frames, as a motion."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import overload

import numpy as np

from kinestyle.motion.clip import Clip
from kinestyle.motion.warp import source_at
from kinestyle.motion.window import EachFrame, Motion


@overload
def part_of(motion: Clip, start: int, stop: int) -> Clip: ...


@overload
def part_of(motion: Motion, start: int, stop: int) -> Motion: ...


def part_of(motion: Motion, start: int, stop: int) -> Motion:
    """The frames from `start` up to, not including, `stop`: a motion of its own, which is written
    as such. A clip, if that is one.
    """
    if (start, stop) == (0, motion.frame_count):
        return motion
    if not isinstance(motion, Clip):
        return Part(motion, start, stop)
    clip = motion.window(start, stop)
    if hasattr(clip.source, "window"):
        return clip
    return replace(clip, source=source_at(clip.source, np.arange(start, stop, dtype=float)))


@dataclass(frozen=True, eq=False)
class Part(EachFrame):
    """The frames of a `Motion` from `start` up to, not including, `stop`."""

    motion: Motion
    start: int
    stop: int

    @property
    def frame_count(self) -> int:
        return self.stop - self.start

    def window(self, start: int, stop: int, joints: Sequence[int] | None = None) -> Clip:
        """As `Clip.window`."""
        return self.motion.window(start + self.start, stop + self.start, joints)

    def sample(self, frames: np.ndarray) -> Clip:
        """As `Clip.sample`."""
        return self.motion.sample(frames + self.start)
