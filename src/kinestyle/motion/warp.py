"""A motion in another time: the same poses, sooner or later."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from math import ceil
from typing import Any, Self, overload

import numpy as np

from kinestyle.motion.clip import Clip
from kinestyle.motion.resampling import (
    SPLINE_REACH,
    resample_rotation,
    resample_vector,
    spline_rotation,
    spline_vector,
)
from kinestyle.motion.rotation import Array
from kinestyle.motion.window import Motion, OfMotion, sample_frames


@overload
def warp(motion: Clip, at_frame: Array, smooth: Collection[int]) -> Clip: ...


@overload
def warp(motion: Motion, at_frame: Array, smooth: Collection[int]) -> Motion: ...


def warp(motion: Motion, at_frame: Array, smooth: Collection[int]) -> Motion:
    """A motion whose frames are those of another at (M,) ascending fractional frame numbers; of a
    clip, a clip. Frame time, rig, names and source stay.

    smooth: the joints that move along splines, as bodies do; all others go straight from frame to
        frame, so that what jumps, such as a prop that is picked up, does not swing
    """
    warped = Warped(motion, np.asarray(at_frame, float), frozenset(smooth), motion.warnings)
    return warped.window(0, warped.frame_count) if isinstance(motion, Clip) else warped


@dataclass(frozen=True, eq=False)
class Warped(OfMotion):
    """As `warp` makes it of a longer motion: each window is computed when it is asked for."""

    motion: Motion
    at_frame: Array
    smooth: frozenset[int]
    warnings: tuple[str, ...]

    @property
    def frame_count(self) -> int:
        return len(self.at_frame)

    def window(self, start: int, stop: int, joints: Sequence[int] | None = None) -> Clip:
        """As `Clip.window`."""
        return self._frames(self.at_frame[start:stop], joints)

    def sample(self, frames: np.ndarray) -> Clip:
        """As `Clip.sample`."""
        return sample_frames(self, frames)

    def with_warnings(self, *more: str) -> Self:
        """As `Clip.with_warnings`."""
        return replace(self, warnings=(*self.warnings, *more))

    def _frames(self, at_frame: Array, joints: Sequence[int] | None = None) -> Clip:
        first = max(0, int(at_frame[0]) - SPLINE_REACH)
        last = min(self.motion.frame_count, ceil(at_frame[-1]) + SPLINE_REACH + 1)
        clip = self.motion.window(first, last, joints)
        at_frame = at_frame - first
        position = resample_vector(clip.local_position, at_frame)
        rotation = resample_rotation(clip.local_rotation, at_frame)
        order = range(self.skeleton.joint_count) if joints is None else joints
        smooth = [i for i, joint in enumerate(order) if joint in self.smooth]
        position[:, smooth] = spline_vector(clip.local_position[:, smooth], at_frame)
        rotation[:, smooth] = spline_rotation(clip.local_rotation[:, smooth], at_frame)
        # a moment that is a frame is that very frame
        whole = at_frame == np.floor(at_frame)
        frames = at_frame[whole].astype(int)
        position[whole], rotation[whole] = clip.local_position[frames], clip.local_rotation[frames]
        return replace(
            clip,
            local_position=position,
            local_rotation=rotation,
            source=source_at(clip.source, at_frame),
            warnings=self.warnings,
        )


def source_at(source: Any, at_frame: Array) -> Any:
    """What a file's format keeps of a clip, for other frames of it: what the file holds beside the
    clip's joints goes along, where the format knows how.
    """
    at = getattr(source, "at", None)
    return source if at is None else at(at_frame)


def frame_after(moments: Array, frame: Array, pace: float = 1.0) -> Array:
    """moments: (M,) ascending frame numbers of a motion at which it was warped; frame: (N,)
    fractional frame numbers of that motion -> (N,) those of the warped motion. What is before its
    first or after its last frame stays as far from it.

    pace: frames of the warped motion that last as long as one of the other
    """
    count = len(moments)
    inside = np.interp(frame, moments, np.arange(count, dtype=float))
    beyond = np.minimum(frame - moments[0], 0.0) + np.maximum(frame - moments[-1], 0.0)
    return np.asarray(inside + pace * beyond)


def warped_again(moments: Array | None, at_frame: Array) -> Array:
    """at_frame: (M,) of a motion that is already warped at `moments`, or is not -> (M,) of the one
    before that.
    """
    if moments is None:
        return at_frame
    return np.asarray(np.interp(at_frame, np.arange(len(moments), dtype=float), moments))
