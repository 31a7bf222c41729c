"""Long motion, a window of frames at a time.

Time and memory are then the same for each minute of a clip, whatever its length. A window is read
with a halo, frames on either side that filters reach into; what is computed for the halo is thrown
away, so that windows give what the whole clip gives.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from kinestyle.motion.clip import Clip, StatedWorld
from kinestyle.motion.skeleton import Skeleton


class Motion(Protocol):
    """T frames of a rig's motion, any of which can be had as a clip, with the attributes of `Clip`.

    A `Clip` is one. A file that is too long to be held in memory is another.
    """

    @property
    def skeleton(self) -> Skeleton: ...

    @property
    def name(self) -> str: ...

    @property
    def frame_time_seconds(self) -> float: ...

    @property
    def frame_count(self) -> int: ...

    @property
    def warnings(self) -> tuple[str, ...]: ...

    @property
    def world(self) -> StatedWorld: ...

    def window(self, start: int, stop: int, joints: Sequence[int] | None = None) -> Clip:
        """The frames from `start` up to, not including, `stop`; of all joints, or of some."""
        ...

    def sample(self, frames: np.ndarray) -> Clip:
        """frames: (N,) int, ascending -> a clip of these frames only."""
        ...


@dataclass(frozen=True)
class Window:
    """A stretch of frames. All ends are excluded.

    start, stop: the frames that are wanted
    first, last: the frames that are read for them
    """

    start: int
    stop: int
    first: int
    last: int

    @classmethod
    def whole(cls, frame_count: int) -> Window:
        """The one window of a whole clip."""
        return cls(0, frame_count, 0, frame_count)

    @property
    def core(self) -> slice:
        """Where the wanted frames are among those that were read."""
        return slice(self.start - self.first, self.stop - self.first)

    @property
    def read(self) -> slice:
        """Where the frames that are read are in the whole clip."""
        return slice(self.first, self.last)

    @property
    def wanted(self) -> slice:
        """Where the wanted frames are in the whole clip."""
        return slice(self.start, self.stop)


@dataclass(frozen=True)
class WindowSize:
    """When a clip is cut into windows, and how large they are.

    whole_frames, whole_seconds: a clip of at most so much is one window
    frames: of a window, without its halo
    """

    whole_frames: int = 7200
    whole_seconds: float = 120.0
    frames: int = 1024

    def is_whole(self, motion: Motion) -> bool:
        """Whether a clip is short enough to be one window."""
        return (
            motion.frame_count <= self.whole_frames
            and motion.frame_count * motion.frame_time_seconds <= self.whole_seconds
        )

    def cut(self, motion: Motion, halo: int = 0) -> list[Window]:
        """The windows of a clip: one, or some that are read with `halo` frames on either side."""
        whole = self.is_whole(motion)
        return cut(motion.frame_count, motion.frame_count if whole else self.frames, halo)


WINDOWS = WindowSize()


def cut(frame_count: int, size: int, halo: int = 0) -> list[Window]:
    """Windows of `size` frames one after the other, of which the last may be shorter, each read
    with `halo` frames on either side where there are so many.
    """
    return [
        Window(
            start,
            min(start + size, frame_count),
            max(0, start - halo),
            min(frame_count, start + size + halo),
        )
        for start in range(0, frame_count, size)
    ]


def sample_evenly(motion: Motion, count: int) -> Clip:
    """At most `count` frames, spread over the whole motion from its first to its last."""
    last = motion.frame_count - 1
    return motion.sample(np.unique(np.linspace(0, last, count).round().astype(int)))


def gather(
    motion: Motion,
    windows: Sequence[Window],
    measure: Callable[[Clip, Window], tuple[np.ndarray, ...]],
    joints: Sequence[int] | None = None,
) -> tuple[np.ndarray, ...]:
    """What `measure` finds in each window, put together: arrays with a row for each frame.

    measure: takes the clip that was read, of all joints or of `joints`, and its window; returns
        arrays with a row for each frame that is wanted
    """
    found = [
        measure(motion.window(window.first, window.last, joints), window) for window in windows
    ]
    return tuple(
        pieces[0] if len(pieces) == 1 else np.concatenate(pieces)
        for pieces in zip(*found, strict=True)
    )
