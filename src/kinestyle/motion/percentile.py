"""Percentiles, without all that numpy's can do: its own import masked arrays, for which every
command would wait.
"""

from __future__ import annotations

import numpy as np

from kinestyle.motion.rotation import Array


def percentile(values: Array, percent: float, axis: int = 0) -> Array:
    """values: (..., N, ...) -> (...), the value that so many percent of the N along an axis are not
    above, on the straight line between the two that are nearest.
    """
    count = values.shape[axis]
    place = percent / 100.0 * (count - 1)
    low = int(place)
    high = min(low + 1, count - 1)
    ordered = np.partition(values, (low, high), axis=axis)
    ordered = ordered if axis == 0 else np.moveaxis(ordered, axis, 0)
    share = place - low
    return np.asarray(ordered[low] + share * (ordered[high] - ordered[low]))


def median(values: Array) -> Array:
    """values: (N, ...) -> (...)."""
    return percentile(values, 50.0)
