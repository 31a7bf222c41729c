"""From keys to frames: the evenly spaced times on which an animation's keys lie, and its curves at
those times.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from kinestyle.motion import rotation
from kinestyle.motion.rotation import Array

USUAL_RATES = (
    30.0,
    24.0,
    25.0,
    60.0,
    50.0,
    120.0,
    100.0,
    48.0,
    30000 / 1001,
    24000 / 1001,
    60000 / 1001,
    240.0,
    200.0,
    90.0,
)
"""Frames a second, the likeliest first."""
SAME_FRAME = 0.02
"""How far a key may be off a frame, as a share of the frame time. Times are 32-bit numbers, and
some exporters add up rounded steps.
"""
_SAME_RATE = 2e-6
_SPARSE_SECONDS = 0.101
"""Evenly spaced keys that are farther apart come from an animator, not from a recording."""


@dataclass(frozen=True)
class FrameGrid:
    """Frame k, below `frame_count`, is at `start_seconds` + k `frame_time_seconds`.

    exact: whether every key lies on a frame
    """

    start_seconds: float
    frame_time_seconds: float
    frame_count: int
    exact: bool = True

    def times(self) -> Array:
        """(T,) seconds of the frames."""
        return self.start_seconds + np.arange(self.frame_count) * self.frame_time_seconds


def find_grid(keys: list[Array], stated_seconds: float | None = None) -> FrameGrid:
    """keys: for each curve the rising times of its keys -> the frames from the first key of all to
    the last.

    stated_seconds: the frame time that the file states; it is used if the keys lie on it
    """
    longest = max(keys, key=len)
    times = np.unique(
        np.concatenate(
            [longest, *(k for k in keys if k is not longest and not np.array_equal(k, longest))]
        )
    )
    if times[-1] == times[0]:
        return FrameGrid(float(times[0]), stated_seconds or 1.0 / USUAL_RATES[0], 1)
    if stated_seconds is not None and _fits(times, stated_seconds):
        return _grid(times, stated_seconds)
    for some in (times, longest):
        step = _even_step(some)
        if step is not None and step <= _SPARSE_SECONDS:
            return _grid(times, step)
    for rate in USUAL_RATES:
        if _fits(times, 1.0 / rate):
            return _grid(times, 1.0 / rate)
    dense = float(np.median(np.diff(times))) < 1.0 / 45.0
    return _grid(times, 1.0 / 60.0 if dense else 1.0 / 30.0)


def _even_step(times: Array) -> float | None:
    """The step of evenly spaced times, as a usual one if it is one but for rounding; None for times
    that are not evenly spaced.
    """
    merged = times[np.concatenate([[True], np.diff(times) > 1e-5])]
    if len(merged) < 2:
        return None
    step = float(merged[-1] - merged[0]) / (len(merged) - 1)
    if not _fits(merged, step):
        return None
    rounding = _SAME_RATE + 4.0 * float(np.spacing(np.float32(np.abs(merged).max()))) / float(
        merged[-1] - merged[0]
    )
    usual = next((1.0 / rate for rate in USUAL_RATES if abs(step * rate - 1.0) < rounding), step)
    return usual if _fits(merged, usual) else step


def _fits(times: Array, step: float) -> bool:
    """Whether all times lie on frames of this length from the first one on."""
    frames = (times - times[0]) / step
    return bool(np.abs(frames - np.round(frames)).max() <= SAME_FRAME)


def _grid(times: Array, step: float) -> FrameGrid:
    """The frames of this length from the first time to the last."""
    return FrameGrid(
        float(times[0]), step, round(float(times[-1] - times[0]) / step) + 1, _fits(times, step)
    )


def lies_on(keys: Array, times: Array, frame_time_seconds: float) -> bool:
    """Whether the keys (K,) and the times (T,) are the same, one for one."""
    return len(keys) == len(times) and bool(
        (np.abs(keys - times) <= SAME_FRAME * frame_time_seconds).all()
    )


def sample(
    keys: Array, values: Array, interpolation: str, grid: FrameGrid, is_rotation: bool
) -> Array:
    """A curve at the frames of a grid: keys (K,) seconds, values (K, n), for CUBICSPLINE (3 K, n)
    -> (T, n).

    At a key the curve has exactly the key's value. Before the first and after the last key it is
    constant. is_rotation: (n = 4) quaternions, interpolated the shorter way round and normalised
    """
    times = grid.times()
    cubic = interpolation == "CUBICSPLINE"
    rows = values.reshape(len(keys), 3, -1) if cubic else values
    at_key = rows[:, 1] if cubic else rows
    if lies_on(keys, times, grid.frame_time_seconds):
        return rotation.normalize(at_key) if is_rotation else at_key
    tolerance = SAME_FRAME * grid.frame_time_seconds
    low = np.clip(np.searchsorted(keys, times + tolerance, side="right") - 1, 0, len(keys) - 1)
    high = np.minimum(low + 1, len(keys) - 1)
    span = keys[high] - keys[low]
    weight = np.clip((times - keys[low]) / np.where(span > 0, span, 1.0), 0.0, 1.0)
    weight[(span <= 0) | (np.abs(times - keys[low]) <= tolerance) | (interpolation == "STEP")] = 0.0
    w, is_key = weight[:, None], weight[:, None] == 0.0
    if cubic:
        w2, w3, d = w * w, w * w * w, span[:, None]
        found = (2 * w3 - 3 * w2 + 1) * at_key[low] + d * (w3 - 2 * w2 + w) * rows[low, 2]
        found = found + (3 * w2 - 2 * w3) * at_key[high] + d * (w3 - w2) * rows[high, 0]
    elif is_rotation:
        a, b = rotation.normalize(at_key[low]), rotation.normalize(at_key[high])
        found = rotation.interpolate(a, b, weight)
    else:
        found = at_key[low] * (1.0 - w) + at_key[high] * w
    found = np.where(is_key, at_key[low], found)
    return rotation.normalize(found) if is_rotation else found
