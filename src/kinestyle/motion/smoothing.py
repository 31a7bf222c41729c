"""Smoothing over time, of numbers, of rotations and of masks."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from kinestyle.motion import rotation
from kinestyle.motion.rotation import Array

_AMBIGUOUS = np.radians(100.0), np.radians(170.0)

_SMOOTHED_AT_ONCE = 8
"""Frames that are one product of matrices, at least."""

_NUMBERS_AT_ONCE = 2**16


def smooth_in_time(values: Array, sigma_frames: float) -> Array:
    """values: (T, ...) -> the same under a Gaussian of `sigma_frames`, ends held."""
    radius = int(np.ceil(3.0 * sigma_frames))
    if radius == 0 or len(values) < 2:
        return values
    frames = len(values)
    if values.size == frames:
        held = _ends_held(values.reshape(frames), radius)
        return np.convolve(held, _gaussian(sigma_frames, radius), "valid").reshape(values.shape)
    # So many frames at a time are one product with a matrix: few calls, and no pass for each tap.
    # Many blocks go through a part of the memory that is small enough for the processor's cache.
    count = values.size // frames
    block = min(frames, max(_SMOOTHED_AT_ONCE, radius))
    blocks = min(-(-frames // block), max(1, _NUMBERS_AT_ONCE // (block * count)))
    band, size = _gaussian_band(sigma_frames, radius, block), blocks * block
    held = np.empty((size + 2 * radius, *values.shape[1:]))
    windows = _overlapping(held.reshape(-1, count), blocks, block, radius)
    smooth = np.empty((-(-frames // size) * size, count))
    for start in range(0, frames, size):
        first, stop = max(start - radius, 0), min(start + size + radius, frames)
        begin, end = first - start + radius, stop - start + radius
        held[begin:end] = values[first:stop]
        held[:begin], held[end:] = values[0], values[-1]
        np.matmul(band, windows, out=smooth[start : start + size].reshape(blocks, block, count))
    return smooth[:frames].reshape(values.shape)


def _overlapping(held: Array, blocks: int, block: int, radius: int) -> Array:
    """held: (blocks * block + 2 radius, N) -> (blocks, block + 2 radius, N) of the same memory,
    each block with `radius` frames before and after it.
    """
    row, number = held.strides
    shape = (blocks, block + 2 * radius, held.shape[1])
    return np.ndarray(shape, held.dtype, held, strides=(block * row, row, number))


def _gaussian(sigma_frames: float, radius: int) -> Array:
    """(2 radius + 1,) weights of the sum 1."""
    kernel = np.exp(-0.5 * (np.arange(-radius, radius + 1) / sigma_frames) ** 2)
    return np.asarray(kernel / kernel.sum())


@lru_cache(maxsize=64)
def _gaussian_band(sigma_frames: float, radius: int, block: int) -> Array:
    """(block, block + 2 radius) what makes of so many frames, with `radius` more before and after,
    the smooth ones.
    """
    band = np.zeros((block, block + 2 * radius))
    row, tap = np.arange(block)[:, None], np.arange(2 * radius + 1)
    band[row, row + tap] = _gaussian(sigma_frames, radius)
    return band


def largest_within(values: Array, frames: int) -> Array:
    """values: (T, ...) -> the largest of each at most so many frames away, ends held."""
    largest, seen, wanted = _ends_held(values, frames), 1, 2 * frames + 1
    while 2 * seen <= wanted:
        largest, seen = np.maximum(largest[:-seen], largest[seen:]), 2 * seen
    # two stretches that overlap
    return np.maximum(largest[: len(values)], largest[wanted - seen :])


def larger_beside(steps: np.ndarray) -> np.ndarray:
    """steps: (T - 1, ...) of each frame to the next -> (T, ...) for each frame the larger one of
    those before and behind it.
    """
    return np.maximum(np.concatenate([steps, steps[-1:]]), np.concatenate([steps[:1], steps]))


def spread_in_time(weight: Array, frames: int) -> Array:
    """weight: (T, ...) 0 to 1 -> the same from a few frames earlier to a few later, smooth."""
    return smooth_in_time(largest_within(weight, frames), 4.0)


def _ends_held(values: Array, frames: int) -> Array:
    """values: (T, ...) -> (T + 2 frames, ...) with the first and the last so many times more."""
    held = np.empty((len(values) + 2 * frames, *values.shape[1:]), values.dtype)
    held[:frames], held[frames : frames + len(values)] = values[:1], values
    held[frames + len(values) :] = values[-1:]
    return held


def limit_angular_velocity(q: Array, usual: float, wild: float, sigma_frames: float) -> Array:
    """q: (T, ..., 4) -> the same rotations, smoothed over `sigma_frames` where they are too fast.

    Up to `usual` radians from one frame to the next are left alone; `wild` or more are smoothed
    entirely. Frames within two `sigma_frames` of a wild step are smoothed along with it, which
    leaves no corner at its ends.
    """
    if len(q) < 3:
        return q
    q = rotation.continuous(q)
    fast = _steps_beyond(q, usual).any(axis=0)
    if not fast.any():
        return q
    some = q[:, fast] if fast.ndim else q[:, None]
    step = rotation.angle(rotation.multiply(rotation.inverse(some[:-1]), some[1:]))
    excess = np.clip((step - usual) / (wild - usual), 0.0, 1.0)
    widened = largest_within(larger_beside(excess), int(np.ceil(2.0 * sigma_frames)))
    smooth = rotation.normalize(smooth_in_time(some, sigma_frames))
    some = rotation.interpolate(some, smooth, smooth_in_time(widened, sigma_frames / 2.0))
    if not fast.ndim:
        return some[:, 0]
    limited = q.copy(order="K")
    limited[:, fast] = some
    return limited


def _steps_beyond(q: Array, radians: float) -> np.ndarray:
    """q: (T, ..., 4) -> (T - 1, ...) bool, whether a rotation may change by more than this from
    frame to frame: a cosine in place of the angle, with a margin for what it rounds.
    """
    return np.asarray(np.abs(rotation.dot(q[:-1], q[1:])) < np.cos(0.5 * radians) + 1e-9)


def suppress_flips(q: Array, wild: float, frames: int) -> Array:
    """q: (T, ..., 4) -> the same rotations, faded to none where they change by more than `wild`
    radians from frame to frame.

    A rotation that jumps between the two ways round means neither. It fades out and in again over
    so many `frames` before and after the jump.
    """
    if len(q) < 2:
        return q
    flips = _steps_beyond(q, wild)
    if not flips.any():
        return q
    here = np.nonzero(flips)
    step = rotation.multiply(rotation.inverse(q[:-1][here]), q[1:][here])
    flips[here] = rotation.angle(step) > wild
    if not flips.any():
        return q
    at_frame = larger_beside(flips)
    share = 1.0 - smooth_in_time(largest_within(at_frame.astype(float), frames), frames / 3.0)
    faded = q.copy(order="K")
    for joint in np.argwhere(flips.any(axis=0)):
        at = (slice(None), *joint)
        # nothing is left at a cut: each side may go its own way round
        cuts = np.flatnonzero(flips[at]) + 1
        parts = zip(np.split(q[at], cuts), np.split(share[at], cuts), strict=True)
        faded[at] = np.concatenate([scale_rotation(part, its[:, None]) for part, its in parts])
    return faded


def fade_rotation(q: Array, share: Array) -> Array:
    """q: (T, J, 4), share: (T,) or (T, J) 0 to 1 -> the rotations scaled by their share, the
    shorter way round.

    Near half a turn the shorter way changes sides from frame to frame. There, a rotation that is
    not applied in full is left out.
    """
    ambiguous = np.clip(
        (rotation.angle(q) - _AMBIGUOUS[0]) / (_AMBIGUOUS[1] - _AMBIGUOUS[0]), 0.0, 1.0
    )
    share = share[:, None] if share.ndim == 1 else share
    partly = np.clip((1.0 - share) / 0.15, 0.0, 1.0)
    return rotation.power(q, share * (1.0 - ambiguous * partly))


def scale_rotation(q: Array, factor: Array | float) -> Array:
    """q: (T, ..., 4) -> the rotations scaled by `factor` (one, or (T, ..., 1)), always the same
    way round.

    Near half a turn the shorter way round would change sides from one frame to the next, and a
    scaled rotation would flip.
    """
    q = rotation.continuous(q)
    backwards = q[..., 0].sum(axis=0) < 0.0
    if backwards.any():
        q = np.where(backwards[..., None], -q, q)
    return rotation.scaled(q, factor[..., 0] if isinstance(factor, np.ndarray) else factor)


def segments(mask: np.ndarray) -> list[tuple[int, int]]:
    """mask: (T,) bool -> the [start, stop) of each unbroken stretch of True."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], mask, [False]]).astype(np.int8)))
    return [(int(start), int(stop)) for start, stop in edges.reshape(-1, 2)]


