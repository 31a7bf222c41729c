"""Smoothing over time, of numbers and of rotations."""

from __future__ import annotations

import numpy as np

from kinestyle.motion import rotation
from kinestyle.motion.rotation import Array


def smooth_in_time(values: Array, sigma_frames: float) -> Array:
    """values: (T, ...) -> the same under a Gaussian of `sigma_frames`, ends held."""
    radius = int(np.ceil(3.0 * sigma_frames))
    if radius == 0 or len(values) < 2:
        return values
    kernel = np.exp(-0.5 * (np.arange(-radius, radius + 1) / sigma_frames) ** 2)
    padded = np.pad(values, [(radius, radius), *[(0, 0)] * (values.ndim - 1)], mode="edge")
    windows = np.lib.stride_tricks.sliding_window_view(padded, 2 * radius + 1, axis=0)
    return windows @ (kernel / kernel.sum())


def calm_rotation(q: Array, usual: float, wild: float, sigma_frames: float) -> Array:
    """q: (T, ..., 4) -> the same rotations, smoothed over `sigma_frames` only where and while they turn too fast.

    Turning by up to `usual` radians from one frame to the next is left alone, by `wild` or more wholly smoothed; what lies
    within two `sigma_frames` of a wild turn goes along, so that no corner is left at its ends.
    """
    if len(q) < 3:
        return q
    q = rotation.continuous(q)
    step = rotation.angle(rotation.multiply(rotation.inverse(q[:-1]), q[1:]))
    excess = np.clip((step - usual) / (wild - usual), 0.0, 1.0)
    if not excess.any():
        return q
    at_frame = np.maximum(np.concatenate([excess, excess[-1:]]), np.concatenate([excess[:1], excess]))
    reach = int(np.ceil(2.0 * sigma_frames))
    padded = np.pad(at_frame, [(reach, reach), *[(0, 0)] * (at_frame.ndim - 1)], mode="edge")
    widened = np.lib.stride_tricks.sliding_window_view(padded, 2 * reach + 1, axis=0).max(axis=-1)
    smooth = rotation.normalize(smooth_in_time(q, sigma_frames))
    return rotation.interpolate(q, smooth, smooth_in_time(widened, sigma_frames / 2.0))
