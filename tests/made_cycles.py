"""Cycles made of the example's walk: one stride, closed, at any frame rate, travelling or on a
treadmill.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

import kinestyle
from kinestyle.formats.table import read_motion
from kinestyle.motion import rotation
from kinestyle.motion.clip import Clip
from kinestyle.motion.resampling import spline_rotation, spline_vector
from kinestyle.motion.rotation import Array
from kinestyle.motion.smoothing import smootherstep

WALK = Path(kinestyle.__file__).parent / "examples" / "walk.bvh"
RATES = (24.0, 30.0, 60.0, 120.0)


def walk_cycle(frame_rate: float = 30.0, in_place: bool = False, pace: float = 1.0) -> Clip:
    """One stride of the example, whose last pose is its first to the digit.

    in_place: whether it is on a treadmill: the hips end where they began
    pace: how much faster than the example
    """
    walk = read_motion(WALK)
    start, period = _stride(walk)
    blended = 8
    frames = np.arange(start, start + period + 1)
    position, turned = walk.local_position[frames].copy(), walk.local_rotation[frames].copy()
    # the stride before passes over into the end of this one
    share = smootherstep((np.arange(period + 1) - period + blended) / blended)
    some = share > 0.0
    other = frames[some] - period
    travel = position[-1, 0] - walk.local_position[start, 0]
    travel[1] = 0.0
    moved = (
        walk.local_position[other]
        + np.where(np.arange(turned.shape[1]) == 0, 1, 0)[:, None] * travel
    )
    weight = share[some]
    position[some] += weight[:, None, None] * (moved - position[some])
    turned[some] = rotation.interpolate(turned[some], walk.local_rotation[other], weight[:, None])
    position[-1], turned[-1] = position[0], turned[0]
    position[-1, 0] += travel
    if in_place:
        position[:, 0] -= np.arange(period + 1)[:, None] / period * travel
    seconds = period * walk.frame_time_seconds / pace
    count = max(8, round(seconds * frame_rate))
    at = np.arange(count + 1) * period / count
    position, turned = (
        _around(values, at, spline)
        for values, spline in (
            (position, spline_vector),
            (turned, spline_rotation),
        )
    )
    name = f"walk_{'in_place' if in_place else 'travelling'}_{frame_rate:g}"
    return replace(
        walk.with_motion(position, turned),
        name=name,
        source=None,
        frame_time_seconds=seconds / count,
    )


def made_cycles() -> Iterator[Clip]:
    """At all rates, travelling and in place; and short ones."""
    for in_place in (False, True):
        for rate in RATES:
            yield walk_cycle(rate, in_place)
        quick = walk_cycle(30.0, in_place, pace=1.9)
        yield replace(quick, name=f"{quick.name}_quick")


def _stride(walk: Clip) -> tuple[int, int]:
    """The first frame and the length of the stride that closes best."""
    pose = walk.world_position - walk.world_position[:, :1]
    best = (np.inf, 0, 0)
    for period in range(24, 48):
        for start in range(period, walk.frame_count - period - 1):
            seam = np.linalg.norm(pose[start + period] - pose[start], axis=-1).mean()
            best = min(best, (float(seam), start, period))
    return best[1:]


def _around(values: Array, at: Array, spline: object) -> Array:
    """Values (P + 1, ...) of a closed stride at fractional frames, smooth over the seam."""
    assert callable(spline)
    period = len(values) - 1
    gone = values[-1:] - values[:1] if values.shape[-1] == 3 else 0.0
    three = np.concatenate([values[:-1] - gone, values[:-1], values + gone])
    found: Array = spline(three, at + period)
    return found
