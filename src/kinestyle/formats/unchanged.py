"""What a clip still has in common with the file that it came from: writers keep it as it was."""

from __future__ import annotations

import numpy as np

from kinestyle.motion.rotation import Array

UNCHANGED = 1e-9
"""Quaternion components and relative positions that differ by at most this equal the file's."""


def same_position(position: Array, source: Array) -> np.ndarray:
    """position, source: (..., 3) -> (..., 3) bool, coordinates that are those of the file."""
    near = np.abs(position - source) <= UNCHANGED * np.maximum(1.0, np.abs(source))
    return np.asarray(near)


def same_rotation(q: Array, source: Array) -> np.ndarray:
    """q, source: (..., 4) -> (...) bool, rotations that are those of the file."""
    # a quaternion and its negative are one rotation
    sign = np.where(np.sum(q * source, axis=-1, keepdims=True) < 0, -1.0, 1.0)
    return np.asarray(np.abs(q * sign - source).max(axis=-1) <= UNCHANGED)
