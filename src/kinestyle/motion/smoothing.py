"""Smoothing over time, of numbers and of rotations."""

from __future__ import annotations

import numpy as np

from kinestyle.motion import rotation
from kinestyle.motion.rotation import Array

_AMBIGUOUS = np.radians(100.0), np.radians(170.0)
_SPLINE_REACH = 16  # frames, beyond which a value no longer moves a spline's control points: 7e-10 of it is left


def smooth_in_time(values: Array, sigma_frames: float) -> Array:
    """values: (T, ...) -> the same under a Gaussian of `sigma_frames`, ends held."""
    radius = int(np.ceil(3.0 * sigma_frames))
    if radius == 0 or len(values) < 2:
        return values
    kernel = np.exp(-0.5 * (np.arange(-radius, radius + 1) / sigma_frames) ** 2)
    padded = np.pad(values, [(radius, radius), *[(0, 0)] * (values.ndim - 1)], mode="edge")
    windows = np.lib.stride_tricks.sliding_window_view(padded, 2 * radius + 1, axis=0)
    return windows @ (kernel / kernel.sum())


def largest_within(values: Array, frames: int) -> Array:
    """values: (T, ...) -> the largest of each at most so many frames away, ends held."""
    padded = np.pad(values, [(frames, frames), *[(0, 0)] * (values.ndim - 1)], mode="edge")
    return np.lib.stride_tricks.sliding_window_view(padded, 2 * frames + 1, axis=0).max(axis=-1)


def limit_angular_velocity(q: Array, usual: float, wild: float, sigma_frames: float) -> Array:
    """q: (T, ..., 4) -> the same rotations, smoothed over `sigma_frames` only where and while they
    turn too fast.

    Turning by up to `usual` radians from one frame to the next is left alone, by `wild` or more
    wholly smoothed; what lies within two `sigma_frames` of a wild turn goes along, so that no
    corner is left at its ends.
    """
    if len(q) < 3:
        return q
    q = rotation.continuous(q)
    step = rotation.angle(rotation.multiply(rotation.inverse(q[:-1]), q[1:]))
    excess = np.clip((step - usual) / (wild - usual), 0.0, 1.0)
    if not excess.any():
        return q
    at_frame = np.maximum(
        np.concatenate([excess, excess[-1:]]), np.concatenate([excess[:1], excess])
    )
    widened = largest_within(at_frame, int(np.ceil(2.0 * sigma_frames)))
    smooth = rotation.normalize(smooth_in_time(q, sigma_frames))
    return rotation.interpolate(q, smooth, smooth_in_time(widened, sigma_frames / 2.0))


def suppress_flips(q: Array, wild: float, frames: int) -> Array:
    """q: (T, ..., 4) -> the same rotations, but none at all where they turn by more than `wild`
    radians from frame to frame.

    Over so many `frames` before and after they fade out and in again: what jumps between two ways
    round is neither.
    """
    if len(q) < 2:
        return q
    flips = rotation.angle(rotation.multiply(rotation.inverse(q[:-1]), q[1:])) > wild
    if not flips.any():
        return q
    at_frame = np.concatenate([flips, flips[-1:]]) | np.concatenate([flips[:1], flips])
    share = 1.0 - smooth_in_time(largest_within(at_frame.astype(float), frames), frames / 3.0)
    faded = q.copy()
    for joint in np.argwhere(flips.any(axis=0)):
        at = (slice(None), *joint)
        cuts = (
            np.flatnonzero(flips[at]) + 1
        )  # nothing is left there, so that each side may go its own way round
        parts = zip(np.split(q[at], cuts), np.split(share[at], cuts), strict=True)
        faded[at] = np.concatenate([scale_rotation(part, its[:, None]) for part, its in parts])
    return faded


def fade_rotation(q: Array, share: Array) -> Array:
    """q: (T, J, 4), share: (T,) 0 to 1 -> the rotations taken so far as their share says, the
    shorter way round.

    Near half a turn the shorter way changes sides from frame to frame: what is not to be there
    whole is left out there.
    """
    ambiguous = np.clip(
        (rotation.angle(q) - _AMBIGUOUS[0]) / (_AMBIGUOUS[1] - _AMBIGUOUS[0]), 0.0, 1.0
    )
    partly = np.clip((1.0 - share) / 0.15, 0.0, 1.0)
    return rotation.power(q, share[:, None] * (1.0 - ambiguous * partly[:, None]))


def scale_rotation(q: Array, factor: Array | float) -> Array:
    """q: (T, ..., 4) -> the rotations taken `factor` (one, or (T, ..., 1)) times as far, all the
    time the same way round.

    Where they come to half a turn and beyond, the shorter way round would change sides from one
    frame to the next, and a part of it would flip.
    """
    q = rotation.continuous(q)
    q = np.where(q[..., :1].sum(axis=0) < 0.0, -q, q)
    sine = np.linalg.norm(q[..., 1:], axis=-1, keepdims=True)
    return rotation.exp(
        2.0 * factor * np.arctan2(sine, q[..., :1]) * rotation.normalize(q[..., 1:])
    )


def spline_vector(values: Array, at_frame: Array) -> Array:
    """values: (T, ...), at_frame: (T',) fractional frame numbers -> (T', ...), on the cubic spline
    through the values.

    Unlike straight lines between them it has no corners: what is slow at 30 frames a second stays
        smooth at 120.
    """
    at_frame = np.clip(at_frame, 0.0, len(values) - 1.0)
    reach = np.arange(-_SPLINE_REACH, _SPLINE_REACH + 1)
    kernel = np.sqrt(3.0) * (np.sqrt(3.0) - 2.0) ** np.abs(reach)
    beyond = np.arange(1, _SPLINE_REACH + 3).reshape(-1, *[1] * (values.ndim - 1))
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
