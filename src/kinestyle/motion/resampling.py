"""Motion between its frames: at another frame rate, or at any fractional frame number."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from kinestyle.motion import rotation
from kinestyle.motion.clip import Clip
from kinestyle.motion.rotation import Array
from kinestyle.motion.window import Motion

_CONTROL_REACH = 16
"""Frames. Farther away, 7e-10 of a value is left in a spline's control points."""

_THE_SAME_FRAME = 1e-9
"""Frames: what rounding leaves of a clip's own times."""

SPLINE_REACH = _CONTROL_REACH + 2
"""How many frames before and after a moment a spline looks at."""


def resample(clip: Clip, frame_rate: float) -> Clip:
    """The clip at another frame rate, interpolated as rotations: Euler angles would jump."""
    at_frame = sample_times(clip, frame_rate) * clip.frame_rate
    return resample_at(clip, at_frame, 1.0 / frame_rate)


def resample_at(clip: Clip, at_frame: Array, frame_time_seconds: float) -> Clip:
    """A clip of the motion at fractional frame numbers (T',), which are `frame_time_seconds` apart
    in it.
    """
    return replace(
        clip,
        local_position=resample_vector(clip.local_position, at_frame),
        local_rotation=resample_rotation(clip.local_rotation, at_frame),
        frame_time_seconds=frame_time_seconds,
        source=None,
    )


def sample_times(motion: Motion, frame_rate: float) -> Array:
    """(T',) the times in seconds, from 0 to the clip's end, of the frames of a copy at
    `frame_rate`.
    """
    duration = (motion.frame_count - 1) * motion.frame_time_seconds
    return np.arange(int(np.floor(duration * frame_rate + 1e-6)) + 1) / frame_rate


def resample_rotation(q: Array, at_frame: Array) -> Array:
    """q: (T, ..., 4), at_frame: (T',) fractional frame numbers -> (T', ..., 4), along the shorter
    arc between neighbours.
    """
    low, weight = _bracket(len(q), at_frame)
    high = np.minimum(low + 1, len(q) - 1)
    return rotation.interpolate(q[low], q[high], weight.reshape(-1, *[1] * (q.ndim - 2)))


def resample_vector(v: Array, at_frame: Array) -> Array:
    """v: (T, ...), at_frame: (T',) fractional frame numbers -> (T', ...), linear between
    neighbours.
    """
    low, weight = _bracket(len(v), at_frame)
    high = np.minimum(low + 1, len(v) - 1)
    weight = weight.reshape(-1, *[1] * (v.ndim - 1))
    return v[low] * (1.0 - weight) + v[high] * weight


def spline_vector(values: Array, at_frame: Array) -> Array:
    """values: (T, ...), at_frame: (T',) fractional frame numbers -> (T', ...), on the cubic spline
    through the values.

    Unlike straight lines it has no corners: motion at 30 frames a second stays smooth at 120.
    """
    at_frame = np.clip(at_frame, 0.0, len(values) - 1.0)
    nearest = np.rint(at_frame)
    if (np.abs(at_frame - nearest) < _THE_SAME_FRAME).all():
        frames = nearest.astype(int)  # which it goes through
        first, stop = int(frames[0]), int(frames[-1]) + 1
        one_by_one = stop - first == len(frames) and bool((np.diff(frames) == 1).all())
        return values[first:stop] if one_by_one else values[frames]
    reach = np.arange(-_CONTROL_REACH, _CONTROL_REACH + 1)
    kernel = np.sqrt(3.0) * (np.sqrt(3.0) - 2.0) ** np.abs(reach)
    beyond = np.arange(1, _CONTROL_REACH + 3).reshape(-1, *[1] * (values.ndim - 1))
    first, last = (
        (values[0] - values[1], values[-1] - values[-2])
        if len(values) > 1
        else (0.0 * values[0],) * 2
    )
    padded = np.concatenate([values[0] + beyond[::-1] * first, values, values[-1] + beyond * last])
    control = (
        np.lib.stride_tricks.sliding_window_view(padded, len(reach), axis=0) @ kernel
    )  # (T + 4, ...)
    low = np.floor(at_frame).astype(int)
    x = (at_frame - low).reshape(-1, *[1] * (values.ndim - 1))
    weights = (
        (1.0 - x) ** 3,
        4.0 - 6.0 * x**2 + 3.0 * x**3,
        1.0 + 3.0 * x + 3.0 * x**2 - 3.0 * x**3,
        x**3,
    )
    return sum(weight * control[low + 1 + k] for k, weight in enumerate(weights)) / 6.0


def spline_rotation(q: Array, at_frame: Array) -> Array:
    """q: (T, ..., 4), at_frame: (T',) fractional frame numbers -> (T', ..., 4), smooth through the
    rotations.
    """
    return rotation.normalize(spline_vector(rotation.continuous(q), at_frame))


def _bracket(frame_count: int, at_frame: Array) -> tuple[np.ndarray, Array]:
    """at_frame: (T',) -> the frame before each (T',) int, and how far on to the next (T',)."""
    clipped = np.clip(at_frame, 0, frame_count - 1)
    low = np.floor(clipped).astype(int)
    return low, clipped - low