def remove_short_segments(
    mask: np.ndarray, shortest: int, values: tuple[bool, ...] = (False, True)
) -> np.ndarray:
    """mask: (T, K) bool -> the same without gaps (False), then without segments (True), of fewer
    than `shortest` frames. Those at either end stay.
    """
    result = mask.copy()
    for value in values:
        for column in result.T:
            for start, stop in segments(column == value):
                if stop - start < shortest and start > 0 and stop < len(column):
                    column[start:stop] = not value
    return result


def smootherstep(x: Array) -> Array:
    """x: (...) -> 0 below 0, 1 above 1, and in between a curve with two continuous derivatives."""
    x = np.clip(x, 0.0, 1.0)
    return x * x * x * (10.0 + x * (6.0 * x - 15.0))


def ramp(values: Array, bounds: tuple[float, float] | Array) -> Array:
    """values: (...) -> 0 up to the first bound, 1 beyond the second, which may be the lower one."""
    return smootherstep((values - bounds[0]) / (bounds[1] - bounds[0]))


def softly_at_most(values: Array, free: Array | float, most: Array | float) -> Array:
    """values: (...) -> the same up to `free`, beyond it less, and never `most`."""
    beyond = np.maximum(values - free, 0.0)
    return np.minimum(values, free) + (most - free) * np.tanh(beyond / (most - free))
