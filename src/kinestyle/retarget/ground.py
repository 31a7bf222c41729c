"""The ground below a body, moment by moment: stairs, ramps, platforms; and how far above it jumps
take the feet.

The ground is where the lower foot rests, and a straight line between two such places. A foot in the
air is at rest for less than a tenth of a second, at the top of a jump; one that is higher than feet
get in a step and rests for longer stands on something.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from kinestyle.motion.rotation import Array
from kinestyle.motion.smoothing import remove_short_segments
from kinestyle.retarget.contacts import HEIGHT_M, standing_heights

RAISED_SECONDS = 0.2
"""How long a foot rests at least that stands on something higher than the floor."""


@dataclass(frozen=True, eq=False)
class Ground:
    """height: (T,) metres of the local ground above the clip's floor
    flight: (T,) metres of the lower foot above the local ground
    raised: (T, 2) bool, left and right: a foot rests on ground that is higher than the floor
    """

    height: Array
    flight: Array
    raised: np.ndarray


def find_ground(above_rest: Array, slow: np.ndarray, frame_time_seconds: float) -> Ground:
    """above_rest, slow: (T, 4) of a whole clip, as `measure_contacts` gives them."""
    height = above_rest - np.tile(standing_heights(above_rest), 2)
    of_foot = height.reshape(-1, 2, 2)
    foot = of_foot.min(axis=-1)
    lowest = foot.min(axis=-1)
    at_rest = (slow.reshape(-1, 2, 2) & (of_foot - foot[..., None] < HEIGHT_M)).any(axis=-1)
    at_rest &= foot - lowest[:, None] < HEIGHT_M
    shortest = max(1, round(RAISED_SECONDS / frame_time_seconds))
    low = foot < HEIGHT_M
    raised = remove_short_segments(at_rest & ~low, shortest, values=(True,))
    stands = np.flatnonzero(((at_rest & low) | raised).any(axis=-1))
    if not len(stands):
        return Ground(np.zeros(len(foot)), np.maximum(lowest, 0.0), raised)
    ground = np.interp(np.arange(len(foot)), stands, np.maximum(lowest[stands], 0.0))
    return Ground(ground, np.maximum(lowest - ground, 0.0), raised)
