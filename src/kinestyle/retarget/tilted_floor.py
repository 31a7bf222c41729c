"""The floor that planted feet stand on, where the world of a file is tilted against it.

Video capture gives motion in the camera's world, which leans by a few degrees or by twenty. The
floor is the plane through the places where feet stand still. Along the way that a body travels this
plane is sure; across it feet are too near to each other, and the body itself, which leans to
neither side in the mean, tells more.
"""

from __future__ import annotations

import numpy as np

from kinestyle.motion import rotation
from kinestyle.motion.canonical import UP
from kinestyle.motion.percentile import median
from kinestyle.motion.rotation import Array
from kinestyle.motion.smoothing import remove_short_segments

_STILL_M_S, _SHORTEST_SECONDS = 0.3, 0.12
"""A foot stands where it is slower than this for so long."""
_LEAST_STANCES, _LEAST_EXTENT_M = 4, 1.0
"""Fewer places, or nearer to each other along the way, show no plane."""
_LEAST_RADIANS, _MOST_RADIANS = np.radians(1.5), np.radians(30.0)
"""Less is no tilt, more is a flight of stairs or a wall."""
_LEAST_RISE_M, _MOST_RESIDUAL_M = 0.05, 0.03
"""What the tilt must explain of the heights of feet, and leave unexplained."""
_MOST_LEAN_RADIANS = np.radians(12.0)
"""Between the floor's normal and the body: on stairs and ramps a body stands upright."""
_NOISE_M = 0.02
_LEAN_SLOPE, _ANY_SLOPE = 0.06, 1.0
"""How far the floor's slope is expected to be from the body's lean, and from none."""


def find_floor_normal(
    ankles: Array, frame_time_seconds: float, body_up: Array, tilted: bool | None = None
) -> Array | None:
    """(3,) the unit normal of a tilted floor; None where it is level, as far as feet tell.

    ankles: (T, 2, 3) metres, in a world whose up axis is Y
    body_up: (3,) where the body stands along, in the mean
    tilted: whether it is, whatever is seen
    """
    if tilted is False or len(ankles) < 2:
        return None
    places = _places(ankles, frame_time_seconds)
    if len(places) < (1 if tilted else _LEAST_STANCES):
        return None
    ground = places[:, [0, 2]] - places[:, [0, 2]].mean(axis=0)
    height = places[:, 1] - places[:, 1].mean()
    axes = np.linalg.svd(ground, full_matrices=True)[2]
    along = ground @ axes[0]
    travels = float(np.ptp(along)) >= _LEAST_EXTENT_M
    if not travels and not tilted:
        return None
    lean = -body_up[[0, 2]] / max(float(body_up[1]), 0.1)
    # across the way, and everywhere for a body that stays in place, the body's lean is a guide
    guide = np.array([0.0 if travels else float(lean @ axes[0]), float(lean @ axes[1])])
    trust = np.array([_ANY_SLOPE if travels else _LEAN_SLOPE, _LEAN_SLOPE])
    slopes = _fit(ground @ axes.T, height, guide, trust)
    slope = slopes @ axes
    normal = rotation.normalize(np.array([-slope[0], 1.0, -slope[1]]))
    if tilted:
        return normal
    tilt = float(np.arccos(np.clip(normal @ UP, -1.0, 1.0)))
    lean_off = float(np.arccos(np.clip(normal @ body_up, -1.0, 1.0)))
    rise = float(np.ptp(ground @ slope))
    residual = float(np.sqrt(median((height - ground @ slope) ** 2)))
    sure = (
        _LEAST_RADIANS < tilt < _MOST_RADIANS
        and rise > _LEAST_RISE_M
        and residual < _MOST_RESIDUAL_M
        and residual < 0.3 * rise
        and lean_off < _MOST_LEAN_RADIANS
    )
    return normal if sure else None


def _places(ankles: Array, frame_time_seconds: float) -> Array:
    """ankles: (T, 2, 3) -> (N, 3) where a foot stands, one place for each time that it does."""
    speed = rotation.length(np.gradient(ankles, frame_time_seconds, axis=0))
    shortest = max(2, round(_SHORTEST_SECONDS / frame_time_seconds))
    still = remove_short_segments(speed < _STILL_M_S, shortest, values=(True,))
    found = []
    for side in range(ankles.shape[1]):
        edges = np.flatnonzero(np.diff(np.pad(still[:, side].astype(int), 1)))
        for start, stop in zip(edges[::2], edges[1::2], strict=True):
            found.append(median(ankles[start:stop, side]))
    return np.array(found).reshape(-1, 3)


def _fit(ground: Array, height: Array, guide: Array, trust: Array) -> Array:
    """The slopes (2,) of heights over the ground, with outliers, feet held in the air, left out.

    ground: (N, 2) metres; guide, trust: (2,) the slopes that are expected, and how far from these
    they may be
    """
    weight = np.ones(len(height))
    slopes = guide
    for _ in range(6):
        centred = ground - np.average(ground, axis=0, weights=weight)
        risen = height - np.average(height, weights=weight)
        normal = centred.T @ (weight[:, None] * centred) / _NOISE_M**2 + np.diag(trust**-2.0)
        slopes = np.linalg.solve(
            normal, centred.T @ (weight * risen) / _NOISE_M**2 + guide / trust**2
        )
        off = np.abs(risen - centred @ slopes)
        weight = 1.0 / (1.0 + (off / max(2.0 * float(median(off)), _NOISE_M)) ** 2)
    return slopes
