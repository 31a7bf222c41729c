"""Long motion, a window of frames at a time.

Time and memory are then the same for each minute of a clip, whatever its length. A window is read
with a halo, frames on either side that filters reach into; what is computed for the halo is thrown
away, so that windows give what the whole clip gives.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import PurePath
from typing import Protocol, Self

import numpy as np

from kinestyle.errors import wrong_type
from kinestyle.motion import paged
from kinestyle.motion.clip import Clip, StatedWorld
from kinestyle.motion.skeleton import Skeleton

Progress = Callable[[float], None]
"""Called with the share of the work that is done, 0 to 1. What it raises ends the work."""


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

    def with_warnings(self, *more: str) -> Self:
        """The same motion with more to tell its user."""
        ...


def require_motion(value: object, name: str) -> None:
    """Raises WrongTypeError for what is no motion, such as the path of one."""
    if hasattr(value, "window") and hasattr(value, "frame_time_seconds"):
        return
    read = f"; read_motion({str(value)!r}) reads one" if isinstance(value, str | PurePath) else ""
    raise wrong_type(name, value, f"a clip{read}")


class OfMotion:
    """What a `Motion` that is made of another one has of it."""

    motion: Motion

    @property
    def skeleton(self) -> Skeleton:
        return self.motion.skeleton

    @property
    def name(self) -> str:
        return self.motion.name

    @property
    def frame_time_seconds(self) -> float:
        return self.motion.frame_time_seconds

    @property
    def world(self) -> StatedWorld:
        return self.motion.world


@dataclass(frozen=True, eq=False)
class EachFrame(OfMotion, ABC):
    """A `Motion` each of whose frames is made of one of another. `window` is left to say."""

    motion: Motion

    @property
    def frame_count(self) -> int:
        return self.motion.frame_count

    @property
    def warnings(self) -> tuple[str, ...]:
        return self.motion.warnings

    @abstractmethod
    def window(self, start: int, stop: int, joints: Sequence[int] | None = None) -> Clip:
        """As `Clip.window`."""

    def sample(self, frames: np.ndarray) -> Clip:
        """As `Clip.sample`."""
        return sample_frames(self, frames)

    def with_warnings(self, *more: str) -> Self:
        """As `Clip.with_warnings`."""
        return replace(self, motion=self.motion.with_warnings(*more))


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
    def read_count(self) -> int:
        """How many frames are read."""
        return self.last - self.first

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
    """When motion is cut into windows, and how large they are.

    whole_frames, whole_seconds: motion of at most so much is one window
    frames, seconds: of a window at most, without its halo
    """

    whole_frames: int = 7200
    whole_seconds: float = 120.0
    frames: int = 1024
    seconds: float = 40.0

    def cut(self, frame_count: int, frame_time_seconds: float, halo: int = 0) -> list[Window]:
        """The windows of some motion, each read with `halo` frames on either side."""
        if (
            frame_count <= self.whole_frames
            and frame_count * frame_time_seconds <= self.whole_seconds
        ):
            return [Window.whole(frame_count)]
        size = min(self.frames, int(self.seconds / frame_time_seconds))
        # not much smaller than the halo, which is read again for each window
        return cut(frame_count, max(size, 2 * halo, 1), halo)


WINDOWS = WindowSize()


def cut(frame_count: int, size: int, halo: int) -> list[Window]:
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
    frames = np.linspace(0, last, count).round().astype(int)
    # `np.unique` would import masked arrays, in every command
    return motion.sample(frames[np.diff(frames, prepend=-1) > 0])


def sample_frames(motion: Motion, frames: np.ndarray) -> Clip:
    """As `Motion.sample`, of windows of a frame each."""
    clips = [motion.window(int(frame), int(frame) + 1) for frame in frames]
    return clips[0].with_motion(
        np.concatenate([clip.local_position for clip in clips]),
        np.concatenate([clip.local_rotation for clip in clips]),
    )


def one_by_one(windows: Sequence[Window], progress: Progress | None = None) -> Iterator[Window]:
    """The windows of a whole motion; after the work on each, how much is done."""
    for window in windows:
        yield window
        if progress is not None:
            progress(window.stop / windows[-1].stop)


def gather(
    windows: Sequence[Window],
    measure: Callable[[Window], tuple[np.ndarray, ...]],
    progress: Progress | None = None,
) -> tuple[np.ndarray, ...]:
    """What `measure` finds in each window, put together: arrays with a row for each frame.

    measure: returns arrays with a row for each frame that a window wants
    """
    found = [measure(window) for window in one_by_one(windows, progress)]
    return tuple(
        pieces[0] if len(pieces) == 1 else np.concatenate(pieces)
        for pieces in zip(*found, strict=True)
    )


def collect(motion: Motion, size: WindowSize = WINDOWS, progress: Progress | None = None) -> Clip:
    """The whole motion as a clip, computed window by window."""
    windows = size.cut(motion.frame_count, motion.frame_time_seconds)
    first = motion.window(windows[0].start, windows[0].stop)
    if len(windows) == 1:
        return first
    joints = motion.skeleton.joint_count
    local_position, local_rotation = (
        paged.empty((motion.frame_count, joints, size)) for size in (3, 4)
    )
    for window in one_by_one(windows, progress):
        clip = first if window.start == 0 else motion.window(window.start, window.stop)
        paged.put(local_position, window.start, clip.local_position)
        paged.put(local_rotation, window.start, clip.local_rotation)
    return first.with_motion(local_position, local_rotation)


def part_of_progress(progress: Progress | None, start: float, stop: float) -> Progress | None:
    """The progress of a part of the work, which is from `start` to `stop` of the whole."""
    if progress is None:
        return None
    return lambda share: progress(start + share * (stop - start))
