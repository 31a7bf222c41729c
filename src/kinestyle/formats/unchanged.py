"""What a clip still has in common with the file that it came from: writers keep it as it was."""

from __future__ import annotations

import math

import numpy as np

from kinestyle.motion.rotation import Array
from kinestyle.motion.skeleton import Skeleton

UNCHANGED = 1e-9
"""Quaternion components and relative positions that differ by at most this equal the file's."""


def further_decimals(skeleton: Skeleton) -> int:
    """How many more digits after the point the positions of a rig need than those of rigs with a
    bone of .1 units or more.
    """
    bones = skeleton.offsets[skeleton.parents >= 0], skeleton.end_offsets
    longest = max(float(np.abs(offsets).max(initial=0.0)) for offsets in bones)
    return 0 if longest >= 0.1 or not longest else -1 - math.floor(math.log10(longest))


def unit_of(skeleton: Skeleton) -> float:
    """What positions on a rig are compared in: 1, or less for one that is smaller than any unit
    makes a body.
    """
    return 10.0 ** -further_decimals(skeleton)


def same_position(position: Array, source: Array, unit: float = 1.0) -> np.ndarray:
    """position, source: (..., 3) -> (..., 3) bool, coordinates that are those of the file; unit:
    that of the rig, see `unit_of`.
    """
    near = np.abs(position - source) <= UNCHANGED * np.maximum(unit, np.abs(source))
    return np.asarray(near)


def same_rotation(q: Array, source: Array) -> np.ndarray:
    """q, source: (..., 4) -> (...) bool, rotations that are those of the file."""
    # a quaternion and its negative are one rotation
    sign = np.where(np.sum(q * source, axis=-1, keepdims=True) < 0, -1.0, 1.0)
    return np.asarray(np.abs(q * sign - source).max(axis=-1) <= UNCHANGED)
