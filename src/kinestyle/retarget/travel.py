"""How a motion travels: where feet carry it along, and how far from another one it ends."""

from __future__ import annotations

import numpy as np

from kinestyle.motion.rotation import Array
from kinestyle.motion.smoothing import largest_within, ramp, smooth_in_time
from kinestyle.motion.window import Motion
from kinestyle.retarget.correspondence import Correspondence
from kinestyle.retarget.legs import role_position

STEADY_SECONDS, QUICK_SECONDS = 0.5, 0.15
"""Over how long hips that are carried along keep their velocity, and over how long it is measured.
"""

CARRIED_M_S = (0.25, 0.45)
"""From which steady speed on hips are carried along, and from where on wholly. Learned walks have
.46 and more, backwards and tired as they may be; half of a dance or of a fight is slower than .35.
"""

CARRIED_SHARE = (0.5, 0.8)
"""The same for the steady speed as a share of the quick one: steps to and fro carry nothing."""


JUMP_M, JUMP_SECONDS = (0.1, 0.18), 0.5
"""From which flight on a body jumps, which carries it as far as it was meant to, and how long
before and after. Feet of learned runs do not fly as high."""


def carried_along(hips: Array, flight: Array, frame_time_seconds: float) -> Array:
    """hips: (T, 2) metres over the ground; flight: (T,) metres, of `Ground` -> (T,) 0 to 1, how
    much the body walks or runs at each moment, rather than dancing, fighting or jumping about.
    """
    if len(hips) < 2:
        return np.zeros(len(hips))
    velocity = np.gradient(hips, frame_time_seconds, axis=0)
    quick = smooth_in_time(velocity, QUICK_SECONDS / frame_time_seconds)
    sigma = STEADY_SECONDS / frame_time_seconds
    steady = np.linalg.norm(smooth_in_time(quick, sigma), axis=-1)
    speed = smooth_in_time(np.linalg.norm(quick, axis=-1), sigma)
    share = steady / np.maximum(speed, 1e-6)
    jumps = ramp(flight, JUMP_M)
    around = JUMP_SECONDS / frame_time_seconds
    carried = 1.0 - smooth_in_time(largest_within(jumps, round(around)), 0.5 * around)
    for value, bounds in ((steady, CARRIED_M_S), (share, CARRIED_SHARE)):
        carried *= ramp(value, bounds)
    return carried


def end_distance_m(before: Motion, after: Motion, correspondence: Correspondence) -> float:
    """How far over the ground the hips of a result end from where those of its input do, in metres
    on a body as tall as the canonical one.
    """
    ends = [
        role_position(
            motion.window(motion.frame_count - 1, motion.frame_count), correspondence, "hips"
        )[0, [0, 2]]
        for motion in (before, after)
    ]
    return float(np.linalg.norm(ends[1] - ends[0]))
